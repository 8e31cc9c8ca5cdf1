// Tables without objects: differences, and heapy's files, whole, damaged and forged.
#include "sets/statistics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char head[] = ".loader: _load_stat\n.format: SetFormat\n.timemade: 1700000000.250000\n";
static const char end[] = ".end: .loader: _load_stat\n";

// What reading `bytes` comes to: NULL and the message in `*ret_message`, or the table.
static struct hc_statistics *read_bytes(const char *bytes, size_t size, char **ret_message)
{
    _cleanup_(hc_statistics_reader_deinit) struct hc_statistics_reader reader = {
        .file = fmemopen((void *)bytes, size, "r"), .path = "F"};
    struct hc_statistics *statistics = NULL;
    assert_non_null(reader.file);
    struct hc_error *error = hc_statistics_read(&reader, &statistics);
    assert_true(!error || !statistics);
    if (ret_message)
        *ret_message = error ? strdup(hc_error_message(error)) : NULL;
    if (error)
        hc_error_destroy(error);
    return statistics;
}

static struct hc_statistics *read_text(const char *text)
{
    struct hc_statistics *statistics = read_bytes(text, strlen(text), NULL);
    assert_non_null(statistics);
    return statistics;
}

static char *write_table(const struct hc_statistics *statistics)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    hc_statistics_write(statistics, file);
    fclose(file);
    return text;
}

// "count size name" a row.
static struct hc_statistics *make(const char *header, size_t count, const char *const rows[])
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t size;
    int64_t objects = 0, bytes = 0;
    FILE *file = open_memstream(&text, &size);
    for (size_t i = 0; i < count; i++) {
        long row_count, row_size;
        assert_int_equal(sscanf(rows[i], "%ld %ld", &row_count, &row_size), 2);
        objects += row_count;
        bytes += row_size;
    }
    fprintf(file, "%s.count: %ld\n.size: %ld\n.kindname: \n.kindheader: %s\n.numrows: %zu\n", head,
            (long)objects, (long)bytes, header, count);
    for (size_t i = 0; i < count; i++)
        fprintf(file, ".r: %s\n", rows[i]);
    fputs(end, file);
    fclose(file);
    return read_text(text);
}

static void check_difference(const struct hc_statistics *a, const struct hc_statistics *b, size_t count,
                             const char *const rows[])
{
    _cleanup_(hc_statistics_releasep) struct hc_statistics *difference = NULL;
    assert_null(hc_statistics_subtract(a, b, &difference));
    assert_int_equal(difference->rows.count, count);
    for (size_t i = 0; i < count; i++) {
        char *row;
        const struct hc_statistics_row *found = &difference->rows.items[i];
        assert_true(asprintf(&row, "%ld %ld %s", (long)found->count, (long)found->size, found->name) > 0);
        assert_string_equal(row, rows[i]);
        free(row);
    }
    assert_int_equal(difference->format, HC_STATISTICS_DIFF);
    assert_int_equal(difference->b_count, b->count);
    assert_int_equal(difference->b_size, b->size);
    assert_int_equal(difference->count, a->count - b->count);
    assert_int_equal(difference->size, a->size - b->size);
}

static void test_rows_are_subtracted_by_name_and_the_largest_change_comes_first(void **state)
{
    (void)state;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *a =
        make("K", 5, (const char *[]){"9 900 str", "5 500 list", "3 48 same", "1 40 new", "1 30 m.C"});
    _cleanup_(hc_statistics_releasep) struct hc_statistics *b = make(
        "K", 5, (const char *[]){"2 5000 gone", "8 800 str", "9 500 list", "3 48 same", "4 40 gone too"});
    check_difference(a, b, 6,
                     (const char *[]){"-2 -5000 gone", "1 100 str", "1 40 new", "-4 -40 gone too", "1 30 m.C",
                                      "-4 0 list"});
    check_difference(a, a, 0, NULL);
}

static void test_a_name_in_two_rows_is_one_row_of_the_difference(void **state)
{
    (void)state;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *a =
        make("K", 4, (const char *[]){"3 30 x", "2 20 x", "1 10 y", "4 7 y"});
    _cleanup_(hc_statistics_releasep) struct hc_statistics *b =
        make("K", 3, (const char *[]){"3 30 x", "1 10 y", "1 1 z"});
    check_difference(a, b, 3, (const char *[]){"2 20 x", "4 7 y", "-1 -1 z"});
    check_difference(b, a, 3, (const char *[]){"-2 -20 x", "-4 -7 y", "1 1 z"});
}

