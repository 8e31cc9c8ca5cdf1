// Roots: what interpreters, threads and frames hold, from debug information of a struct or two of their own.
#include "support.h"

#include "interpreter.h"
#include "python/roots.h"

#include <fcntl.h>

enum {
    INTERPRETER = MEMORY + 0x4000,
    THREADS = MEMORY + 0x5000,
    FRAMES = MEMORY + 0x8000,
    OBJECTS = MEMORY + 0x20000,
    CODE = MEMORY + 0x30000,
    FRAME_ROOM = 0x100,
};

static void put_member(uint64_t structure, size_t offset, uint64_t value)
{
    put_word(structure + offset, value);
}

static uint64_t object_at(unsigned index)
{
    return OBJECTS + 16 * index;
}

static uint64_t thread_at(unsigned index)
{
    return THREADS + 0x100 * index;
}

static uint64_t frame_at(unsigned index)
{
    return FRAMES + FRAME_ROOM * index;
}

static int prepare(void **state)
{
    clear_memory(state);
    put_type_and_object();
    for (unsigned i = 0; i < 16; i++) {
        put_word(object_at(i), 1);
        put_word(object_at(i) + 8, OBJECT_TYPE);
    }
    put_member(INTERPRETER, offsetof(struct _is, threads.head), thread_at(0));
    return 0;
}

