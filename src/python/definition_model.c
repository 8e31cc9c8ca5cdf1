#include "python/definition_model.h"

#include <dlfcn.h>
#include <string.h>

static void item_deinit(struct hc_definition_item *item)
{
    free(item->element_name);
    free(item->next_place.member);
    free(item->relation.name);
    hc_definition_expression_deinit(&item->count);
}

void hc_definition_block_destroy(struct hc_definition_block *block)
{
    if (!block)
        return;
    for (size_t i = 0; i < block->places.count; i++)
        free(block->places.items[i].member);
    for (size_t i = 0; i < block->items.count; i++)
        item_deinit(&block->items.items[i]);
    hc_definition_places_deinit(&block->places);
    hc_definition_items_deinit(&block->items);
    hc_definition_expression_deinit(&block->size);
    free(block->name);
    free(block->structure);
    free(block);
}

void hc_definition_destroy(struct hc_definition *definition)
{
    if (!definition)
        return;
    for (size_t i = 0; i < definition->names.count; i++)
        free(definition->names.items[i]);
    hc_definition_names_deinit(&definition->names);
    free(definition->base);
    free(definition);
}

void hc_definition_file_destroy(struct hc_definition_file *file)
{
    if (!file)
        return;
    for (size_t i = 0; i < file->definitions.count; i++)
        hc_definition_destroy(file->definitions.items[i]);
    for (size_t i = 0; i < file->blocks.count; i++)
        hc_definition_block_destroy(file->blocks.items[i]);
    hc_definition_vector_deinit(&file->definitions);
    hc_definition_blocks_deinit(&file->blocks);
    if (file->library)
        dlclose(file->library);
    free(file->path);
    free(file);
}

bool hc_definition_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
