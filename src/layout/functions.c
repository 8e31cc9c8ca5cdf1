#include "layout/functions.h"

#include <dwarf.h>

#define MAX_FUNCTIONS (1u << 20)
#define MAX_ENTRIES (1u << 26) // some seconds of a library that has gigabytes of debug information

struct function {
    uint64_t address; // in the file's terms
    Dwarf_Die entry;
};

HC_DEFINE_VECTOR(function_vector, struct function)

struct hc_function_table {
    struct function_vector functions; // by address
};

struct listing {
    struct hc_debug_info *info;
    struct function_vector *functions;
    uint32_t entries;
    bool out_of_memory;
};

void hc_function_table_destroy(struct hc_function_table *table)
{
    if (!table)
        return;
    function_vector_deinit(&table->functions);
    free(table);
}

// A function in pieces (its seldom used part is apart) has a list of ranges in place of its beginning. That
// section is not read; its symbol tells, if no other function has the name.
static bool function_address(struct hc_debug_info *info, Dwarf_Die *entry, uint64_t *ret)
{
    Dwarf_Attribute attribute;
    Dwarf_Addr address;
    if (dwarf_lowpc(entry, &address) == 0) {
        *ret = address;
        return true;
    }
    if (!dwarf_attr(entry, DW_AT_ranges, &attribute) || !dwarf_attr_integrate(entry, DW_AT_name, &attribute))
        return false;
    const char *name = dwarf_formstring(&attribute);
    return name && hc_debug_info_find_only_symbol(info, name, ret);
}

static bool list_function(void *argument, Dwarf_Die *entry)
{
    struct listing *listing = argument;
    struct function function = {.entry = *entry};
    if (++listing->entries == MAX_ENTRIES)
        return false;
    if (dwarf_tag(entry) != DW_TAG_subprogram || !function_address(listing->info, entry, &function.address))
        return true;
    if (function_vector_push(listing->functions, function))
        return listing->functions->count < MAX_FUNCTIONS;
    listing->out_of_memory = true;
    return false;
}

static int by_address(const void *left, const void *right)
{
    uint64_t a = ((const struct function *)left)->address, b = ((const struct function *)right)->address;
    return (a > b) - (a < b);
}

static bool list_functions(struct hc_debug_info *info)
{
    struct hc_function_table *table = calloc(1, sizeof(*table));
    if (!table)
        return false;
    struct listing listing = {.info = info, .functions = &table->functions};
    hc_debug_info_walk_all(info, list_function, &listing);
    if (listing.out_of_memory) {
        hc_function_table_destroy(table);
        return false;
    }
    if (table->functions.count)
        qsort(table->functions.items, table->functions.count, sizeof(*table->functions.items), by_address);
    info->functions = table;
    return true;
}

bool hc_debug_info_find_function(struct hc_debug_info *info, uint64_t address, Dwarf_Die *ret)
{
    if (!info->functions && !list_functions(info))
        return false;
    const struct function_vector *functions = &info->functions->functions;
    struct function key = {.address = address - info->load_bias};
    const struct function *found =
        functions->count ? bsearch(&key, functions->items, functions->count, sizeof(key), by_address) : NULL;
    if (!found)
        return false;
    *ret = found->entry;
    return true;
}