static struct hc_debug_info *open_debug_info(const char *path)
{
    struct hc_debug_info *info = NULL;
    _cleanup_(hc_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    const struct hc_module module = {.path = path, .file = path, .fd = fd};
    expect_success(hc_debug_info_open(&module, NULL, &info));
    return info;
}

static void set_offsets(struct hc_offsets *at, bool has_frame_objects)
{
    at->interpreter_threads = offsetof(struct _is, threads.head);
    at->interpreter_sysdict = offsetof(struct _is, sysdict);
    at->sizeof_interpreter = sizeof(struct _is);
    at->thread_next = offsetof(struct _ts, next);
    at->thread_id = offsetof(struct _ts, thread_id);
    at->code_stacksize = 16, at->code_nlocals = 20, at->code_cellvars = 24, at->code_freevars = 32;
    if (has_frame_objects) {
        at->thread_frame = offsetof(struct _ts, frame);
        at->frame_code = offsetof(struct _frame, f_code);
        at->frame_valuestack = offsetof(struct _frame, f_valuestack);
        at->frame_back = offsetof(struct _frame, f_back);
        return;
    }
    at->code_nlocalsplus = 20;
    at->thread_current_frame = offsetof(struct _ts, current_frame);
    at->iframe_code = offsetof(_PyInterpreterFrame, f_executable);
    at->iframe_function = offsetof(_PyInterpreterFrame, f_funcobj);
    at->iframe_locals = offsetof(_PyInterpreterFrame, f_locals);
    at->iframe_frame = offsetof(_PyInterpreterFrame, frame_obj);
    at->iframe_previous = offsetof(_PyInterpreterFrame, previous);
    at->iframe_stacktop = offsetof(_PyInterpreterFrame, stacktop);
    at->iframe_localsplus = offsetof(_PyInterpreterFrame, localsplus);
}

static struct hc_named_roots named; // by the last find_roots()

static bool is_named(uint64_t address, const char *name)
{
    for (size_t i = 0; i < named.roots.count; i++)
        if (named.roots.items[i].address == address &&
            (!name || !strcmp(named.text.items + named.roots.items[i].name, name)))
            return true;
    return false;
}

static void expect_the_same_objects(const struct hc_word_vector *found)
{
    for (size_t i = 0; i < found->count; i++)
        assert_true(is_named(found->items[i], NULL));
    for (size_t i = 0; i < named.roots.count; i++) {
        bool is_found = false;
        for (size_t k = 0; k < found->count && !is_found; k++)
            is_found = found->items[k] == named.roots.items[i].address;
        // A frame's locals are roots by name, though the frame object leads to them anyway.
        assert_true(is_found || named.roots.items[i].rank == HC_ROOT_FRAME);
    }
}

static void find_roots(bool has_frame_objects, struct hc_word_vector *ret)
{
    _cleanup_(hc_image_destroyp) struct hc_image *image = open_memory(MEMORY_SIZE);
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = open_debug_info(INTERPRETER_LIBRARY);
    static uint64_t interpreters[] = {INTERPRETER};
    struct hc_runtime runtime;
    make_runtime(&runtime, image, has_frame_objects ? 0x03080000 : 0x030d0000);
    runtime.debug_info = info;
    runtime.interpreters = (struct hc_word_vector){interpreters, 1, 1};
    set_offsets(&runtime.layouts.at, has_frame_objects);
    struct hc_type_table types;
    struct hc_tracer tracer;
    expect_success(hc_type_table_init(&types, &runtime));
    expect_success(hc_tracer_init(&tracer, &types));
    _Atomic uint64_t allowance = hc_tracer_allowance(image);
    tracer.allowance = &allowance;
    _cleanup_(hc_found_roots_deinit) struct hc_found_roots found = {0};
    expect_success(hc_roots_find(&runtime, &tracer, &found));
    for (size_t i = 0; i < found.certain.count; i++)
        assert_true(hc_word_vector_push(ret, found.certain.items[i]));
    for (size_t i = 0; i < found.doubtful.count; i++)
        assert_true(hc_word_vector_push(ret, found.doubtful.items[i]));
    hc_named_roots_deinit(&named);
    allowance = hc_tracer_allowance(image);
    expect_success(hc_roots_name(&runtime, &tracer, &named));
    expect_the_same_objects(ret);
    hc_tracer_deinit(&tracer);
    hc_type_table_deinit(&types);
}

static unsigned times(const struct hc_word_vector *roots, uint64_t address)
{
    unsigned count = 0;
    for (size_t i = 0; i < roots->count; i++)
        count += roots->items[i] == address;
    return count;
}

static void test_members_of_interpreters_and_threads_are_roots_unless_they_are_borrowed(void **state)
{
    (void)state;
    put_member(INTERPRETER, offsetof(struct _is, sysdict), object_at(0));
    put_member(INTERPRETER, offsetof(struct _is, interned), object_at(1));
    put_member(INTERPRETER, offsetof(struct _is, modules), MEMORY + 0x70000); // no object
    put_member(thread_at(0), offsetof(struct _ts, next), thread_at(1));
    put_member(thread_at(1), offsetof(struct _ts, current_exception), object_at(2));
    put_member(thread_at(1), offsetof(struct _ts, nested.free_list) + 8, object_at(3));
    put_member(thread_at(1), offsetof(struct _ts, nested.kept) + 8, object_at(4));
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(true, &roots);
    assert_int_equal(roots.count, 3);
    assert_int_equal(times(&roots, object_at(0)), 1);
    assert_int_equal(times(&roots, object_at(2)), 1);
    assert_int_equal(times(&roots, object_at(4)), 1);
}

static void test_roots_have_heapys_names_or_else_their_members(void **state)
{
    (void)state;
    put_member(INTERPRETER, offsetof(struct _is, sysdict), object_at(0));
    put_member(INTERPRETER, offsetof(struct _is, modules), object_at(0));
    put_member(thread_at(0), offsetof(struct _ts, thread_id), 4711);
    put_member(thread_at(0), offsetof(struct _ts, current_exception), object_at(2));
    put_member(thread_at(0), offsetof(struct _ts, nested.kept) + 8, object_at(4));
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(true, &roots);
    assert_int_equal(named.roots.count, 4);
    assert_true(is_named(object_at(0), "i0_sysdict"));
    assert_true(is_named(object_at(0), "i0_modules"));
    assert_true(is_named(object_at(2), "i0_t4711_current_exception"));
    assert_true(is_named(object_at(4), "i0_t4711_nested_kept[1]"));
    for (size_t i = 0; i < named.roots.count; i++)
        assert_int_equal(named.roots.items[i].rank,
                         named.roots.items[i].address == object_at(4) ? HC_ROOT_SPARE : HC_ROOT_PLAIN);
}

static void test_frames_are_counted_from_the_oldest(void **state)
{
    (void)state;
    put(CODE + 20, 1, 4);
    put_member(thread_at(0), offsetof(struct _ts, current_frame), frame_at(0));
    for (unsigned i = 0; i < 3; i++) {
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, previous), i < 2 ? frame_at(i + 1) : 0);
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, f_executable), CODE);
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, f_funcobj), object_at(i));
        put(frame_at(i) + offsetof(_PyInterpreterFrame, stacktop), 1, 4);
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, localsplus), object_at(8 + i));
    }
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(false, &roots);
    for (unsigned i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof(name), "i0_t0_f%u->f_funcobj", 2 - i);
        assert_true(is_named(object_at(i), name));
        snprintf(name, sizeof(name), "i0_t0_f%u->f_localsplus[0]",
                 2 - i); // nothing tells the variable's name
        assert_true(is_named(object_at(8 + i), name));
    }
}

