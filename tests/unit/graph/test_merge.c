// Merging what the workers found, against a plain model that names everything by address.
#include "graph/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
    POOL_BITS = 14,
    HEADER = 48,
    BLOCK = 64,
    POOLS = 3,
    BLOCKS_A_POOL = 100,
    FINDINGS = 3, // of objects in pools
    MOST_POOLED = POOLS * BLOCKS_A_POOL,
    OTHERS = 80,
    MOST_REAL = MOST_POOLED + OTHERS,
    MOST_VIRTUAL = 100,
    MOST_EDGES = 5,
    ROUNDS = 60,
};
static const uint64_t FIRST_POOL = 0x7f0000000000, LOW_OTHERS = 0x500000, HIGH_OTHERS = 0x7fff00000000;

enum { PLAIN_TYPE, DICT_TYPE, TYPE_COUNT };

// Objects are named by model numbers: pooled ones first, then the others in the order of their discovery.
struct object {
    uint64_t address;
    uint64_t size;
    uint32_t type;
    uint32_t edges[MOST_EDGES]; // model numbers; VIRTUAL: its own virtual dict
    uint32_t edge_count;
    bool has_virtual;
    uint64_t virtual_size;
    uint32_t virtual_edges[MOST_EDGES];
    uint32_t virtual_edge_count;
    uint32_t dict;   // that is in its dict slot, or NO_DICT
    uint8_t finding; // FINDINGS: that of the others
    uint32_t expected_virtual;
};
enum { VIRTUAL = UINT32_MAX, NO_DICT = UINT32_MAX };

struct model {
    struct object objects[MOST_REAL];
    uint32_t pooled, real;
    uint32_t lookalikes[10][2];
    struct hc_graph *graph;
    struct hc_finding *findings;
    struct hc_others others;
};

static uint32_t below(uint32_t limit)
{
    return (uint32_t)rand() % limit;
}

static void make_pools(struct model *model)
{
    struct hc_pools *pools = &model->graph->pools;
    enum { WORDS = (BLOCKS_A_POOL + 63) / 64 };
    *pools = (struct hc_pools){.count = POOLS,
                               .word_count = POOLS * WORDS,
                               .pool_bits = POOL_BITS,
                               .header_size = HEADER,
                               .gc_head_size = 16,
                               .pre_header_size = 16};
    pools->pools = calloc(POOLS, sizeof(*pools->pools));
    pools->words = calloc(POOLS * WORDS, sizeof(*pools->words));
    pools->directory = calloc(HC_DIRECTORY_SIZE, sizeof(*pools->directory));
    uint32_t *leaf = calloc(1u << (HC_DIRECTORY_SHIFT - POOL_BITS), sizeof(*leaf));
    assert_true(pools->pools && pools->words && pools->directory && leaf);
    pools->directory[FIRST_POOL >> HC_DIRECTORY_SHIFT] = leaf;
    for (uint32_t p = 0; p < POOLS; p++) {
        uint64_t address = FIRST_POOL + (uint64_t)p * 3 * (1 << POOL_BITS);
        leaf[(address & ((1u << HC_DIRECTORY_SHIFT) - 1)) >> POOL_BITS] = p + 1;
        pools->pools[p] = (struct hc_pool){.address = address,
                                           .first_word = p * WORDS,
                                           .reciprocal = (1u << 26), // 2^32 / 64
                                           .block_size = BLOCK,
                                           .block_count = BLOCKS_A_POOL};
        for (uint32_t block = 0; block < BLOCKS_A_POOL; block++) {
            struct hc_slot_word *word = &pools->words[p * WORDS + block / 64];
            word->pool = p;
            if (below(3) == 0)
                continue;
            uint64_t header = below(2) * 16;
            word->objects |= 1ull << block % 64;
            word->gc |= header ? 1ull << block % 64 : 0;
            model->objects[model->pooled++].address = address + HEADER + block * BLOCK + header;
        }
    }
    assert_null(hc_pools_number(pools));
    assert_int_equal(pools->object_count, model->pooled);
}

static bool is_taken(const struct model *model, uint64_t address)
{
    for (uint32_t i = model->pooled; i < model->real; i++)
        if (model->objects[i].address == address)
            return true;
    return false;
}

static void make_others(struct model *model)
{
    model->real = model->pooled;
    while (model->real < model->pooled + OTHERS) {
        uint64_t address = (below(2) ? LOW_OTHERS : HIGH_OTHERS) + 16ull * below(1000);
        if (!is_taken(model, address))
            model->objects[model->real++].address = address;
    }
}

