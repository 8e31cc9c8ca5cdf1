#include "sets/reference.h"

#include "base/address_map.h"
#include "base/interrupt.h"
#include "sets/partition.h"

#include <stdlib.h>
#include <string.h>

// A kind: the number of the type, and these.
enum {
    KIND_PART_SHIFT = 28,   // a bit a part, of the object
    KIND_VALUES_SHIFT = 30, // the same, of its virtual dict
    KIND_TYPE = (1 << KIND_PART_SHIFT) - 1,
};

struct hc_reference *hc_reference_keep(struct hc_reference *reference)
{
    reference->references++;
    return reference;
}

void hc_reference_release(struct hc_reference *reference)
{
    if (!reference || --reference->references)
        return;
    for (size_t i = 0; i < reference->types.count; i++)
        free(reference->types.items[i].name);
    hc_reference_type_vector_deinit(&reference->types);
    hc_word_vector_deinit(&reference->libraries);
    free(reference->addresses);
    free(reference->kinds);
    free(reference);
}

// Goes through the real objects of a graph by address. Those in the pools and the others are in order each;
// the pools' are told word by word, for to find one by its number takes a search.
struct cursor {
    const struct hc_graph *graph;
    size_t word;
    uint64_t bits; // of the word, not yet told
    uint32_t pool_object, other;
};

static struct cursor cursor_begin(const struct hc_graph *graph)
{
    struct cursor cursor = {.graph = graph, .other = graph->pool_count};
    if (graph->pools.word_count)
        cursor.bits = graph->pools.words[0].objects;
    return cursor;
}

static bool next_in_pools(struct cursor *cursor, uint64_t *ret)
{
    const struct hc_pools *pools = &cursor->graph->pools;
    while (cursor->word < pools->word_count && !cursor->bits)
        if (++cursor->word < pools->word_count)
            cursor->bits = pools->words[cursor->word].objects;
    if (cursor->word >= pools->word_count)
        return false;
    const struct hc_slot_word *word = &pools->words[cursor->word];
    const struct hc_pool *pool = &pools->pools[word->pool];
    unsigned bit = (unsigned)__builtin_ctzll(cursor->bits);
    uint32_t block = (uint32_t)(cursor->word - pool->first_word) * 64 + bit;
    *ret = hc_pool_block_address(pools, pool, block) + hc_slot_header(pools, word, bit);
    return true;
}

static bool cursor_next(struct cursor *cursor, uint32_t *ret_object, uint64_t *ret_address)
{
    const struct hc_graph *graph = cursor->graph;
    uint64_t in_pools = 0, other = 0;
    bool has_pools = cursor->pool_object < graph->pool_count && next_in_pools(cursor, &in_pools);
    bool has_other = cursor->other < graph->real_count;
    if (has_other)
        other = graph->others[cursor->other - graph->pool_count];
    if (!has_pools && !has_other)
        return false;
    if (has_pools && (!has_other || in_pools < other)) {
        *ret_object = cursor->pool_object++;
        *ret_address = in_pools;
        cursor->bits &= cursor->bits - 1;
    } else {
        *ret_object = cursor->other++;
        *ret_address = other;
    }
    return true;
}

static uint32_t parts_of(const struct hc_graph *graph, const struct hc_set *set, uint32_t object)
{
    if (set)
        return hc_set_has(set, object) ? 1u << HC_REFERENCE_REACHED | 1u << HC_REFERENCE_UNREACHED : 0;
    switch ((enum hc_state)graph->states[object]) {
    case HC_STATE_REACHABLE:
        return 1u << HC_REFERENCE_REACHED;
    case HC_STATE_TRACKED:
    case HC_STATE_STRAY:
        return 1u << HC_REFERENCE_UNREACHED;
    default:
        return 0;
    }
}

// The parts of each object's virtual dict, by the object's number; NULL in `*ret` if there is none at all.
static struct hc_error *find_values(const struct hc_graph *graph, const struct hc_set *set, uint8_t **ret)
{
    *ret = NULL;
    if (graph->real_count == graph->count)
        return NULL;
    uint8_t *parts = calloc(graph->real_count + 1u, 1);
    if (!parts)
        return hc_error_out_of_memory();
    for (uint32_t object = graph->real_count; object < graph->count; object++)
        parts[graph->virtual_owners[object - graph->real_count]] = (uint8_t)parts_of(graph, set, object);
    *ret = parts;
    return NULL;
}

static struct hc_error *take_types(struct hc_reference *reference, const struct hc_graph *graph)
{
    const struct hc_type_vector *types = &graph->types.types;
    if (types->count > KIND_TYPE)
        return hc_error_create("a reference point holds at most %d types", KIND_TYPE);
    for (size_t i = 0; i < types->count; i++) {
        struct hc_reference_type type = {types->items[i]->address, hc_kind_class_name(types->items[i])};
        if (!type.name || !hc_reference_type_vector_push(&reference->types, type)) {
            free(type.name);
            return hc_error_out_of_memory();
        }
    }
    return NULL;
}

