// Reports as text and as JSON.
#include "support.h"

#include "report/analyze.h"

#include <json-c/json.h>

static const struct hc_column columns[] = {
    {.key = "name", .heading = "Name", .kind = HC_COLUMN_LEFT},
    {.key = "secret", .kind = HC_COLUMN_HIDDEN},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.heading = "", .kind = HC_COLUMN_LEFT},
};

static void add_row(struct hc_report *report, const char *name, uint64_t count, const char *remark)
{
    hc_report_cell_text(report, name);
    hc_report_cell_text(report, NULL);
    hc_report_cell_number(report, count);
    hc_report_cell_text(report, remark);
}

static void fill(struct hc_report *report)
{
    hc_report_section(report, "process", "Process");
    hc_report_text(report, "command", "a \"quoted\" thing\n");
    hc_report_text(report, "absent", NULL);
    hc_report_number(report, "signal.number", 11);
    hc_report_text(report, "signal.name", "SIGSEGV");
    hc_report_truth(report, "live", false);
    hc_report_line(report, "command", "%s", "a \"quoted\" thing\n\xfe");
    hc_report_section(report, "more", NULL);
    hc_report_number(report, "big", UINT64_MAX);
    hc_report_line(report, "as", "%d", 1);
    hc_report_section(report, "things", "Things");
    hc_report_table(report, columns, 4);
    add_row(report, "caf\xc3\xa9", 7, "x");
    add_row(report, "bad \xff\xc3 \xed\xa0\x80", 1234, "");
    assert_null(hc_report_check(report));
}

static void test_a_cell_may_hold_a_table_in_json_only(void **state)
{
    static const struct hc_column inner[] = {{.key = "a", .kind = HC_COLUMN_HIDDEN}};
    static const struct hc_column outer[] = {{.key = "what.kind", .kind = HC_COLUMN_HIDDEN},
                                             {.key = "rows", .kind = HC_COLUMN_HIDDEN},
                                             {.key = "last", .kind = HC_COLUMN_HIDDEN}};
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_section(&report, "outer", NULL);
    hc_report_table(&report, outer, 3);
    for (int i = 0; i < 2; i++) {
        hc_report_cell_text(&report, i ? "second" : NULL);
        hc_report_open_rows(&report, inner, 1);
        for (int j = 0; j < i; j++)
            hc_report_cell_truth(&report, true);
        hc_report_close_rows(&report);
        hc_report_cell_empty(&report);
    }
    hc_report_section(&report, "line", NULL);
    hc_report_title(&report, "made %d\n", 1);
    hc_report_line(&report, NULL, "text");
    _cleanup_(hc_freep) char *text = rendered(hc_text_write, &report, &plain);
    assert_string_equal(text, "made 1\n\n  text\n");
    _cleanup_(hc_freep) char *json = rendered(hc_json_write, &report, &plain);
    struct json_object *root = json_tokener_parse(json);
    assert_non_null(root);
    assert_string_equal(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN),
                        "{\"heapcore\":{\"schema\":1,\"version\":\"" HC_VERSION
                        "\"},\"version\":1,\"outer\":[{\"rows\":[],\"last\":null},"
                        "{\"what\":{\"kind\":\"second\"},\"rows\":[{\"a\":true}],\"last\":null}]}");
    json_object_put(root);
}

static void test_facts_and_tables_line_up(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    fill(&report);
    _cleanup_(hc_freep) char *text = rendered(hc_text_write, &report, &plain);
    assert_string_equal(text, "Process\n"
                              "  command  a \"quoted\" thing\\n\xef\xbf\xbd\n"
                              "  as       1\n"
                              "\n"
                              "Things\n"
                              "  Name        Count\n"
                              "  caf\xc3\xa9            7  x\n"
                              "  bad \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd   1234\n");
}

static void test_only_headings_are_colored(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_section(&report, "a", "Title");
    hc_report_line(&report, "label", "text");
    _cleanup_(hc_freep) char *text =
        rendered(hc_text_write, &report, &(struct hc_render_options){.limit = HC_NO_LIMIT, .color = true});
    assert_string_equal(text, "\033[1mTitle\033[0m\n  label  text\n");
}

static void test_lines_have_tones_where_there_is_color(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_section(&report, "a", "Dead");
    hc_report_tone(&report, HC_TONE_ALARM);
    hc_report_line(&report, NULL, "look");
    hc_report_tone(&report, HC_TONE_WARNING);
    hc_report_line(&report, NULL, "skip");
    hc_report_tone(&report, HC_TONE_QUIET);
    _cleanup_(hc_freep) char *text =
        rendered(hc_text_write, &report, &(struct hc_render_options){.limit = HC_NO_LIMIT, .color = true});
    assert_string_equal(text, "\033[31m\033[1mDead\033[0m\n  \033[33mlook\033[0m\n  \033[2mskip\033[0m\n");
    _cleanup_(hc_freep) char *without = rendered(hc_text_write, &report, &plain);
    assert_string_equal(without, "Dead\n  look\n  skip\n");
}

static void test_lines_wider_than_the_report_are_cut(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {.width = 12};
    hc_report_section(&report, "a", NULL);
    hc_report_title(&report, "caf\xc3\xa9 au lait");
    hc_report_line(&report, "x", "123456789");
    hc_report_line(&report, "x", "1234567");
    hc_report_line(&report, NULL, "1234567890");
    hc_report_line(&report, NULL, "12345678901");
    _cleanup_(hc_freep) char *text = rendered(hc_text_write, &report, &plain);
    assert_string_equal(text,
                        "caf\xc3\xa9 au lait\n  x  123456…\n  x  1234567\n  1234567890\n  123456789…\n");
}

