#include "support.h"

#include "python/learned.h"
#include "python/reconcile.h"

enum { WORDS = 8, SIZE = WORDS * 8, OBJECT = 0x600000, SAMPLES = 100 };

// An object, what one call loaded of it, and what it visited.
struct call {
    uint64_t object[WORDS];
    uint64_t loaded[WORDS + 1], loaded_count; // offsets
    uint64_t visited[WORDS], visited_count;
};

struct learner {
    struct hc_image *image;
    struct hc_emulator *emulator;
    struct hc_loads loads;
    struct hc_learned learned;
};

static void setup(struct learner *learner)
{
    *learner = (struct learner){.image = open_memory(MEMORY_SIZE)};
    assert_null(hc_emulator_create(learner->image, &(struct hc_emulator_options){0}, &learner->emulator));
    assert_non_null(learner->emulator);
    learner->loads.image = learner->image;
    learner->loads.word_size = 8;
}

static void teardown(struct learner *learner)
{
    hc_emulator_destroy(learner->emulator);
    hc_image_destroy(learner->image);
}

static void learn(struct learner *learner, const struct call *call)
{
    hc_loads_begin(&learner->loads, OBJECT, SIZE);
    for (uint64_t i = 0; i < call->loaded_count; i++)
        hc_loads_note(&learner->loads, learner->emulator, OBJECT + call->loaded[i], 8);
    hc_learn(&learner->learned, &learner->loads, &test_target, (const uint8_t *)call->object, call->visited,
             call->visited_count);
}

static void learn_many(struct learner *learner, const struct call *call)
{
    for (unsigned i = 0; i < SAMPLES && learner->learned.state == HC_LEARNING; i++)
        learn(learner, call);
}

static bool agrees(struct learner *learner, const struct call *call)
{
    return hc_learned_agrees(&learner->learned, &test_target, (const uint8_t *)call->object, call->visited,
                             call->visited_count);
}

static const struct call plain = {
    .object = {1, 2, 0x111, 0x222, 0, 0x333, 7, 7},
    .loaded = {16, 24, 32, 40},
    .loaded_count = 4,
    .visited = {0x333, 0x111, 0x222},
    .visited_count = 3,
};

static void test_words_that_are_loaded_and_visited_are_learned(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    learn(&learner, &plain);
    assert_int_equal(learner.learned.state, HC_LEARNING); // one object is no proof
    learn_many(&learner, &plain);
    assert_int_equal(learner.learned.state, HC_LEARNED);
    assert_int_equal(learner.learned.count, 4);
    static const uint32_t offsets[] = {16, 24, 32, 40};
    assert_memory_equal(learner.learned.offsets, offsets, sizeof(offsets));
    assert_int_equal(learner.learned.visited, 0xb); // nobody has seen what the third word is
}

static void test_a_word_is_known_when_an_object_has_had_it(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    learn_many(&learner, &plain);
    struct call full = plain;
    full.object[4] = 0x444;
    assert_false(agrees(&learner, &full)); // a count, then
    full.visited[full.visited_count++] = 0x444;
    assert_true(agrees(&learner, &full));
    assert_int_equal(learner.learned.visited, 0xf);
}

static void test_a_disagreement_is_found(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    learn_many(&learner, &plain);
    assert_true(agrees(&learner, &plain));
    struct call other = plain;
    other.visited_count = 2;
    assert_false(agrees(&learner, &other));
    other = plain;
    other.visited[0] = 0x334;
    assert_false(agrees(&learner, &other));
    other = plain;
    other.visited[0] = other.visited[1]; // one word, visited twice
    assert_false(agrees(&learner, &other));
}

static void test_a_word_that_decides_is_not_learned(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    struct call flagged = plain;
    flagged.loaded[flagged.loaded_count++] = 48; // 7, and not visited
    learn_many(&learner, &flagged);
    assert_int_equal(learner.learned.state, HC_UNLEARNED);
}

static void test_objects_that_are_read_differently_are_not_learned(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    for (unsigned i = 0; i < 5; i++)
        learn(&learner, &plain);
    struct call shorter = plain;
    shorter.loaded_count = 3;
    shorter.visited[0] = 0x222;
    shorter.visited_count = 2;
    learn(&learner, &shorter);
    assert_int_equal(learner.learned.state, HC_UNLEARNED);
}

static void test_loads_that_are_not_words_of_the_object_are_not_learned(void **state)
{
    (void)state;
    static const struct {
        uint64_t address;
        unsigned size;
    } others[] = {
        {OBJECT + 40, 4},       {OBJECT + 41, 1}, {OBJECT + 36, 8}, {OBJECT + 40, 16},
        {OBJECT + SIZE, 8},     {OBJECT - 8, 8},  {MEMORY + 64, 8}, // what a pointer points to
        {OBJECT + SIZE - 4, 8},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        _cleanup_(teardown) struct learner learner;
        setup(&learner);
        hc_loads_begin(&learner.loads, OBJECT, SIZE);
        assert_true(learner.loads.is_plain);
        hc_loads_note(&learner.loads, learner.emulator, OBJECT + 16, 8);
        assert_true(learner.loads.is_plain);
        hc_loads_note(&learner.loads, learner.emulator, others[i].address, others[i].size);
        assert_false(learner.loads.is_plain);
        assert_int_equal(learner.loads.last, others[i].address);
    }
}