static struct hc_error *take_objects(struct hc_reference *reference, const struct hc_graph *graph,
                                     const struct hc_set *set)
{
    _cleanup_(hc_freep) uint8_t *values = NULL;
    struct cursor cursor = cursor_begin(graph);
    uint32_t object;
    uint64_t address;
    HC_TRY(find_values(graph, set, &values));
    while (cursor_next(&cursor, &object, &address)) {
        uint32_t parts = parts_of(graph, set, object), value_parts = values ? values[object] : 0;
        if (!(object % HC_INTERRUPT_STRIDE))
            HC_TRY(hc_interrupt_check());
        if (!parts && !value_parts)
            continue;
        reference->addresses[reference->count] = address;
        reference->kinds[reference->count++] =
            graph->type_indexes[object] | parts << KIND_PART_SHIFT | value_parts << KIND_VALUES_SHIFT;
    }
    return NULL;
}

static uint64_t hash_path(const char *path)
{
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (; *path; path++)
        hash = (hash ^ (uint8_t)*path) * 0x100000001b3u;
    return hash;
}

static struct hc_error *take_libraries(struct hc_reference *reference, const struct hc_image *image)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    for (size_t i = 0; i < count; i++)
        if (!modules[i].is_main && (!hc_word_vector_push(&reference->libraries, hash_path(modules[i].path)) ||
                                    !hc_word_vector_push(&reference->libraries, modules[i].start)))
            return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *create(const struct hc_graph *graph, const struct hc_set *set,
                               struct hc_reference **ret)
{
    _cleanup_(hc_reference_releasep) struct hc_reference *reference = calloc(1, sizeof(*reference));
    const struct hc_runtime *runtime = graph->types.runtime;
    if (!reference)
        return hc_error_out_of_memory();
    reference->references = 1;
    reference->interpreter = runtime->address;
    if (runtime->module) {
        reference->build_id_length = runtime->module->build_id_length;
        memcpy(reference->build_id, runtime->module->build_id, sizeof(reference->build_id));
    }
    reference->addresses = malloc((graph->real_count + 1ull) * sizeof(*reference->addresses));
    reference->kinds = malloc((graph->real_count + 1ull) * sizeof(*reference->kinds));
    if (!reference->addresses || !reference->kinds)
        return hc_error_out_of_memory();
    HC_TRY(take_libraries(reference, runtime->image));
    HC_TRY(take_types(reference, graph));
    HC_TRY(take_objects(reference, graph, set));
    *ret = hc_take(reference);
    return NULL;
}

struct hc_error *hc_reference_of_graph(const struct hc_graph *graph, struct hc_reference **ret)
{
    return create(graph, NULL, ret);
}

struct hc_error *hc_reference_of_set(const struct hc_set *set, struct hc_reference **ret)
{
    return create(set->universe->graph, set, ret);
}

struct hc_error *hc_reference_read(const char *core, const struct hc_session_options *options,
                                   struct hc_reference **ret)
{
    const struct hc_session_options own = {.core = core,
                                           .image = options->image,
                                           .debug = options->debug,
                                           .definitions = options->definitions,
                                           .threads = options->threads};
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    HC_TRY(hc_session_open(&own, &session));
    return hc_reference_of_graph(session->graph, ret);
}

// Two processes may have the interpreter at one address: a program that is not position-independent. Their
// libraries lie elsewhere, all of them; within one process, one or the other may have been loaded again.
static bool libraries_agree(const struct hc_reference *reference, const struct hc_image *image)
{
    size_t count, common = 0;
    const struct hc_module *modules = hc_image_modules(image, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_path(modules[i].path);
        for (size_t k = 0; k + 1 < reference->libraries.count && !modules[i].is_main; k += 2) {
            bool is_same = reference->libraries.items[k] == hash;
            if (is_same && reference->libraries.items[k + 1] == modules[i].start)
                return true;
            common += is_same;
        }
    }
    return !common;
}

struct hc_error *hc_reference_check(const struct hc_reference *reference, const struct hc_graph *graph)
{
    const struct hc_runtime *runtime = graph->types.runtime;
    const struct hc_module *module = runtime->module;
    bool is_other_build = module && (module->build_id_length != reference->build_id_length ||
                                     memcmp(module->build_id, reference->build_id, module->build_id_length));
    if (is_other_build)
        return hc_error_create("the baseline is of another process: its Python is another build");
    if (runtime->address != reference->interpreter)
        return hc_error_create("the baseline is of another process: its Python lies at 0x%lx, not at 0x%lx; "
                               "addresses tell objects only within one process",
                               (long)reference->interpreter, (long)runtime->address);
    if (!libraries_agree(reference, runtime->image))
        return hc_error_create("the baseline is of another process: no library lies where it lay; addresses "
                               "tell objects only within one process");
    return NULL;
}

