// Reference patterns against a plain recursion, on random graphs.
#include "random_heap.h"

#include "sets/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { GRAPHS = 600, MOST_LINES = 20000, MOST_KINDS = 2 * TYPE_COUNT };

struct plain {
    bool has[MOST_RANDOM_OBJECTS + 16];
};

struct plain_line {
    struct plain members;
    uint32_t kind, depth, parent, letter, seen;
    enum hc_pattern_mark mark;
};

// What the pattern should be.
struct model {
    struct heap *heap;
    struct hc_pattern_options options;
    struct plain stop, reached;
    struct plain_line *lines;
    uint32_t count;
};

static bool is_empty(const struct model *model, const struct plain *plain)
{
    for (uint32_t i = 0; i < model->heap->graph.count; i++)
        if (plain->has[i])
            return false;
    return true;
}

static struct hc_set *make_set(struct heap *heap, const struct plain *plain)
{
    struct hc_set *set = hc_set_create(&heap->universe);
    assert_non_null(set);
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (plain->has[i])
            hc_set_put(set, i);
    hc_set_seal(set);
    return set;
}

static struct plain random_plain(const struct heap *heap, uint32_t rarity)
{
    struct plain plain = {{0}};
    for (uint32_t i = 0; i < heap->graph.count; i++)
        plain.has[i] = heap->states[i] != HC_STATE_NONE && below(rarity) == 0;
    return plain;
}

static void reach(struct heap *heap, uint32_t object, struct plain *reached, const struct plain *avoid)
{
    if (reached->has[object] || heap->states[object] == HC_STATE_NONE || (avoid && avoid->has[object]))
        return;
    reached->has[object] = true;
    for (uint32_t e = 0; e < heap->out_counts[object]; e++)
        reach(heap, heap->out[object][e], reached, avoid);
}

static struct plain referrers_of(const struct model *model, uint32_t line)
{
    struct heap *heap = model->heap;
    const struct plain *members = &model->lines[line].members;
    struct plain found = {{0}};
    for (uint32_t from = 0; from < heap->graph.count; from++)
        for (uint32_t e = 0; e < heap->out_counts[from]; e++) {
            uint32_t to = heap->out[from][e];
            bool counts = heap->states[from] == HC_STATE_REACHABLE || heap->states[to] != HC_STATE_REACHABLE;
            found.has[from] |= members->has[to] && counts && heap->states[from] != HC_STATE_NONE &&
                               (!model->options.source || model->reached.has[from]);
        }
    if (model->options.image == HC_PATTERN_DOMINATORS && model->options.source) {
        struct plain without = {{0}}, near = {{0}};
        for (uint32_t i = 0; i < heap->graph.count; i++)
            if (hc_set_has(model->options.source, i)) {
                reach(heap, i, &without, &found);
                near.has[i] = true;
            }
        for (uint32_t i = 0; i < heap->graph.count; i++)
            for (uint32_t e = 0; without.has[i] && e < heap->out_counts[i]; e++)
                near.has[heap->out[i][e]] = true;
        for (uint32_t i = 0; i < heap->graph.count; i++)
            found.has[i] &= near.has[i];
    }
    while (model->options.has_no_cycles && line != HC_NO_LINE) {
        for (uint32_t i = 0; i < heap->graph.count; i++)
            found.has[i] &= !model->lines[line].members.has[i];
        line = model->lines[line].parent;
    }
    return found;
}

// By size, then name: as a table is sorted.
struct plain_kind {
    uint32_t kind;
    uint64_t size;
    char *name;
    struct plain members;
};

static int by_size(const void *a, const void *b)
{
    const struct plain_kind *left = a, *right = b;
    if (left->size != right->size)
        return left->size < right->size ? 1 : -1;
    return strcmp(left->name, right->name);
}

static uint32_t divide(const struct model *model, const struct plain *plain, struct plain_kind *kinds)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->heap->graph.count; i++) {
        uint32_t kind = hc_universe_kind(&model->heap->universe, i), k = 0;
        if (!plain->has[i])
            continue;
        while (k < count && kinds[k].kind != kind)
            k++;
        if (k == count)
            kinds[count++] = (struct plain_kind){.kind = kind,
                                                 .name = hc_universe_kind_name(&model->heap->universe, kind)};
        kinds[k].members.has[i] = true;
        kinds[k].size += hc_graph_size(&model->heap->graph, (hc_object_id){i});
    }
    qsort(kinds, count, sizeof(*kinds), by_size);
    for (uint32_t k = 0; k < count; k++)
        free(kinds[k].name);
    return count;
}

