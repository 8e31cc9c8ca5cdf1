// Marking against a plain breadth-first search, on random graphs.
#include "graph/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST = 300, MOST_EDGES = 4, GRAPHS = 400, FIRST_ADDRESS = 0x1000 };

struct model {
    uint32_t real, count;
    uint32_t edges[MOST][MOST_EDGES];
    uint32_t edge_counts[MOST];
    uint32_t owners[MOST]; // of virtual dicts
    bool tracked[MOST];
    struct hc_word_vector roots, static_roots;
    struct hc_lookalike_vector lookalikes;
};

static uint32_t below(uint32_t limit)
{
    return (uint32_t)rand() % limit;
}

static void push_address(struct hc_word_vector *addresses, uint64_t address)
{
    assert_true(hc_word_vector_push(addresses, address));
}

static uint64_t address_of(uint32_t object)
{
    return FIRST_ADDRESS + 16ull * object;
}

// Virtual dicts stand between their owner and some objects.
static void make_model(struct model *model)
{
    *model = (struct model){.real = 1 + below(MOST - 50)};
    model->count = model->real + below(50);
    unsigned density = below(MOST_EDGES + 1);
    for (uint32_t i = 0; i < model->count; i++) {
        uint32_t edges = density ? below(density + 1) : 0;
        for (uint32_t e = 0; e < edges && e + 1 < MOST_EDGES; e++)
            model->edges[i][model->edge_counts[i]++] = below(model->real);
    }
    for (uint32_t i = model->real; i < model->count; i++) {
        uint32_t owner = below(model->real);
        model->owners[i] = owner;
        if (model->edge_counts[owner] < MOST_EDGES)
            model->edges[owner][model->edge_counts[owner]++] = i;
    }
    for (uint32_t i = 0; i < model->real; i++)
        model->tracked[i] = below(8) == 0;
    for (uint32_t i = below(4); i > 0; i--)
        push_address(&model->roots, address_of(below(model->real)));
    push_address(&model->roots, FIRST_ADDRESS + 8); // no object there
    for (uint32_t i = below(4); i > 0; i--)
        push_address(&model->static_roots, address_of(below(model->real)));
    for (uint32_t i = below(20); i > 0; i--)
        assert_true(hc_lookalike_vector_push(&model->lookalikes,
                                             (struct hc_lookalike){below(model->real), below(model->real)}));
}

static void model_deinit(struct model *model)
{
    hc_word_vector_deinit(&model->roots);
    hc_word_vector_deinit(&model->static_roots);
    hc_lookalike_vector_deinit(&model->lookalikes);
}

static struct hc_graph *make_graph(const struct model *model)
{
    struct hc_graph *graph = calloc(1, sizeof(*graph));
    assert_non_null(graph);
    graph->count = model->count;
    graph->real_count = model->real;
    graph->others = calloc(model->real, sizeof(*graph->others));
    graph->virtual_owners = calloc(model->count - model->real + 1, sizeof(*graph->virtual_owners));
    graph->edge_starts = calloc(model->count + 1, sizeof(*graph->edge_starts));
    graph->edges = calloc((size_t)MOST * MOST_EDGES, sizeof(*graph->edges));
    graph->states = calloc(model->count, 1);
    assert_true(graph->others && graph->virtual_owners && graph->edge_starts && graph->edges &&
                graph->states);
    uint32_t next = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        graph->edge_starts[i] = next;
        for (uint32_t e = 0; e < model->edge_counts[i]; e++)
            graph->edges[next++] = model->edges[i][e];
        if (i < model->real) {
            graph->others[i] = address_of(i);
            graph->states[i] = model->tracked[i] ? HC_TRACKED_FLAG : 0;
        } else {
            graph->virtual_owners[i - model->real] = model->owners[i];
        }
    }
    graph->edge_starts[model->count] = next;
    return graph;
}

// Gives `state` to all that `seed` reaches and that has none.
static void search(const struct model *model, uint32_t seed, uint8_t state, uint8_t *states)
{
    uint32_t queue[MOST], head = 0, tail = 0;
    if (states[seed])
        return;
    states[seed] = state;
    queue[tail++] = seed;
    while (head < tail) {
        uint32_t object = queue[head++];
        for (uint32_t e = 0; e < model->edge_counts[object]; e++) {
            uint32_t referent = model->edges[object][e];
            if (states[referent])
                continue;
            states[referent] = state;
            queue[tail++] = referent;
        }
    }
}

static void search_addresses(const struct model *model, const struct hc_word_vector *addresses, uint8_t state,
                             uint8_t *states)
{
    for (size_t i = 0; i < addresses->count; i++)
        for (uint32_t object = 0; object < model->real; object++)
            if (address_of(object) == addresses->items[i])
                search(model, object, state, states);
}

static void mark_plainly(const struct model *model, uint8_t *states)
{
    enum { NOTHING_YET = 0, BUFFER = 100 };
    memset(states, NOTHING_YET, MOST);
    search_addresses(model, &model->roots, HC_STATE_REACHABLE, states);
    for (uint32_t i = 0; i < model->real; i++)
        if (model->tracked[i])
            search(model, i, HC_STATE_TRACKED, states);
    search_addresses(model, &model->static_roots, HC_STATE_TRACKED, states);
    uint8_t alive[MOST];
    memcpy(alive, states, sizeof(alive));
    for (size_t i = 0; i < model->lookalikes.count; i++) {
        const struct hc_lookalike *lookalike = &model->lookalikes.items[i];
        if (alive[lookalike->owner] && !alive[lookalike->object])
            states[lookalike->object] = BUFFER;
    }
    for (uint32_t i = 0; i < model->real; i++)
        states[i] = states[i] == BUFFER ? HC_STATE_NONE : states[i] ? states[i] : HC_STATE_STRAY;
    for (uint32_t i = model->real; i < model->count; i++)
        states[i] = states[model->owners[i]];
}