// The types of a universe as numbers of the reference's types + 1; 0: not there.
static struct hc_error *match_types(const struct hc_reference *reference, const struct hc_graph *graph,
                                    uint32_t *numbers)
{
    _cleanup_(hc_address_map_deinit) struct hc_address_map map = {0};
    bool is_new;
    for (size_t i = 0; i < reference->types.count; i++)
        if (reference->types.items[i].address &&
            !hc_address_map_insert(&map, reference->types.items[i].address, (uint32_t)i, &is_new))
            return hc_error_out_of_memory();
    for (size_t i = 0; i < graph->types.types.count; i++) {
        const struct hc_type *type = graph->types.types.items[i];
        uint32_t number;
        if (!type->address || !hc_address_map_find(&map, type->address, &number))
            continue;
        _cleanup_(hc_freep) char *name = hc_kind_class_name(type);
        if (!name)
            return hc_error_out_of_memory();
        if (!strcmp(name, reference->types.items[number].name))
            numbers[i] = number + 1;
    }
    return NULL;
}

// Both sides are in the order of addresses.
static struct hc_error *match_objects(const struct hc_reference *reference, enum hc_reference_part part,
                                      const uint32_t *types, uint8_t *values, struct hc_set *found)
{
    const struct hc_graph *graph = found->universe->graph;
    struct cursor cursor = cursor_begin(graph);
    uint32_t object;
    uint64_t address;
    size_t at = 0;
    while (cursor_next(&cursor, &object, &address)) {
        if (!(object % HC_INTERRUPT_STRIDE))
            HC_TRY(hc_interrupt_check());
        while (at < reference->count && reference->addresses[at] < address)
            at++;
        if (at == reference->count)
            break;
        uint32_t kind = reference->kinds[at];
        if (reference->addresses[at] != address ||
            types[graph->type_indexes[object]] != (kind & KIND_TYPE) + 1)
            continue;
        if (kind >> (KIND_PART_SHIFT + part) & 1)
            hc_set_put(found, object);
        values[object] = kind >> (KIND_VALUES_SHIFT + part) & 1;
    }
    return NULL;
}

struct hc_error *hc_reference_members(const struct hc_reference *reference, enum hc_reference_part part,
                                      struct hc_universe *universe, struct hc_set **ret)
{
    const struct hc_graph *graph = universe->graph;
    _cleanup_(hc_set_releasep) struct hc_set *found = hc_set_create(universe);
    _cleanup_(hc_freep) uint32_t *types = calloc(graph->types.types.count + 1, sizeof(*types));
    _cleanup_(hc_freep) uint8_t *values = calloc(graph->real_count + 1u, 1);
    if (!found || !types || !values)
        return hc_error_out_of_memory();
    HC_TRY(match_types(reference, graph, types));
    HC_TRY(match_objects(reference, part, types, values, found));
    // A virtual dict is the same if its owner is, and had one.
    for (uint32_t object = graph->real_count; object < graph->count; object++)
        if (values[graph->virtual_owners[object - graph->real_count]])
            hc_set_put(found, object);
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}

uint64_t hc_reference_count(const struct hc_reference *reference, enum hc_reference_part part)
{
    uint64_t count = 0;
    for (size_t i = 0; i < reference->count; i++)
        count += (reference->kinds[i] >> (KIND_PART_SHIFT + part) & 1) +
                 (reference->kinds[i] >> (KIND_VALUES_SHIFT + part) & 1);
    return count;
}

struct hc_error *hc_reference_count_types(const struct hc_reference *reference, enum hc_reference_part part,
                                          const struct hc_graph *graph, uint64_t *counts)
{
    size_t type_count = graph->types.types.count;
    _cleanup_(hc_freep) uint32_t *types = calloc(type_count + 1, sizeof(*types));
    _cleanup_(hc_freep) uint64_t *of_numbers = calloc(reference->types.count + 1, sizeof(*of_numbers));
    if (!types || !of_numbers)
        return hc_error_out_of_memory();
    HC_TRY(match_types(reference, graph, types));
    for (size_t i = 0; i < reference->count; i++)
        if (reference->kinds[i] >> (KIND_PART_SHIFT + part) & 1)
            of_numbers[(reference->kinds[i] & KIND_TYPE) + 1]++;
    for (size_t i = 0; i < type_count; i++)
        counts[i] = types[i] ? of_numbers[types[i]] : 0;
    return NULL;
}