static uint32_t add(struct model *model, uint32_t parent, uint32_t letter, uint32_t kind,
                    const struct plain *members)
{
    assert_true(model->count < MOST_LINES);
    uint32_t index = model->count++;
    struct plain_line *line = &model->lines[index];
    *line = (struct plain_line){.members = *members, .kind = kind, .parent = parent, .letter = letter};
    line->depth = parent == HC_NO_LINE ? 0 : model->lines[parent].depth + 1;
    line->seen = 0;
    while (memcmp(&model->lines[line->seen].members, members, sizeof(*members)))
        line->seen++;
    struct plain referrers = referrers_of(model, index);
    bool is_stopped = line->depth > 0 && model->options.stop;
    for (uint32_t i = 0; i < model->heap->graph.count; i++)
        is_stopped &= !members->has[i] || model->stop.has[i];
    line->mark = line->seen != index                  ? HC_PATTERN_SEEN
                 : is_empty(model, &referrers)        ? HC_PATTERN_ROOT
                 : is_stopped                         ? HC_PATTERN_STOP
                 : line->depth < model->options.depth ? HC_PATTERN_EXPANDED
                                                      : HC_PATTERN_TOO_DEEP;
    return index;
}

static void expand(struct model *model, uint32_t line)
{
    if (model->lines[line].mark != HC_PATTERN_EXPANDED)
        return;
    struct plain_kind *kinds = calloc(MOST_KINDS, sizeof(*kinds));
    struct plain referrers = referrers_of(model, line);
    uint32_t count = divide(model, &referrers, kinds);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t child = add(model, line, k, kinds[k].kind, &kinds[k].members);
        if (!model->options.is_breadth_first)
            expand(model, child);
    }
    free(kinds);
}

static void make_model(struct model *model, const struct plain *set)
{
    add(model, HC_NO_LINE, 0, 0, set);
    if (!model->options.is_breadth_first)
        expand(model, 0);
    for (uint32_t line = 0; model->options.is_breadth_first && line < model->count; line++)
        expand(model, line);
}

static void check_line(const struct model *model, struct hc_pattern *pattern, uint32_t index)
{
    const struct plain_line *expected = &model->lines[index];
    const struct hc_pattern_line *line = &pattern->lines.items[index];
    assert_int_equal(line->mark, expected->mark);
    assert_int_equal(line->depth, expected->depth);
    assert_int_equal(line->parent, expected->parent);
    assert_int_equal(line->letter, expected->letter);
    if (line->mark == HC_PATTERN_SEEN)
        assert_int_equal(line->seen, expected->seen);
    _cleanup_(hc_set_releasep) struct hc_set *set = NULL;
    assert_null(hc_pattern_set(pattern, index, &set));
    uint64_t count = 0;
    for (uint32_t i = 0; i < model->heap->graph.count; i++) {
        assert_int_equal(hc_set_has(set, i), expected->members.has[i]);
        count += expected->members.has[i];
    }
    assert_int_equal(line->members.count, count);
    if (index) {
        _cleanup_(hc_freep) char *kind = hc_universe_kind_name(&model->heap->universe, expected->kind);
        assert_string_equal(line->kind, kind);
    }
}

// Every line is found by its name, in a pattern that is made for that alone.
static void check_names(const struct model *model, struct hc_set *set, struct hc_pattern *whole)
{
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = NULL;
    assert_null(hc_pattern_create(set, "set", false, &model->options, &pattern));
    for (uint32_t i = 0; i < model->count; i++) {
        uint32_t asked = model->count - 1 - i, found;
        _cleanup_(hc_freep) char *name = hc_pattern_name(whole, asked);
        assert_non_null(name);
        assert_null(hc_pattern_find(pattern, name, &found));
        assert_int_equal(found, asked);
    }
}

static void compare(struct heap *heap, struct model *model)
{
    struct plain set = random_plain(heap, 1 + below(20)), source = random_plain(heap, 10);
    struct plain stop = random_plain(heap, 2);
    _cleanup_(hc_set_releasep) struct hc_set *stop_set = make_set(heap, &stop);
    _cleanup_(hc_set_releasep) struct hc_set *source_set = make_set(heap, &source);
    _cleanup_(hc_set_releasep) struct hc_set *members = make_set(heap, &set);
    _cleanup_(hc_kind_releasep) struct hc_kind *stop_kind = hc_kind_of_set(stop_set);
    model->heap = heap;
    model->count = 0;
    model->stop = stop;
    model->reached = (struct plain){{0}};
    model->options = (struct hc_pattern_options){.depth = below(8),
                                                 .classifier = hc_classifier_of(HC_BY_CLODO),
                                                 .is_breadth_first = below(2),
                                                 .has_no_cycles = !below(3),
                                                 .stop = below(3) ? NULL : stop_kind,
                                                 .source = below(4) ? NULL : source_set};
    if (model->options.source && below(2))
        model->options.image = HC_PATTERN_DOMINATORS;
    for (uint32_t i = 0; i < heap->graph.count; i++)
        if (source.has[i])
            reach(heap, i, &model->reached, NULL);
    make_model(model, &set);
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = NULL;
    assert_null(hc_pattern_create(members, "set", false, &model->options, &pattern));
    for (uint32_t i = 0; i < model->count; i++) { // a line a time, no more
        assert_null(hc_pattern_make(pattern, i));
        assert_int_equal(pattern->lines.count, i + 1);
        check_line(model, pattern, i);
    }
    assert_null(hc_pattern_make(pattern, SIZE_MAX));
    assert_int_equal(pattern->lines.count, model->count);
    assert_true(pattern->is_whole);
    check_names(model, members, pattern);
}