static void test_tables_of_different_relations_have_no_difference(void **state)
{
    (void)state;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *a = make("K", 0, NULL);
    _cleanup_(hc_statistics_releasep) struct hc_statistics *b = make("Type", 0, NULL);
    struct hc_statistics *difference = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_statistics_subtract(a, b, &difference);
    assert_string_equal(hc_error_message(error), "tables by 'K' and by 'Type' cannot be subtracted");
}

static void test_what_is_written_is_read_again_to_the_byte(void **state)
{
    (void)state;
    static const char *const files[] = {
        ".loader: _load_stat\n.format: SetFormat\n.timemade: 12.500000\n.count: 3\n.size: 30\n.kindname: \n"
        ".kindheader: Kind (class / dict of class)\n.numrows: 2\n.r: 1 20 str\n.r: 2 10  a  b \n"
        ".end: .loader: _load_stat\n",
        ".loader: _load_stat\n.format: IdFormat\n.timemade: 0.000000\n.count: 1\n.size: 49\n"
        ".kindname: <str>\n.kindheader: Representation (limited)\n.numrows: 1\n.r: 49 ''\n"
        ".end: .loader: _load_stat\n",
        ".loader: _load_stat\n.format: DiffFormat\n.timemade: 1.000000\n.b_count: 7\n.b_size: 70\n"
        ".count: -1\n.size: -9223372036854775807\n.kindheader: K\n.kindname: \n.numrows: 1\n"
        ".r: -1 -9223372036854775807 \n.end: .loader: _load_stat\n",
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = read_text(files[i]);
        _cleanup_(hc_freep) char *written = write_table(statistics);
        assert_string_equal(written, files[i]);
    }
}

static void test_a_name_with_a_line_break_stays_one_row(void **state)
{
    (void)state;
    struct hc_partition_row rows[] = {{.name = (char *)"m.a\nb\rc", .count = 1, .size = 16}};
    struct hc_partition partition = {.rows = rows, .row_count = 1, .kind_header = (char *)"K"};
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
    assert_null(hc_statistics_of(&partition, &statistics));
    _cleanup_(hc_freep) char *written = write_table(statistics);
    _cleanup_(hc_statistics_releasep) struct hc_statistics *again = read_text(written);
    assert_int_equal(again->rows.count, 1);
    assert_string_equal(again->rows.items[0].name, "m.a\\nb\\rc");
}

static void test_files_of_other_systems_and_without_an_end_are_read(void **state)
{
    (void)state;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics =
        read_text(".loader: _load_stat\r\n.format: SetFormat\r\n.timemade: 1e3\r\n.count:3\r\n.size:  30\r\n"
                  ".later: what nobody knows\r\n.kindheader: K\r\n.numrows: 1\r\n.r: 3 30 str");
    assert_string_equal(statistics->rows.items[0].name, "str");
    assert_string_equal(statistics->kind_header, "K");
    assert_true(statistics->time_made == 1000);
}

static void test_one_table_after_another_is_read(void **state)
{
    (void)state;
    char text[4096];
    int length = 0;
    for (int i = 0; i < 3; i++)
        length += snprintf(text + length, sizeof(text) - (size_t)length,
                           "%s.count: %d\n.size: 0\n.kindheader: K\n.numrows: %d\n%s%s", head, i, i > 1,
                           i > 1 ? ".r: 2 0 str\n" : "", end);
    _cleanup_(hc_statistics_reader_deinit) struct hc_statistics_reader reader = {
        .file = fmemopen(text, (size_t)length, "r"), .path = "F"};
    for (int i = 0; i < 4; i++) {
        _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = NULL;
        assert_null(hc_statistics_read(&reader, &statistics));
        assert_int_equal(!statistics, i == 3);
        if (statistics)
            assert_int_equal(statistics->count, i);
    }
}