static uint64_t random_size(void)
{
    static const uint64_t sizes[] = {0, 56, HC_LARGE - 1, HC_LARGE, HC_LARGE + 1ull, 1ull << 40};
    return sizes[below(sizeof(sizes) / sizeof(*sizes))];
}

static void make_objects(struct model *model)
{
    for (uint32_t i = 0; i < model->real; i++) {
        struct object *object = &model->objects[i];
        object->finding = i < model->pooled ? (uint8_t)(i * FINDINGS / model->pooled) : FINDINGS;
        object->size = random_size();
        object->type = below(3) ? PLAIN_TYPE : DICT_TYPE;
        object->dict = below(4) ? NO_DICT : below(model->real);
        object->has_virtual = below(8) == 0;
        object->virtual_size = below(HC_LARGE); // at most 255 values
        if (object->has_virtual)
            object->edges[object->edge_count++] = VIRTUAL;
        for (uint32_t e = below(MOST_EDGES); e > 0; e--)
            if (object->edge_count < MOST_EDGES)
                object->edges[object->edge_count++] = below(model->real);
        for (uint32_t e = object->has_virtual ? below(MOST_EDGES) : 0; e > 0; e--)
            object->virtual_edges[object->virtual_edge_count++] = below(model->real);
    }
    for (size_t i = 0; i < 10; i++) {
        model->lookalikes[i][0] = below(model->real);
        model->lookalikes[i][1] = below(model->pooled);
    }
}

static struct hc_finding *finding_of(struct model *model, uint8_t finding)
{
    return finding == FINDINGS ? &model->others.finding : &model->findings[finding];
}

// The local number of object `i` in `finding`: each worker counts foreign objects as it meets them.
static uint32_t tagged(const struct model *model, struct hc_finding *finding, uint32_t i)
{
    if (i < model->pooled)
        return hc_tagged(HC_TAG_OBJECT, i);
    bool inserted;
    struct hc_address_slot *slot = hc_address_map_insert(
        &finding->foreign, model->objects[i].address, (uint32_t)finding->foreign_addresses.count, &inserted);
    assert_non_null(slot);
    if (inserted)
        assert_true(hc_word_vector_push(&finding->foreign_addresses, model->objects[i].address));
    return hc_tagged(HC_TAG_FOREIGN, slot->value);
}

static void add_virtual(struct model *model, struct hc_finding *finding, uint32_t owner,
                        const struct object *object)
{
    for (uint32_t e = 0; e < object->virtual_edge_count; e++)
        assert_true(
            hc_stream_push(&finding->virtual_edges, tagged(model, finding, object->virtual_edges[e])));
    struct hc_virtual_dict dict = {
        .owner = owner, .edges = object->virtual_edge_count, .size = object->virtual_size};
    assert_true(hc_virtual_dict_vector_push(&finding->virtual_dicts, dict));
}

static struct hc_object_record add_object(struct model *model, uint32_t i)
{
    const struct object *object = &model->objects[i];
    struct hc_finding *finding = finding_of(model, object->finding);
    uint32_t number = tagged(model, finding, i);
    for (uint32_t e = 0; e < object->edge_count; e++) {
        uint32_t edge = object->edges[e] == VIRTUAL
                            ? hc_tagged(HC_TAG_VIRTUAL, (uint32_t)finding->virtual_dicts.count)
                            : tagged(model, finding, object->edges[e]);
        assert_true(hc_stream_push(&finding->edges, edge));
    }
    if (object->has_virtual)
        add_virtual(model, finding, number, object);
    if (object->dict != NO_DICT)
        assert_true(hc_owned_dict_vector_push(
            &finding->owned_dicts, (struct hc_owned_dict){number, tagged(model, finding, object->dict)}));
    if (object->size >= HC_LARGE)
        assert_true(hc_large_size_vector_push(
            &finding->large_sizes, (struct hc_large_size){.object = number, .size = object->size}));
    for (size_t s = 0; s < 10; s++)
        if (model->lookalikes[s][0] == i)
            assert_true(hc_lookalike_vector_push(&finding->lookalikes,
                                                 (struct hc_lookalike){number, model->lookalikes[s][1]}));
    return (struct hc_object_record){
        .type_index = object->type,
        .edge_count = object->edge_count,
        .size = object->size < HC_LARGE ? (uint16_t)object->size : HC_LARGE,
        .state = i % 2 ? HC_TRACKED_FLAG : 0,
    };
}