static void test_a_ring_of_threads_is_walked_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        put_member(thread_at(i), offsetof(struct _ts, next), thread_at((i + 1) % 3));
        put_member(thread_at(i), offsetof(struct _ts, current_exception), object_at(i));
    }
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(true, &roots);
    assert_int_equal(roots.count, 3);
}

// Two frame objects that name each other, with value stacks as deep as can be believed.
static void test_a_ring_of_frame_objects_is_walked_once(void **state)
{
    (void)state;
    put(CODE + 16, (1 << 20) - 1, 4);
    put_member(thread_at(0), offsetof(struct _ts, next), thread_at(0));
    put_member(thread_at(0), offsetof(struct _ts, frame), frame_at(0));
    for (unsigned i = 0; i < 2; i++) {
        put_word(frame_at(i), 1);
        put_word(frame_at(i) + 8, OBJECT_TYPE);
        put_member(frame_at(i), offsetof(struct _frame, f_back), frame_at(1 - i));
        put_member(frame_at(i), offsetof(struct _frame, f_code), CODE);
        put_member(frame_at(i), offsetof(struct _frame, f_valuestack), frame_at(2 + i));
        put_word(frame_at(2 + i), object_at(i));
    }
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(true, &roots);
    assert_int_equal(times(&roots, frame_at(0)), 1);
    assert_int_equal(times(&roots, frame_at(1)), 1);
    assert_true(times(&roots, object_at(0)) >= 1);
    assert_true(roots.count < MEMORY_SIZE / 8);
}

static void test_a_ring_of_interpreter_frames_is_walked_once(void **state)
{
    (void)state;
    put(CODE + 20, 1, 4);
    put_word(CODE, 1);
    put_word(CODE + 8, OBJECT_TYPE);
    put_member(thread_at(0), offsetof(struct _ts, current_frame), frame_at(0));
    for (unsigned i = 0; i < 3; i++) {
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, previous), frame_at((i + 1) % 3));
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, f_executable), CODE);
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, f_funcobj), object_at(i));
        put(frame_at(i) + offsetof(_PyInterpreterFrame, stacktop), 1, 4);
        put_member(frame_at(i), offsetof(_PyInterpreterFrame, localsplus), object_at(8 + i));
    }
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
    find_roots(false, &roots);
    assert_int_equal(roots.count, 3 * 3); // code, function and local of each
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(times(&roots, object_at(i)), 1);
        assert_int_equal(times(&roots, object_at(8 + i)), 1);
    }
}

static void test_lists_of_threads_and_frames_end_at_a_hole(void **state)
{
    (void)state;
    static const uint64_t ends[] = {8, UINT64_MAX, UINT64_MAX - 7, MEMORY - 8, MEMORY + MEMORY_SIZE - 8};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        prepare(state);
        put_member(thread_at(0), offsetof(struct _ts, next), ends[i]);
        put_member(thread_at(0), offsetof(struct _ts, frame), ends[i]);
        put_member(thread_at(0), offsetof(struct _ts, current_frame), ends[i]);
        _cleanup_(hc_word_vector_deinit) struct hc_word_vector roots = {0};
        find_roots(true, &roots);
        find_roots(false, &roots);
        assert_int_equal(roots.count, 0);
    }
}

#define TEST(function) cmocka_unit_test_setup(function, prepare)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_members_of_interpreters_and_threads_are_roots_unless_they_are_borrowed),
        TEST(test_roots_have_heapys_names_or_else_their_members),
        TEST(test_frames_are_counted_from_the_oldest),
        TEST(test_a_ring_of_threads_is_walked_once),
        TEST(test_a_ring_of_frame_objects_is_walked_once),
        TEST(test_a_ring_of_interpreter_frames_is_walked_once),
        TEST(test_lists_of_threads_and_frames_end_at_a_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
