// The public C API, over a Python process of its own.
#define _GNU_SOURCE // asprintf
#include "heapcore/heapcore.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77 };

static const char program[] = "import sys\n"
                              "class Thing: pass\n"
                              "things = [Thing() for i in range(100)]\n"
                              "print(id(things), id(things[0]), flush=True)\n"
                              "for line in sys.stdin:\n"
                              "    things.append(Thing())\n"
                              "    print(len(things), flush=True)\n";

static struct {
    pid_t pid;
    FILE *to, *from;
    uint64_t list, first;
    heapcore_session *session;
} fixture;

static char *message_of(heapcore_error *error)
{
    assert_non_null(error);
    char *message = strdup(heapcore_error_message(error));
    assert_non_null(message);
    heapcore_error_destroy(error);
    return message;
}

static void assert_fails(heapcore_error *error, const char *part)
{
    char *message = message_of(error);
    if (!strstr(message, part))
        fail_msg("'%s' does not say '%s'", message, part);
    free(message);
}

static void assert_works(heapcore_error *error)
{
    if (error)
        fail_msg("%s", heapcore_error_message(error));
}

struct text {
    char bytes[1 << 16];
    size_t length;
    size_t pieces;
    size_t most_pieces; // 0: no limit
};

static bool take(void *argument, const char *bytes, size_t length)
{
    struct text *text = argument;
    if (text->most_pieces && text->pieces == text->most_pieces)
        return false;
    text->pieces++;
    length =
        length < sizeof(text->bytes) - 1 - text->length ? length : sizeof(text->bytes) - 1 - text->length;
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
    return true;
}

static struct text written;

static const char *answer_to(const char *statements, const struct heapcore_format *format)
{
    written = (struct text){0};
    assert_works(heapcore_run(fixture.session, statements, format, take, &written));
    return written.bytes;
}

static int64_t number(heapcore_session *session, const char *expression)
{
    heapcore_value *value;
    assert_works(heapcore_evaluate(session, expression, &value));
    assert_int_equal(heapcore_value_type(value), HEAPCORE_INTEGER);
    int64_t found = heapcore_value_integer(value);
    heapcore_value_destroy(value);
    return found;
}

static void test_library_and_header_are_of_one_version(void **state)
{
    (void)state;
    assert_int_equal(heapcore_api_version(), HEAPCORE_API_VERSION);
    assert_true(strlen(heapcore_version()) >= strlen("0.0.0"));
}

static void test_null_is_nothing_to_destroy(void **state)
{
    (void)state;
    heapcore_error_destroy(NULL);
    heapcore_session_destroy(NULL);
    heapcore_value_destroy(NULL);
    heapcore_free(NULL);
    assert_string_equal(heapcore_error_message(NULL), "");
}

static void test_what_cannot_be_opened_says_why_and_leaves_the_result_alone(void **state)
{
    heapcore_session *session = (heapcore_session *)state;
    assert_fails(heapcore_open_core("/nowhere/core", NULL, &session), "/nowhere/core");
    assert_fails(heapcore_open_core("/dev/null", NULL, &session), "/dev/null");
    assert_fails(heapcore_open_process(0x7ffffff0, NULL, &session), "process");
    assert_fails(heapcore_open_stopped(0x7ffffff0, NULL, &session), "process");
    assert_ptr_equal(session, state);
}

static size_t read_nothing(void *argument, uint64_t address, void *bytes, size_t length)
{
    (void)argument, (void)address, (void)bytes, (void)length;
    return 0;
}

static void test_a_target_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    heapcore_session *session = NULL;
    struct heapcore_target target = {
        .size = sizeof(target), .name = "the target", .word_size = 8, .machine = 62};
    assert_fails(heapcore_open_target(&target, NULL, &session), "not whole");
    target.read = read_nothing;
    target.word_size = 7;
    assert_fails(heapcore_open_target(&target, NULL, &session), "not whole");
    target.word_size = 8;
    target.size = 8;
    assert_fails(heapcore_open_target(&target, NULL, &session), "not whole");
    target.size = sizeof(target);
    target.maps = "1000-2000 rw-p 0 00:00 0\nnonsense\n";
    assert_fails(heapcore_open_target(&target, NULL, &session), "Python");
    assert_null(session);
}