static void find_all(struct model *model)
{
    struct hc_graph *graph = model->graph;
    graph->pool_count = model->pooled;
    graph->edge_starts = malloc((model->pooled + 1u) * sizeof(*graph->edge_starts));
    graph->type_indexes = malloc((model->pooled + 1u) * sizeof(*graph->type_indexes));
    graph->sizes = malloc((model->pooled + 1u) * sizeof(*graph->sizes));
    graph->states = malloc(model->pooled + 1u);
    for (uint32_t i = 0; i < model->pooled; i++) {
        struct hc_object_record record = add_object(model, i);
        graph->edge_starts[i + 1] = record.edge_count;
        graph->type_indexes[i] = record.type_index;
        graph->sizes[i] = record.size;
        graph->states[i] = record.state;
    }
    for (uint32_t i = model->pooled; i < model->real; i++)
        tagged(model, &model->others.finding, i); // all are known before the first is traced
    model->others.records = calloc(OTHERS, sizeof(*model->others.records));
    for (uint32_t i = model->pooled; i < model->real; i++)
        model->others.records[model->others.traced++] = add_object(model, i);
}

// Numbers run in address order within each range.
static uint32_t expected_number(const struct model *model, uint32_t i)
{
    if (i < model->pooled)
        return i;
    uint32_t number = model->pooled;
    for (uint32_t other = model->pooled; other < model->real; other++)
        number += model->objects[other].address < model->objects[i].address;
    return number;
}

static uint32_t number_virtual_dicts(struct model *model)
{
    uint32_t next = model->real;
    for (uint32_t i = 0; i < model->real; i++) // findings are in this order, too
        if (model->objects[i].has_virtual)
            model->objects[i].expected_virtual = next++;
    return next;
}

static void check_edges(const struct model *model, uint32_t number, const uint32_t *edges, uint32_t count,
                        uint32_t own_virtual)
{
    const struct hc_graph *graph = model->graph;
    assert_int_equal(graph->edge_starts[number + 1] - graph->edge_starts[number], count);
    for (uint32_t e = 0; e < count; e++)
        assert_int_equal(graph->edges[graph->edge_starts[number] + e],
                         edges[e] == VIRTUAL ? own_virtual : expected_number(model, edges[e]));
}

static void check_object(const struct model *model, uint32_t i)
{
    const struct hc_graph *graph = model->graph;
    const struct object *object = &model->objects[i];
    hc_object_id found, id = {expected_number(model, i)};
    assert_true(hc_graph_find(graph, object->address, &found));
    assert_int_equal(found.i, id.i);
    assert_int_equal(hc_graph_address(graph, id), object->address);
    assert_int_equal(hc_graph_size(graph, id), object->size);
    assert_int_equal(graph->type_indexes[id.i], object->type);
    assert_int_equal(graph->states[id.i], i % 2 ? HC_TRACKED_FLAG : 0);
    assert_false(hc_graph_is_virtual(graph, id));
    check_edges(model, id.i, object->edges, object->edge_count, object->expected_virtual);
    if (!object->has_virtual)
        return;
    hc_object_id owner, dict = {object->expected_virtual};
    assert_true(hc_graph_is_virtual(graph, dict));
    assert_int_equal(graph->type_indexes[dict.i], DICT_TYPE);
    assert_true(hc_graph_dict_owner(graph, dict, &owner));
    assert_int_equal(owner.i, id.i);
    assert_int_equal(hc_graph_size(graph, dict), object->virtual_size);
    check_edges(model, dict.i, object->virtual_edges, object->virtual_edge_count, 0);
}

// Of several owners the one with the lowest address counts; what is no dict has none.
static void check_owner(const struct model *model, uint32_t i)
{
    const struct object *lowest = NULL;
    for (uint32_t owner = 0; owner < model->real; owner++)
        if (model->objects[owner].dict == i && (!lowest || model->objects[owner].address < lowest->address))
            lowest = &model->objects[owner];
    if (model->objects[i].type != DICT_TYPE)
        lowest = NULL;
    hc_object_id owner;
    assert_int_equal(hc_graph_dict_owner(model->graph, (hc_object_id){expected_number(model, i)}, &owner),
                     lowest != NULL);
    if (lowest)
        assert_int_equal(hc_graph_address(model->graph, owner), lowest->address);
}

static void check_holes(const struct model *model)
{
    hc_object_id found;
    for (uint32_t i = 0; i < model->real; i++) {
        assert_false(hc_graph_find(model->graph, model->objects[i].address + 1, &found));
        assert_false(hc_graph_find(model->graph, model->objects[i].address + 8, &found));
    }
    assert_false(hc_graph_find(model->graph, 0, &found));
    assert_false(hc_graph_find(model->graph, UINT64_MAX, &found));
}