static void test_a_word_that_hangs_over_the_end_is_not_learned(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    hc_loads_begin(&learner.loads, OBJECT, SIZE + 3);
    hc_loads_note(&learner.loads, learner.emulator, OBJECT + SIZE, 8);
    assert_false(learner.loads.is_plain);
}

static void test_the_stack_and_thread_local_variables_do_not_count(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    hc_loads_begin(&learner.loads, OBJECT, SIZE);
    uint64_t own = 0;
    for (uint64_t address = 1ul << 40; address < (1ul << 40) + (4 << 20) && !own; address += 4096)
        own = hc_emulator_owns(learner.emulator, address) ? address : 0;
    assert_int_not_equal(own, 0);
    hc_loads_note(&learner.loads, learner.emulator, own, 4);
    assert_true(learner.loads.is_plain);
    assert_int_equal(learner.loads.last, 0);
}

static void test_very_large_objects_are_not_learned(void **state)
{
    (void)state;
    _cleanup_(teardown) struct learner learner;
    setup(&learner);
    hc_loads_begin(&learner.loads, OBJECT, HC_LOADED_WORDS * 8);
    assert_true(learner.loads.is_plain);
    hc_loads_begin(&learner.loads, OBJECT, (HC_LOADED_WORDS + 1) * 8);
    assert_false(learner.loads.is_plain);
    hc_loads_begin(&learner.loads, OBJECT, UINT64_MAX);
    assert_false(learner.loads.is_plain);
}

static void expect_reconciled(const uint64_t *known, size_t known_count, const uint64_t *items, size_t count,
                              bool keeps_known)
{
    enum { BEFORE = 2 };
    struct hc_references references = {.values_address = 5, .values_count = 6, .items_count = 7};
    for (size_t i = 0; i < BEFORE; i++)
        assert_true(hc_word_vector_push(&references.visited, 1000 + i));
    for (size_t i = 0; i < known_count; i++)
        assert_true(hc_word_vector_push(&references.visited, known[i]));
    assert_true(hc_references_reconcile(&references, BEFORE, items, count));
    assert_int_equal(references.visited.count, BEFORE + count);
    assert_int_equal(references.visited.items[0], 1000);
    assert_int_equal(references.visited.items[1], 1001);
    assert_true(hc_same_multiset(references.visited.items + BEFORE, count, items, count));
    if (keeps_known)
        assert_memory_equal(references.visited.items + BEFORE, known, known_count * sizeof(*known));
    assert_int_equal(references.values_count, keeps_known ? 6 : 0);
    assert_int_equal(references.items_count, keeps_known ? 7 : 0);
    hc_word_vector_deinit(&references.visited);
}

static void test_what_a_traversal_visits_is_the_truth(void **state)
{
    (void)state;
    const uint64_t items[] = {9, 3, 3, 5, 1};
    expect_reconciled((const uint64_t[]){5, 9}, 2, items, 5, true);
    expect_reconciled((const uint64_t[]){3, 3}, 2, items, 5, true);
    expect_reconciled((const uint64_t[]){1, 3, 3, 5, 9}, 5, items, 5, true);
    expect_reconciled((const uint64_t[]){0}, 0, items, 5, true);
    expect_reconciled((const uint64_t[]){3, 3, 3}, 3, items, 5, false);
    expect_reconciled((const uint64_t[]){4}, 1, items, 5, false);
    expect_reconciled((const uint64_t[]){10}, 1, items, 5, false);
    expect_reconciled((const uint64_t[]){1, 2}, 2, NULL, 0, false);
    expect_reconciled((const uint64_t[]){0}, 0, NULL, 0, true);
}

static void test_multisets_are_the_same_in_any_order_and_as_often(void **state)
{
    (void)state;
    const uint64_t items[] = {2, 1, 2, UINT64_MAX}, turned[] = {UINT64_MAX, 2, 2, 1},
                   other[] = {UINT64_MAX, 1, 2, 1};
    assert_true(hc_same_multiset(items, 4, turned, 4));
    assert_false(hc_same_multiset(items, 4, other, 4));
    assert_false(hc_same_multiset(items, 4, turned, 3));
    assert_true(hc_same_multiset(NULL, 0, NULL, 0));
    assert_false(hc_same_multiset(NULL, 0, items, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_that_are_loaded_and_visited_are_learned),
        cmocka_unit_test(test_a_word_is_known_when_an_object_has_had_it),
        cmocka_unit_test(test_a_disagreement_is_found),
        cmocka_unit_test(test_a_word_that_decides_is_not_learned),
        cmocka_unit_test(test_objects_that_are_read_differently_are_not_learned),
        cmocka_unit_test(test_loads_that_are_not_words_of_the_object_are_not_learned),
        cmocka_unit_test(test_a_word_that_hangs_over_the_end_is_not_learned),
        cmocka_unit_test(test_the_stack_and_thread_local_variables_do_not_count),
        cmocka_unit_test(test_very_large_objects_are_not_learned),
        cmocka_unit_test(test_what_a_traversal_visits_is_the_truth),
        cmocka_unit_test(test_multisets_are_the_same_in_any_order_and_as_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