static void test_members_past_the_size_of_a_struct_are_not_looked_at(void **state)
{
    (void)state;
    heapcore_session *session;
    char *invalid = (char *)1;
    struct heapcore_options options = {.size = sizeof(options.size),
                                       .exe = invalid,
                                       .sysroot = invalid,
                                       .debug_dir = invalid,
                                       .baseline = invalid,
                                       .threads = ~0u};
    assert_works(heapcore_open_process(fixture.pid, &options, &session));
    heapcore_session_destroy(session);
    struct heapcore_format format = {.size = sizeof(format.size), .json = true};
    assert_string_equal(answer_to("1 + 1", &format), "2\n");
    struct heapcore_object object = {.size = sizeof(object.size)};
    assert_false(heapcore_object_find(fixture.session, fixture.list, &object));
}

static void test_answers_are_text_or_json(void **state)
{
    (void)state;
    struct heapcore_format format = {.size = sizeof(format), .json = true, .limit = -1};
    assert_string_equal(answer_to("(h & __main__.Thing).count", NULL), "100\n");
    assert_non_null(strstr(answer_to("(h & __main__.Thing).count", &format), "\"value\":100"));
    format.json = false;
    format.limit = 2;
    assert_null(strstr(answer_to("h", &format), "\n     2 "));
    assert_fails(heapcore_run(fixture.session, "h.byrc", NULL, take, &written), "did you mean 'byrcs'?");
    assert_fails(heapcore_run(fixture.session, "h[", NULL, take, &written), "^");
}

static void test_assignments_and_the_last_answer_stay(void **state)
{
    (void)state;
    assert_string_equal(answer_to("kept = 41", NULL), "");
    assert_string_equal(answer_to("kept + 1", NULL), "42\n");
    assert_string_equal(answer_to("_ + 1", NULL), "43\n");
    answer_to("h.byid", NULL);
    assert_non_null(strstr(answer_to("more", NULL), "\n    10 "));
    assert_non_null(strstr(answer_to("more", NULL), "\n    20 "));
}

static void test_a_writer_that_has_enough_ends_the_writing(void **state)
{
    (void)state;
    struct text text = {.most_pieces = 1};
    heapcore_error_destroy(heapcore_report(fixture.session, "dump", NULL, take, &text));
    assert_int_equal(text.pieces, 1);
    assert_string_equal(answer_to("2", NULL), "2\n");
}

static void test_reports_are_listed_and_written(void **state)
{
    (void)state;
    size_t count = 0;
    for (; heapcore_report_name(count); count++)
        assert_true(strlen(heapcore_report_summary(count)) > 0);
    assert_true(count >= 3);
    assert_null(heapcore_report_summary(count));
    written = (struct text){0};
    assert_works(heapcore_report(fixture.session, "analyze", NULL, take, &written));
    assert_non_null(strstr(written.bytes, "Heap by kind: "));
    assert_fails(heapcore_report(fixture.session, "nothing", NULL, take, &written), "no report 'nothing'");
}

static void test_help_and_completion(void **state)
{
    (void)state;
    size_t start = 0;
    char *text = heapcore_help("byrcs");
    assert_non_null(strstr(text, "byrcs"));
    heapcore_free(text);
    text = heapcore_help(NULL);
    assert_non_null(strstr(text, "shpaths"));
    heapcore_free(text);
    assert_null(heapcore_help("nobody"));
    text = heapcore_complete(fixture.session, "h[0].byrc", &start);
    assert_string_equal(text, "byrcs");
    assert_int_equal(start, strlen("h[0]."));
    heapcore_free(text);
    assert_null(heapcore_complete(fixture.session, "h.nothing_begins_so", &start));
}