static void test_lines_are_those_of_a_plain_recursion(void **state)
{
    (void)state;
    struct model model = {.lines = calloc(MOST_LINES, sizeof(*model.lines))};
    uint64_t lines = 0;
    for (int round = 0; round < GRAPHS; round++) {
        struct heap heap;
        heap_make_random(&heap);
        compare(&heap, &model);
        lines += model.count;
        heap_deinit(&heap);
    }
    assert_in_range(lines, 4 * GRAPHS, UINT64_MAX);
    free(model.lines);
}

// object 0 ← 1 ← 2 … all lists' places are taken by one type.
static void make_chain(struct heap *heap, uint32_t length)
{
    heap_init(heap);
    for (uint32_t i = 0; i < length; i++)
        heap_add(heap, OTHER, 16, HC_STATE_REACHABLE);
    for (uint32_t i = 1; i < length; i++)
        heap_add_edge(heap, i, i - 1);
    heap_add_root(heap, length - 1);
    heap_finish(heap);
}

static void check_name(struct hc_pattern *pattern, const char *asked, uint32_t line, const char *expected)
{
    uint32_t found;
    assert_null(hc_pattern_find(pattern, asked, &found));
    assert_int_equal(found, line);
    if (line == HC_NO_LINE)
        return;
    _cleanup_(hc_freep) char *name = hc_pattern_name(pattern, line);
    assert_string_equal(name, expected);
}

static void test_runs_of_three_letters_are_compressed_and_both_ways_of_writing_are_read(void **state)
{
    (void)state;
    struct heap heap;
    make_chain(&heap, 12);
    struct plain first = {.has = {true}};
    _cleanup_(hc_set_releasep) struct hc_set *set = make_set(&heap, &first);
    const struct hc_pattern_options options = {.depth = 9, .classifier = hc_classifier_of(HC_BY_CLODO)};
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = NULL;
    assert_null(hc_pattern_create(set, "set", false, &options, &pattern));
    check_name(pattern, "_", 0, "_");
    check_name(pattern, "", 0, "_");
    check_name(pattern, "a", 1, "a");
    check_name(pattern, "aa", 2, "aa");
    check_name(pattern, "a2", 2, "aa");
    check_name(pattern, "a3", 3, "a3");
    check_name(pattern, "aaaa", 4, "a4");
    check_name(pattern, "a4a5", 9, "a9");
    check_name(pattern, "a9", 9, "a9");
    for (size_t i = 0; i < 9; i++)
        check_name(pattern,
                   (const char *[]){"a10", "b", "ab", "a_", "1", "(1)", "a(60)", "a99999999999999999999",
                                    "\xc3\xa4"}[i],
                   HC_NO_LINE, NULL);
    assert_int_equal(pattern->lines.items[9].mark, HC_PATTERN_TOO_DEEP);
    heap_deinit(&heap);
}

static void test_the_sixty_first_kind_has_a_name_too(void **state)
{
    (void)state;
    struct heap heap;
    heap_init(&heap);
    heap_add(&heap, OTHER, 16, HC_STATE_REACHABLE);
    for (uint16_t i = 1; i <= 70; i++) {
        heap_add(&heap, OTHER, (uint16_t)(2000 - i), HC_STATE_REACHABLE);
        heap_add_edge(&heap, i, 0);
        heap_add_root(&heap, i);
    }
    heap_finish(&heap);
    struct plain first = {.has = {true}};
    _cleanup_(hc_set_releasep) struct hc_set *set = make_set(&heap, &first);
    const struct hc_pattern_options options = {.depth = 1, .classifier = hc_classifier_of(HC_BY_SIZE)};
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = NULL;
    assert_null(hc_pattern_create(set, "set", false, &options, &pattern));
    check_name(pattern, "(60)", 61, "(60)");
    check_name(pattern, "A", 27, "A");
    check_name(pattern, "Z", 52, "Z");
    check_name(pattern, "(52)", 53, "(52)");
    check_name(pattern, "(70)", HC_NO_LINE, NULL);
    heap_deinit(&heap);
}

int main(void)
{
    srand(23);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_those_of_a_plain_recursion),
        cmocka_unit_test(test_runs_of_three_letters_are_compressed_and_both_ways_of_writing_are_read),
        cmocka_unit_test(test_the_sixty_first_kind_has_a_name_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
