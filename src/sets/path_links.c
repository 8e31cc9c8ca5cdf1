#include "sets/path_links.h"

#include "python/strings.h"

#include <string.h>

static void add(struct hc_path_relater *relater, struct hc_link link)
{
    if (!hc_link_vector_push(&relater->links, link))
        relater->out_of_memory = true;
}

static bool add_entry(void *argument, uint64_t key, uint64_t value)
{
    struct hc_path_relater *relater = argument;
    add(relater, (struct hc_link){.target = value, .kind = HC_LINK_VALUE, .key = key});
    add(relater, (struct hc_link){.target = key, .kind = HC_LINK_KEY, .number = relater->links.count / 2});
    return !relater->out_of_memory;
}

void hc_path_relate(struct hc_path_relater *relater, const struct hc_object_view *object)
{
    static const struct {
        const char *type;
        enum hc_link_kind kind;
    } containers[] = {{"list", HC_LINK_ITEM}, {"tuple", HC_LINK_ITEM}, {"set", HC_LINK_MEMBER}};
    const struct hc_references *references = &relater->tracer->references;
    relater->links.count = 0;
    if (object->type->is_dict) {
        hc_dict_each(relater->tracer->runtime, &relater->tracer->reader, object->address, add_entry, relater);
        return;
    }
    hc_tracer_trace(relater->tracer, object);
    for (size_t c = 0; c < sizeof(containers) / sizeof(*containers); c++)
        for (size_t i = 0; i < references->visited.count && !strcmp(object->type->name, containers[c].type);
             i++)
            add(relater, (struct hc_link){.target = references->visited.items[i],
                                          .kind = containers[c].kind,
                                          .number = i});
    if (references->dict)
        add(relater,
            (struct hc_link){.target = references->dict, .kind = HC_LINK_ATTRIBUTE, .name = "__dict__"});
}