static void test_values_have_types(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        enum heapcore_type type;
    } cases[] = {{"3", HEAPCORE_INTEGER}, {"h == h", HEAPCORE_BOOL}, {"'text'", HEAPCORE_TEXT},
                 {"h", HEAPCORE_SET},     {"type", HEAPCORE_OTHER},  {"hp", HEAPCORE_OTHER},
                 {"None", HEAPCORE_NONE}, {"h.byrcs", HEAPCORE_SET}, {"hp.Nothing", HEAPCORE_SET}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        heapcore_value *value;
        assert_works(heapcore_evaluate(fixture.session, cases[i].expression, &value));
        assert_int_equal(heapcore_value_type(value), cases[i].type);
        assert_int_equal(heapcore_value_string(value) != NULL, cases[i].type == HEAPCORE_TEXT);
        assert_true(cases[i].type == HEAPCORE_SET || heapcore_set_count(value) == 0);
        written = (struct text){0};
        assert_works(heapcore_value_write(value, NULL, take, &written));
        heapcore_value_destroy(value);
    }
    heapcore_value *value = NULL;
    assert_fails(heapcore_evaluate(fixture.session, "x = 3", &value), "without an assignment");
    assert_fails(heapcore_evaluate(fixture.session, "", &value), "");
    assert_null(value);
}

static void test_values_go_into_expressions_by_name(void **state)
{
    (void)state;
    heapcore_value *left, *right, *both, *absent = NULL;
    assert_works(heapcore_evaluate(fixture.session, "h & __main__.Thing", &left));
    assert_works(heapcore_evaluate(fixture.session, "h & str", &right));
    const char *const names[] = {"h", "b"};
    heapcore_value *const values[] = {left, right};
    assert_works(heapcore_evaluate_with(fixture.session, "h | b", names, values, 2, &both));
    assert_int_equal(heapcore_set_count(both), heapcore_set_count(left) + heapcore_set_count(right));
    assert_int_equal(heapcore_set_size(both), heapcore_set_size(left) + heapcore_set_size(right));
    assert_fails(heapcore_evaluate_with(fixture.session, "h | c", names, values, 2, &absent), "c");
    assert_true(number(fixture.session, "h.count") >
                (int64_t)heapcore_set_count(both)); // h is the heap again
    assert_works(heapcore_value_assign(both, "together"));
    assert_int_equal(number(fixture.session, "together.count"), heapcore_set_count(both));
    heapcore_value_destroy(left);
    heapcore_value_destroy(right);
    heapcore_value_destroy(both);
}

static void test_addresses_of_a_set_come_in_pieces(void **state)
{
    (void)state;
    heapcore_value *value;
    uint64_t whole[128], piece[7];
    assert_works(heapcore_evaluate(fixture.session, "h & __main__.Thing", &value));
    assert_int_equal(heapcore_set_addresses(value, 0, whole, 128), 100);
    for (uint64_t first = 0; first < 100; first += 7) {
        size_t count = heapcore_set_addresses(value, first, piece, 7);
        assert_int_equal(count, 100 - first < 7 ? 100 - first : 7);
        assert_memory_equal(piece, whole + first, count * sizeof(*piece));
    }
    assert_int_equal(heapcore_set_addresses(value, 100, piece, 7), 0);
    assert_int_equal(heapcore_set_addresses(value, UINT64_MAX, piece, 7), 0);
    heapcore_value_destroy(value);
}

static void test_objects_are_found_where_they_start(void **state)
{
    (void)state;
    struct heapcore_object object = {.size = sizeof(object)};
    assert_true(heapcore_object_find(fixture.session, fixture.first, &object));
    assert_string_equal(object.type, "__main__.Thing");
    assert_string_equal(object.state, "reachable");
    assert_int_equal(object.address, fixture.first);
    assert_int_equal(object.refcount, 1);
    assert_true(object.bytes >= 48);
    assert_false(heapcore_object_find(fixture.session, fixture.first + 8, &object));
    assert_false(heapcore_object_find(fixture.session, 0, &object));
    assert_false(heapcore_object_find(fixture.session, UINT64_MAX, &object));
    char *text = heapcore_object_repr(fixture.session, fixture.first);
    assert_non_null(strstr(text, "<__main__.Thing object at 0x"));
    heapcore_free(text);
    assert_null(heapcore_object_repr(fixture.session, 1));
}