static struct hc_error *mark(struct hc_graph *graph, const struct model *model)
{
    HC_TRY(hc_graph_mark_reachable(graph, &model->roots));
    return hc_graph_mark_rest(graph, &model->static_roots, &model->lookalikes);
}

static void check_model(const struct model *model)
{
    uint8_t expected[MOST];
    uint64_t counts[HC_STATE_COUNT] = {0};
    mark_plainly(model, expected);
    _cleanup_(hc_graph_destroyp) struct hc_graph *graph = make_graph(model);
    assert_null(mark(graph, model));
    for (uint32_t i = 0; i < model->count; i++) {
        assert_int_equal(graph->states[i], expected[i]);
        counts[expected[i]]++;
    }
    assert_memory_equal(counts, graph->tally.states, sizeof(counts));
    // The graph's roots are enough to reach all that is reachable.
    uint8_t reached[MOST] = {0};
    for (size_t i = 0; i < graph->roots.count; i++)
        search(model, graph->roots.items[i], HC_STATE_REACHABLE, reached);
    for (uint32_t i = 0; i < model->real; i++)
        assert_int_equal(reached[i] != 0, expected[i] == HC_STATE_REACHABLE);
    // Every object that an interpreter refers to is a root, though another root may reach it as well.
    for (size_t i = 0; i < model->roots.count; i++) {
        hc_object_id object;
        bool is_root = !hc_graph_find(graph, model->roots.items[i], &object);
        for (size_t k = 0; k < graph->roots.count && !is_root; k++)
            is_root = graph->roots.items[k] == object.i;
        assert_true(is_root);
    }
}

static void test_marks_agree_with_a_plain_search_on_random_graphs(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < GRAPHS; i++) {
        _cleanup_(model_deinit) struct model model;
        make_model(&model);
        check_model(&model);
    }
}

static void test_a_chain_of_a_million_objects_is_marked_without_recursion(void **state)
{
    (void)state;
    enum { LENGTH = 1000000 };
    _cleanup_(hc_graph_destroyp) struct hc_graph *graph = calloc(1, sizeof(*graph));
    graph->count = graph->real_count = LENGTH;
    graph->others = calloc(LENGTH, sizeof(*graph->others));
    graph->edge_starts = calloc(LENGTH + 1, sizeof(*graph->edge_starts));
    graph->edges = calloc(LENGTH, sizeof(*graph->edges));
    graph->states = calloc(LENGTH, 1);
    for (uint32_t i = 0; i < LENGTH; i++) {
        graph->others[i] = address_of(i);
        graph->edges[i] = (i + 1) % LENGTH;
        graph->edge_starts[i + 1] = i + 1;
    }
    uint64_t root = address_of(LENGTH / 2);
    const struct hc_word_vector roots = {&root, 1, 1}, none = {0};
    const struct hc_lookalike_vector no_lookalikes = {0};
    assert_null(hc_graph_mark_reachable(graph, &roots));
    assert_null(hc_graph_mark_rest(graph, &none, &no_lookalikes));
    assert_int_equal(graph->tally.states[HC_STATE_REACHABLE], LENGTH);
    assert_int_equal(graph->roots.count, 1);
    assert_int_equal(graph->roots.items[0], LENGTH / 2);
}

static void test_a_buffer_of_a_dead_object_stays_stray(void **state)
{
    (void)state;
    struct model model = {.real = 2, .count = 2};
    assert_true(hc_lookalike_vector_push(&model.lookalikes, (struct hc_lookalike){0, 1}));
    _cleanup_(hc_graph_destroyp) struct hc_graph *dead = make_graph(&model);
    assert_null(mark(dead, &model));
    assert_int_equal(dead->states[1], HC_STATE_STRAY);
    model.tracked[0] = true;
    _cleanup_(hc_graph_destroyp) struct hc_graph *living = make_graph(&model);
    assert_null(mark(living, &model));
    assert_int_equal(living->states[1], HC_STATE_NONE);
    model_deinit(&model);
}

static void test_remains_are_no_object_unless_something_living_refers_to_them(void **state)
{
    (void)state;
    struct model model = {.real = 3, .count = 3};
    model.tracked[0] = true;
    model.edges[0][model.edge_counts[0]++] = 1;
    _cleanup_(hc_graph_destroyp) struct hc_graph *graph = make_graph(&model);
    graph->states[1] = graph->states[2] = HC_REMAINS_FLAG;
    assert_null(mark(graph, &model));
    assert_int_equal(graph->states[1], HC_STATE_TRACKED);
    assert_int_equal(graph->states[2], HC_STATE_NONE);
    model_deinit(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_agree_with_a_plain_search_on_random_graphs),
        cmocka_unit_test(test_a_chain_of_a_million_objects_is_marked_without_recursion),
        cmocka_unit_test(test_a_buffer_of_a_dead_object_stays_stray),
        cmocka_unit_test(test_remains_are_no_object_unless_something_living_refers_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