static void check_lookalikes(const struct model *model, const struct hc_lookalike_vector *lookalikes)
{
    assert_int_equal(lookalikes->count, 10);
    for (size_t s = 0; s < 10; s++) {
        bool is_there = false;
        for (size_t i = 0; i < 10; i++)
            is_there |= lookalikes->items[i].owner == expected_number(model, model->lookalikes[s][0]) &&
                        lookalikes->items[i].object == model->lookalikes[s][1];
        assert_true(is_there);
    }
}

static void model_deinit(struct model *model)
{
    for (size_t f = 0; f < FINDINGS; f++)
        hc_finding_deinit(&model->findings[f]);
    free(model->findings);
    hc_others_deinit(&model->others);
    model->graph->types = (struct hc_type_table){0};
    hc_graph_destroy(model->graph);
}

static void make_model(struct model *model)
{
    static struct hc_type types[TYPE_COUNT] = {[DICT_TYPE] = {.is_dict = true}};
    static struct hc_type *pointers[TYPE_COUNT] = {&types[PLAIN_TYPE], &types[DICT_TYPE]};
    memset(model, 0, sizeof(*model));
    model->graph = calloc(1, sizeof(*model->graph));
    model->findings = hc_calloc_alone(FINDINGS, sizeof(*model->findings));
    assert_true(model->graph && model->findings);
    model->graph->types.types = (struct hc_type_vector){pointers, TYPE_COUNT, TYPE_COUNT};
    make_pools(model);
    make_others(model);
    make_objects(model);
}

static void test_merged_findings_agree_with_a_plain_model(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct model model;
        make_model(&model);
        find_all(&model);
        _cleanup_(hc_lookalike_vector_deinit) struct hc_lookalike_vector lookalikes = {0};
        assert_null(
            hc_graph_merge(model.graph, model.findings, FINDINGS, &model.others, DICT_TYPE, &lookalikes));
        assert_int_equal(model.graph->real_count, model.real);
        assert_int_equal(model.graph->count, number_virtual_dicts(&model));
        for (uint32_t i = 0; i < model.real; i++) {
            check_object(&model, i);
            check_owner(&model, i);
        }
        check_holes(&model);
        check_lookalikes(&model, &lookalikes);
        model_deinit(&model);
    }
}

static void expect_change_noticed(struct model *model)
{
    _cleanup_(hc_lookalike_vector_deinit) struct hc_lookalike_vector lookalikes = {0};
    struct hc_error *error =
        hc_graph_merge(model->graph, model->findings, FINDINGS, &model->others, DICT_TYPE, &lookalikes);
    assert_non_null(error);
    assert_non_null(strstr(hc_error_message(error), "changed"));
    hc_error_destroy(error);
}

static void test_an_object_that_only_one_worker_saw_is_an_error_and_no_crash(void **state)
{
    (void)state;
    struct model model;
    bool inserted;
    make_model(&model);
    find_all(&model);
    assert_true(hc_word_vector_push(&model.findings[1].foreign_addresses, 0x1230));
    expect_change_noticed(&model);
    model_deinit(&model);
    make_model(&model);
    find_all(&model);
    assert_true(hc_word_vector_push(&model.findings[1].foreign_addresses, 0x1230));
    assert_non_null(hc_address_map_insert(&model.others.finding.foreign, 0x1230, HC_NO_FOREIGN, &inserted));
    expect_change_noticed(&model);
    model_deinit(&model);
}

static void test_nothing_merges_into_an_empty_graph(void **state)
{
    (void)state;
    _cleanup_(hc_graph_destroyp) struct hc_graph *graph = calloc(1, sizeof(*graph));
    _cleanup_(hc_others_deinit) struct hc_others others = {0};
    _cleanup_(hc_lookalike_vector_deinit) struct hc_lookalike_vector lookalikes = {0};
    assert_null(hc_graph_merge(graph, NULL, 0, &others, 0, &lookalikes));
    assert_int_equal(graph->count, 0);
    assert_int_equal(graph->edge_starts[0], 0);
    const struct hc_word_vector none = {0};
    assert_null(hc_graph_mark_reachable(graph, &none));
    assert_null(hc_graph_mark_rest(graph, &none, &lookalikes));
    hc_object_id found;
    assert_false(hc_graph_find(graph, 0x1000, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged_findings_agree_with_a_plain_model),
        cmocka_unit_test(test_an_object_that_only_one_worker_saw_is_an_error_and_no_crash),
        cmocka_unit_test(test_nothing_merges_into_an_empty_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