static atomic_bool is_over;

static void *interrupt_again_and_again(void *argument)
{
    (void)argument;
    while (!atomic_load(&is_over)) {
        usleep(20000);
        heapcore_interrupt();
    }
    return NULL;
}

// A tree of unions that works for minutes.
static char *long_expression(unsigned depth)
{
    char *half = depth ? long_expression(depth - 1) : NULL, *whole;
    assert_true(asprintf(&whole, depth ? "(%s|%s)" : "h.dominos", half, half) > 0);
    free(half);
    return whole;
}

static void test_another_thread_interrupts(void **state)
{
    (void)state;
    pthread_t thread;
    heapcore_value *value = NULL;
    char *expression = long_expression(11);
    assert_int_equal(pthread_create(&thread, NULL, interrupt_again_and_again, NULL), 0);
    assert_fails(heapcore_evaluate(fixture.session, expression, &value), "interrupted");
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    free(expression);
    assert_null(value);
    assert_int_equal(number(fixture.session, "1 + 1"), 2);
}

static void ignore_signal(int signal)
{
    (void)signal;
}

static void test_a_signal_before_the_call_ends_it(void **state)
{
    (void)state;
    heapcore_value *value = NULL;
    heapcore_interrupt_by_signal(true);
    raise(SIGINT);
    assert_fails(heapcore_evaluate(fixture.session, "h.dominos", &value), "interrupted");
    heapcore_interrupt_by_signal(false);
    assert_null(value);
    heapcore_interrupt_by_signal(true);
    assert_int_equal(number(fixture.session, "1 + 1"), 2);
    heapcore_interrupt_by_signal(false);
}

static void test_the_signal_goes_back_to_whom_it_belonged(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore_signal}, found;
    sigaction(SIGINT, &action, NULL);
    heapcore_interrupt_by_signal(true);
    heapcore_interrupt_by_signal(true);
    raise(SIGINT);
    heapcore_interrupt_by_signal(false);
    heapcore_interrupt_by_signal(false);
    sigaction(SIGINT, NULL, &found);
    assert_ptr_equal(found.sa_handler, ignore_signal);
    signal(SIGINT, SIG_DFL);
}

static void assert_answer(heapcore_session *session, const char *expression, const char *expected)
{
    written = (struct text){0};
    assert_works(heapcore_run(session, expression, NULL, take, &written));
    assert_string_equal(written.bytes, expected);
}

static void let_it_go_on(void)
{
    int count;
    fputs("\n", fixture.to);
    fflush(fixture.to);
    assert_int_equal(fscanf(fixture.from, "%d", &count), 1);
}

static void test_a_later_session_inherits_variables_and_the_reference_point(void **state)
{
    (void)state;
    heapcore_session *older, *later;
    written = (struct text){0};
    assert_works(heapcore_open_process(fixture.pid, NULL, &older));
    assert_works(heapcore_run(older, "n = 7; t = 'text'; things = h & __main__.Thing; hp.setref()", NULL,
                              take, &written));
    int64_t before = number(older, "things.count");
    let_it_go_on();
    assert_works(heapcore_open_process(fixture.pid, NULL, &later));
    assert_works(heapcore_session_inherit(later, older));
    heapcore_session_destroy(older);
    assert_int_equal(number(later, "n"), 7);
    assert_int_equal(number(later, "things.count"), before);
    assert_int_equal(number(later, "(heap() & __main__.Thing).count"), 1);
    heapcore_session_destroy(later);
}

