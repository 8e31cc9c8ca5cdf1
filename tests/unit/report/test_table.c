// heapy's table, to the character.
#include "support.h"

#include "report/analyze.h"

#define HEADER " Index  Count   %     Size   % Cumulative  % Kind (class / dict of class)\n"
#define INDENT "                                             "

// The table of `rows`, whose sums are the partition's. Free it.
static char *table_of(const struct hc_partition_row *rows, size_t count, long limit)
{
    struct hc_partition partition = {.rows = (struct hc_partition_row *)rows,
                                     .row_count = count,
                                     .kind_header = (char *)"Kind (class / dict of class)"};
    for (size_t i = 0; i < count; i++) {
        partition.count += rows[i].count;
        partition.size += rows[i].size;
    }
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_partition(&report, "heap", NULL, &partition);
    return rendered(hc_text_write, &report, &(struct hc_render_options){.limit = limit});
}

static void assert_table(const struct hc_partition_row *rows, size_t count, const char *expected)
{
    _cleanup_(hc_freep) char *text = table_of(rows, count, HC_NO_LIMIT);
    assert_string_equal(text, expected);
}

static void test_an_empty_set_is_nothing(void **state)
{
    (void)state;
    assert_table(NULL, 0, "hp.Nothing\n");
}

static void test_one_object_is_not_plural(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {{(char *)"str", 1, 50, {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 1 object. Total size = 50 bytes.\n" HEADER
                 "     0      1 100       50 100        50 100 str\n");
}

static void test_halves_of_a_percent_round_to_even(void **state)
{
    (void)state;
    // 101, 5 and 93, 1 of 200: 50.5, 2.5, 46.5, 0.5 percent; cumulative 50.5, 53, 99.5, 100.
    const struct hc_partition_row rows[] = {{(char *)"a", 101, 101, {{0}}},
                                            {(char *)"b", 93, 93, {{0}}},
                                            {(char *)"c", 5, 5, {{0}}},
                                            {(char *)"d", 1, 1, {{0}}}};
    assert_table(rows, 4,
                 "Partition of a set of 200 objects. Total size = 200 bytes.\n" HEADER
                 "     0    101  50      101  50       101  50 a\n"
                 "     1     93  46       93  46       194  97 b\n"
                 "     2      5   2        5   2       199 100 c\n"
                 "     3      1   0        1   0       200 100 d\n");
}

static void test_a_percent_above_its_half_rounds_up(void **state)
{
    (void)state;
    // 2/3 and 1/3 of the objects, 0.4995 percent of the bytes.
    const struct hc_partition_row rows[] = {{(char *)"a", 2, 9950, {{0}}}, {(char *)"b", 1, 51, {{0}}}};
    assert_table(rows, 2,
                 "Partition of a set of 3 objects. Total size = 10001 bytes.\n" HEADER
                 "     0      2  67     9950  99      9950  99 a\n"
                 "     1      1  33       51   1     10001 100 b\n");
}

static void test_wide_numbers_push_what_follows(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {{(char *)"int", 12345678, 9876543210, {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 12345678 objects. Total size = 9876543210 bytes.\n" HEADER
                 "     0 12345678 100 9876543210 100 9876543210 100 int\n");
}

// The lines below are what Python's textwrap.wrap(…, width=100, subsequent_indent=…) makes of the same rows.
static void test_long_names_go_on_in_the_name_column(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {
        {(char *)"dict of some.package.module.with_a_long_name.AndAClassName, list, tuple, types.CodeType, "
                 "function",
         3,
         1000,
         {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 3 objects. Total size = 1000 bytes.\n" HEADER
                 "     0      3 100     1000 100      1000 100 dict of\n" INDENT
                 "some.package.module.with_a_long_name.AndAClassName,\n" INDENT
                 "list, tuple, types.CodeType, function\n");
}

static void test_a_word_wider_than_the_column_is_cut_on_the_next_line(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {
        {(char *)"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3, 1000, {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 3 objects. Total size = 1000 bytes.\n" HEADER
                 "     0      3 100     1000 100      1000 100\n" INDENT
                 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n" INDENT "aaaaa\n");
}

static void test_a_word_wider_than_a_line_is_cut_at_once(void **state)
{
    (void)state;
    char name[133] = "x ";
    memset(name + 2, 'b', 130);
    const struct hc_partition_row rows[] = {{name, 3, 1000, {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 3 objects. Total size = 1000 bytes.\n" HEADER
                 "     0      3 100     1000 100      1000 100 x "
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n" INDENT
                 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\n" INDENT
                 "bbbbbbbbbbbbbbbbbbbbbb\n");
}

static void test_words_break_after_hyphens(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {
        {(char *)"some.well-known-package.with-hyphens-in-the.name-of-it.and_more_text_here.Class",
         3,
         1000,
         {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 3 objects. Total size = 1000 bytes.\n" HEADER
                 "     0      3 100     1000 100      1000 100 "
                 "some.well-known-package.with-hyphens-in-the.name-of-\n" INDENT
                 "it.and_more_text_here.Class\n");
}

static void test_characters_and_not_bytes_count_for_the_width(void **state)
{
    (void)state;
    // 55 characters of two bytes fit exactly: 45 + 55 = 100.
    char name[111] = "";
    for (int i = 0; i < 55; i++)
        strcat(name, "é");
    const struct hc_partition_row rows[] = {{name, 1, 10, {{0}}}};
    _cleanup_(hc_freep) char *text = table_of(rows, 1, HC_NO_LIMIT);
    const char *line = strstr(text, "     0 ");
    assert_non_null(line);
    assert_memory_equal(line + 45, name, 110);
    assert_string_equal(line + 45 + 110, "\n");
}

static void test_control_characters_of_a_name_do_not_reach_the_terminal(void **state)
{
    (void)state;
    const struct hc_partition_row rows[] = {{(char *)"m.\033[2JC\n\x7f\xc2\x9b", 1, 10, {{0}}}};
    assert_table(rows, 1,
                 "Partition of a set of 1 object. Total size = 10 bytes.\n" HEADER
                 "     0      1 100       10 100        10 100 m.\\x1b[2JC\\n\\x7f\\x9b\n");
}

static size_t line_count(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static char *table_of_many(size_t count, long limit)
{
    struct hc_partition_row rows[32];
    assert_true(count <= 32);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct hc_partition_row){(char *)"n", 1, 100 - i, {{0}}};
    return table_of(rows, count, limit);
}

static void test_eleven_rows_are_all_shown(void **state)
{
    (void)state;
    _cleanup_(hc_freep) char *text = table_of_many(11, HC_NO_LIMIT);
    assert_int_equal(line_count(text), 2 + 11);
    assert_null(strstr(text, "more row"));
}

static void test_of_twelve_rows_ten_are_shown(void **state)
{
    (void)state;
    _cleanup_(hc_freep) char *text = table_of_many(12, HC_NO_LIMIT);
    assert_int_equal(line_count(text), 2 + 10 + 1);
    assert_non_null(strstr(text, "\n<2 more rows. Type e.g. '_.more' to view.>\n"));
}

static void test_a_limit_is_kept_to(void **state)
{
    (void)state;
    _cleanup_(hc_freep) char *eleven = table_of_many(12, 11);
    assert_int_equal(line_count(eleven), 2 + 11 + 1);
    assert_non_null(strstr(eleven, "\n<1 more rows. Type e.g. '_.more' to view.>\n"));
    _cleanup_(hc_freep) char *all = table_of_many(12, 12);
    assert_int_equal(line_count(all), 2 + 12);
    _cleanup_(hc_freep) char *many = table_of_many(12, 1000);
    assert_string_equal(many, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_set_is_nothing),
        cmocka_unit_test(test_one_object_is_not_plural),
        cmocka_unit_test(test_halves_of_a_percent_round_to_even),
        cmocka_unit_test(test_a_percent_above_its_half_rounds_up),
        cmocka_unit_test(test_wide_numbers_push_what_follows),
        cmocka_unit_test(test_long_names_go_on_in_the_name_column),
        cmocka_unit_test(test_a_word_wider_than_the_column_is_cut_on_the_next_line),
        cmocka_unit_test(test_a_word_wider_than_a_line_is_cut_at_once),
        cmocka_unit_test(test_words_break_after_hyphens),
        cmocka_unit_test(test_characters_and_not_bytes_count_for_the_width),
        cmocka_unit_test(test_control_characters_of_a_name_do_not_reach_the_terminal),
        cmocka_unit_test(test_eleven_rows_are_all_shown),
        cmocka_unit_test(test_of_twelve_rows_ten_are_shown),
        cmocka_unit_test(test_a_limit_is_kept_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