static void test_a_report_within_a_report_is_a_member_of_its_own(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {.name = "outer"};
    hc_report_section(&report, "a", NULL);
    hc_report_number(&report, "n", 1);
    report.part = "inner";
    hc_report_section(&report, "a", NULL);
    hc_report_number(&report, "n", 2);
    hc_report_section(&report, "b", NULL);
    hc_report_number(&report, "n", 3);
    _cleanup_(hc_freep) char *json = rendered(hc_json_write, &report, &plain);
    struct json_object *root = json_tokener_parse(json);
    assert_string_equal(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN),
                        "{\"heapcore\":{\"report\":\"outer\",\"schema\":1,\"version\":\"" HC_VERSION
                        "\"},\"version\":1,\"a\":{\"n\":1},\"inner\":{\"a\":{\"n\":2},\"b\":{\"n\":3}}}");
    json_object_put(root);
}

static json_object *member(json_object *object, const char *key)
{
    json_object *value;
    assert_true(json_object_object_get_ex(object, key, &value));
    return value;
}

static void test_json_is_the_same_data(void **state)
{
    (void)state;
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    fill(&report);
    _cleanup_(hc_freep) char *text = rendered(hc_json_write, &report, &plain);
    json_object *root = json_tokener_parse(text);
    assert_non_null(root);
    assert_int_equal(json_object_get_int(member(root, "version")), 1);
    json_object *process = member(root, "process");
    assert_string_equal(json_object_get_string(member(process, "command")), "a \"quoted\" thing\n");
    assert_false(json_object_object_get_ex(process, "absent", NULL));
    assert_false(json_object_get_boolean(member(process, "live")));
    assert_int_equal(json_object_get_int(member(member(process, "signal"), "number")), 11);
    assert_string_equal(json_object_get_string(member(member(process, "signal"), "name")), "SIGSEGV");
    assert_true(json_object_get_uint64(member(member(root, "more"), "big")) == UINT64_MAX);
    json_object *things = member(root, "things");
    assert_int_equal(json_object_array_length(things), 2);
    json_object *row = json_object_array_get_idx(things, 1);
    assert_int_equal(json_object_object_length(row), 3);
    assert_string_equal(json_object_get_string(member(row, "name")),
                        "bad \xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_null(member(row, "secret"));
    assert_int_equal(json_object_get_int(member(row, "count")), 1234);
    json_object_put(root);
}

static void test_a_partition_in_json_has_all_rows_unless_limited(void **state)
{
    (void)state;
    struct hc_partition_row rows[12];
    for (size_t i = 0; i < 12; i++)
        rows[i] = (struct hc_partition_row){.name = (char *)"n", .count = 2, .size = 100 - i};
    struct hc_partition partition = {
        .rows = rows, .row_count = 12, .count = 24, .size = 1134, .kind_header = (char *)"Kind"};
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_partition(&report, "heap", NULL, &partition);

    _cleanup_(hc_freep) char *text = rendered(hc_json_write, &report, &plain);
    json_object *root = json_tokener_parse(text);
    json_object *heap = member(root, "heap");
    assert_int_equal(json_object_get_int(member(heap, "count")), 24);
    assert_int_equal(json_object_get_int(member(heap, "size")), 1134);
    assert_string_equal(json_object_get_string(member(heap, "header")), "Kind");
    assert_int_equal(json_object_array_length(member(heap, "rows")), 12);
    assert_string_equal(json_object_to_json_string_ext(json_object_array_get_idx(member(heap, "rows"), 1), 0),
                        "{\"index\":1,\"count\":2,\"size\":99,\"name\":\"n\"}");
    json_object_put(root);

    _cleanup_(hc_freep) char *limited =
        rendered(hc_json_write, &report, &(struct hc_render_options){.limit = 3});
    root = json_tokener_parse(limited);
    assert_int_equal(json_object_array_length(member(member(root, "heap"), "rows")), 3);
    json_object_put(root);
}

static void test_an_empty_partition_in_json_has_no_rows(void **state)
{
    (void)state;
    struct hc_partition partition = {.kind_header = (char *)"Kind"};
    _cleanup_(hc_report_deinit) struct hc_report report = {0};
    hc_report_partition(&report, "heap", NULL, &partition);
    _cleanup_(hc_freep) char *text = rendered(hc_json_write, &report, &plain);
    json_object *root = json_tokener_parse(text);
    assert_int_equal(json_object_array_length(member(member(root, "heap"), "rows")), 0);
    json_object_put(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cell_may_hold_a_table_in_json_only),
        cmocka_unit_test(test_facts_and_tables_line_up),
        cmocka_unit_test(test_only_headings_are_colored),
        cmocka_unit_test(test_lines_have_tones_where_there_is_color),
        cmocka_unit_test(test_lines_wider_than_the_report_are_cut),
        cmocka_unit_test(test_a_report_within_a_report_is_a_member_of_its_own),
        cmocka_unit_test(test_json_is_the_same_data),
        cmocka_unit_test(test_a_partition_in_json_has_all_rows_unless_limited),
        cmocka_unit_test(test_an_empty_partition_in_json_has_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