static void test_a_later_session_inherits_kinds(void **state)
{
    (void)state;
    static const char *const kinds[] = {"__main__.Thing",
                                        "h[0].kind",
                                        "hp.Clodo(dictof=__main__.Thing)",
                                        "hp.Size(56).alt('<')",
                                        "__main__.Thing | str",
                                        "~(str | int)",
                                        "str & hp.Size(56)",
                                        "hp.Type('list')"};
    heapcore_session *older, *later;
    assert_works(heapcore_open_process(fixture.pid, NULL, &older));
    assert_works(heapcore_open_process(fixture.pid, NULL, &later));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char assignment[128];
        heapcore_value *value;
        assert_works(heapcore_evaluate(older, kinds[i], &value));
        snprintf(assignment, sizeof(assignment), "kind%zu", i);
        assert_works(heapcore_value_assign(value, assignment));
        heapcore_value_destroy(value);
    }
    assert_works(heapcore_session_inherit(later, older));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char expression[128], expected[32];
        snprintf(expression, sizeof(expression), "(h & kind%zu).count", i);
        snprintf(expected, sizeof(expected), "%lld\n", (long long)number(older, expression));
        assert_string_not_equal(expected, "0\n");
        assert_answer(later, expression, expected);
    }
    heapcore_session_destroy(older);
    assert_true(number(later, "(h & kind0).count") >= 100);
    heapcore_session_destroy(later);
}

static bool start(const char *python)
{
    int to[2], from[2];
    if (pipe(to) || pipe(from))
        return false;
    fixture.pid = fork();
    if (fixture.pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[1]);
        close(from[0]);
        execl(python, python, "-c", program, NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    fixture.to = fdopen(to[1], "w");
    fixture.from = fdopen(from[0], "r");
    unsigned long long list, first;
    if (fscanf(fixture.from, "%llu %llu", &list, &first) != 2)
        return false;
    fixture.list = list;
    fixture.first = first;
    return true;
}

static int finish(int outcome)
{
    heapcore_session_destroy(fixture.session);
    fclose(fixture.to);
    fclose(fixture.from);
    kill(fixture.pid, SIGKILL);
    waitpid(fixture.pid, NULL, 0);
    return outcome;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library_and_header_are_of_one_version),
        cmocka_unit_test(test_null_is_nothing_to_destroy),
        cmocka_unit_test(test_what_cannot_be_opened_says_why_and_leaves_the_result_alone),
        cmocka_unit_test(test_a_target_that_is_not_whole_is_refused),
        cmocka_unit_test(test_members_past_the_size_of_a_struct_are_not_looked_at),
        cmocka_unit_test(test_answers_are_text_or_json),
        cmocka_unit_test(test_assignments_and_the_last_answer_stay),
        cmocka_unit_test(test_a_writer_that_has_enough_ends_the_writing),
        cmocka_unit_test(test_reports_are_listed_and_written),
        cmocka_unit_test(test_help_and_completion),
        cmocka_unit_test(test_values_have_types),
        cmocka_unit_test(test_values_go_into_expressions_by_name),
        cmocka_unit_test(test_addresses_of_a_set_come_in_pieces),
        cmocka_unit_test(test_objects_are_found_where_they_start),
        cmocka_unit_test(test_another_thread_interrupts),
        cmocka_unit_test(test_a_signal_before_the_call_ends_it),
        cmocka_unit_test(test_the_signal_goes_back_to_whom_it_belonged),
        cmocka_unit_test(test_a_later_session_inherits_variables_and_the_reference_point),
        cmocka_unit_test(test_a_later_session_inherits_kinds),
    };
    if (argc != 2 || !start(argv[1]))
        return 1;
    heapcore_error *error = heapcore_open_process(fixture.pid, NULL, &fixture.session);
    if (error) {
        printf("%s\n", heapcore_error_message(error));
        heapcore_error_destroy(error);
        return finish(SKIPPED);
    }
    return finish(cmocka_run_group_tests(tests, NULL, NULL));
}