static void test_a_damaged_file_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *rest, *message;
    } files[] = {
        {".count: x\n", "F, line 4: 'x' is no count"},
        {".count: 9223372036854775808\n", "F, line 4: '9223372036854775808' is no count"},
        {".count: -9223372036854775808\n", "F, line 4: '-9223372036854775808' is no count"},
        {".numrows: -1\n", "F, line 4: '-1' is no numrows"},
        {".timemade: nan\n", "F, line 4: 'nan' is no timemade"},
        {".format: Format\n", "F, line 4: 'Format' is no format"},
        {"count: 1\n", "F, line 4: `.key: value` is expected here"},
        {".count 1\n", "F, line 4: `.key: value` is expected here"},
        {".size: 1\n.kindheader: K\n.numrows: 0\n", "F, line 7: the table has no `.count:` above"},
        {".count: 1\n.size: 1\n.numrows: 0\n.r: 1 2 3\n", "F, line 7: the table has no `.kindheader:` above"},
        {".count: 1\n.size: 1\n.kindheader: K\n.numrows: 2\n.r: 1 2 3\n.end: .loader: _load_stat\n",
         "F, line 9: the table above has 1 rows, not the 2 that it tells of"},
        {".count: 1\n.size: 1\n.kindheader: K\n.numrows: 1\n.r: 1 2 3\nx\n",
         "F, line 9: neither a row nor the end of the table"},
        {".count: 1\n.size: 1\n.kindheader: K\n.numrows: 1\n.r: 1 str\n",
         "F, line 8: a row is `.r: count size name`"},
        {".count: 1\n.size: 1\n.kindheader: K\n.numrows: 1\n.r: +1 2 str\n",
         "F, line 8: a row is `.r: count size name`"},
        {".count: 1\n.size: 1\n.kindheader: K\n.numrows: 2\n.r: 1 9223372036854775807 a\n.r: 1 1 b\n",
         "F, line 10: the table above adds up to more than 2^63"},
        {".format: DiffFormat\n.count: 1\n.size: 1\n.kindheader: K\n.numrows: 0\n.b_size: 3\n",
         "F, line 10: the difference has no `.b_count:` and `.b_size:` above"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char text[1024];
        _cleanup_(hc_freep) char *message = NULL;
        int length = snprintf(text, sizeof(text), "%s%s", head, files[i].rest);
        assert_null(read_bytes(text, (size_t)length, &message));
        assert_non_null(message);
        assert_string_equal(message, files[i].message);
    }
}

static void test_what_is_no_file_of_heapys_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *message;
    } files[] = {
        {"\n", 1, "F, line 1: no table of heapy's begins here: `.loader:` is expected"},
        {".load", 5, "F, line 1: no table of heapy's begins here: `.loader:` is expected"},
        {".loader: os.system\n", 19, "F, line 1: there is no loader 'os.system'"},
        {"\177ELF\0\0", 6, "F, line 1: a zero byte among the first 1048576"},
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        _cleanup_(hc_freep) char *message = NULL;
        assert_null(read_bytes(files[i].bytes, files[i].size, &message));
        assert_string_equal(message, files[i].message);
    }
    _cleanup_(hc_freep) char *message = NULL, *longest = malloc(2 << 20);
    memset(longest, '.', 2 << 20);
    assert_null(read_bytes(longest, 2 << 20, &message));
    assert_string_equal(message, "F, line 1: longer than 1048576 bytes");
}

static void test_every_cut_and_every_changed_byte_ends_well(void **state)
{
    (void)state;
    char text[1024], changed[1024];
    int length = snprintf(text, sizeof(text),
                          "%s.count: 3\n.size: 30\n.kindheader: K\n.numrows: 2\n"
                          ".r: 1 20 str\n.r: 2 10 int\n%s",
                          head, end);
    for (int i = 1; i < length; i++) {
        hc_statistics_release(read_bytes(text, (size_t)i, NULL));
        for (int k = 0; k < 256; k++) {
            memcpy(changed, text, (size_t)length);
            changed[i] = (char)k;
            hc_statistics_release(read_bytes(changed, (size_t)length, NULL));
        }
    }
}

static void test_a_slice_has_totals_of_its_own(void **state)
{
    (void)state;
    _cleanup_(hc_statistics_releasep) struct hc_statistics *a =
        make("K", 4, (const char *[]){"9 900 str", "5 500 list", "3 48 same", "1 40 new"});
    _cleanup_(hc_statistics_releasep) struct hc_statistics *some = NULL;
    assert_null(hc_statistics_slice(a, 1, 3, &some));
    assert_int_equal(some->rows.count, 2);
    assert_int_equal(some->count, 8);
    assert_int_equal(some->size, 548);
    assert_string_equal(some->rows.items[0].name, "list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_subtracted_by_name_and_the_largest_change_comes_first),
        cmocka_unit_test(test_a_name_in_two_rows_is_one_row_of_the_difference),
        cmocka_unit_test(test_tables_of_different_relations_have_no_difference),
        cmocka_unit_test(test_what_is_written_is_read_again_to_the_byte),
        cmocka_unit_test(test_a_name_with_a_line_break_stays_one_row),
        cmocka_unit_test(test_files_of_other_systems_and_without_an_end_are_read),
        cmocka_unit_test(test_one_table_after_another_is_read),
        cmocka_unit_test(test_a_damaged_file_is_told_with_its_line),
        cmocka_unit_test(test_what_is_no_file_of_heapys_is_refused),
        cmocka_unit_test(test_every_cut_and_every_changed_byte_ends_well),
        cmocka_unit_test(test_a_slice_has_totals_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
