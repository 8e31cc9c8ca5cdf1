#include "support.h"

#include <stdio.h>
#include <string.h>

static void assert_renders(const char *source, const char *wanted)
{
    _cleanup_(hc_freep) char *found = render(source);
    assert_string_equal(found, wanted);
}

static void test_nothing_is_said_by_blanks_comments_and_separators(void **state)
{
    (void)state;
    assert_renders("", "");
    assert_renders("  \t\r\n", "");
    assert_renders(" # all of it", "");
    assert_renders(";;\n;", "");
    assert_renders("# a\nh # b\n# c", "h");
}

static void test_statements_end_at_semicolons_and_line_breaks(void **state)
{
    (void)state;
    assert_renders("a; b\nc;\n\nd", "a; b; c; d");
    assert_renders("byrcs = _", "byrcs = _");
    assert_renders("a=b==c;d=~e", "a = (b == c); d = (~e)");
}

static void test_a_pasted_session_loses_its_prompts_and_imports(void **state)
{
    (void)state;
    assert_renders(">>> h\n  >>> h[\n...    0]\n>>>", "h; h[0]");
    assert_renders("from guppy import hpy; hp=hpy()", "hp = hpy()");
    assert_renders(">>> import guppy # x\nfrom\tguppy.heapy import View as v\nimport guppy as g; 1", "1");
    assert_renders("fromguppy; imports", "fromguppy; imports");
}

static void test_prompts_and_other_imports_are_errors_elsewhere(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "h >>> h", "h; >>> h", ">>>h",   "...", "from guppyx import y", "import os", "from os import guppy",
        "r'x'",    "b\"x\"",   "f'{x}'",
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct hc_ast *ast = NULL;
        struct hc_error *error = hc_parse(sources[i], &ast);
        if (!error && ast->count)
            fail_msg("%s is accepted", sources[i]);
        hc_error_destroy(error);
        hc_ast_destroy(ast);
    }
}

static void test_names_hold_letters_digits_and_underscores(void **state)
{
    (void)state;
    assert_renders("_; __a9_; A; True_; notin; inside", "_; __a9_; A; True_; notin; inside");
}

static void test_integers_are_written_in_four_bases(void **state)
{
    (void)state;
    assert_renders("0; 00; 7; 1_000_000", "0; 0; 7; 1000000");
    assert_renders("0x10; 0XfF_ff; 0x_1; 0o17; 0b101", "16; 65535; 1; 15; 5");
    assert_renders("9223372036854775807", "9223372036854775807");
    assert_renders("0x7fffffffffffffff", "9223372036854775807");
    assert_renders("-1", "(-1)");
}

static void test_constants_have_their_own_kinds(void **state)
{
    (void)state;
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    assert_null(hc_parse("True; False; None; none", &ast));
    assert_int_equal(ast->statements[0].expression->kind, HC_NODE_BOOLEAN);
    assert_true(ast->statements[0].expression->boolean);
    assert_int_equal(ast->statements[1].expression->kind, HC_NODE_BOOLEAN);
    assert_false(ast->statements[1].expression->boolean);
    assert_int_equal(ast->statements[2].expression->kind, HC_NODE_NONE);
    assert_int_equal(ast->statements[3].expression->kind, HC_NODE_NAME);
}

static void test_strings_take_either_quote_and_join(void **state)
{
    (void)state;
    assert_renders("'a'", "'a'");
    assert_renders("\"it's\"", "'it's'");
    assert_renders("''", "''");
    assert_renders("'a' \"b\"'c'", "'abc'");
    assert_renders("('a'\n 'b')", "'ab'");
    assert_renders("'# no; comment'", "'# no; comment'");
    assert_renders("'\xc3\xa4\xff'", "'\xc3\xa4\xff'");
}

static void test_escapes_are_those_of_python(void **state)
{
    (void)state;
    assert_renders("'\\\\ \\' \\\"'", "'\\ ' \"'");
    assert_renders("'\\a\\b\\f\\n\\r\\t\\v'", "'<07><08><0c><0a><0d><09><0b>'");
    assert_renders("'\\x41\\xe4\\x7f'", "'A\xc3\xa4<7f>'");
    assert_renders("'\\u20ac\\U0001f600'", "'\xe2\x82\xac\xf0\x9f\x98\x80'");
    assert_renders("'\\101\\1019\\7'", "'AA9<07>'");
    assert_renders("'\\d\\.'", "'\\d\\.'");
    assert_renders("'a\\\nb'", "'ab'");
}

static void test_lone_surrogates_read_as_the_replacement_character(void **state)
{
    (void)state;
    assert_renders("'\\ud800\\udc00'", "'\xef\xbf\xbd\xef\xbf\xbd'");
}

static void test_strings_cannot_hold_nul(void **state)
{
    (void)state;
    static const char *const sources[] = {"'a\\0b'", "'\\x00'", "'\\u0000'", "'\\000'"};
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        struct hc_ast *ast = NULL;
        _cleanup_(hc_error_destroyp) struct hc_error *error = hc_parse(sources[i], &ast);
        assert_non_null(error);
        assert_non_null(strstr(hc_error_message(error), "cannot hold the character 0"));
    }
}

static void test_parentheses_group_and_commas_make_sequences(void **state)
{
    (void)state;
    assert_renders("((a))", "a");
    assert_renders("()", "[]");
    assert_renders("(a,)", "[a]");
    assert_renders("(a, b)", "[a, b]");
    assert_renders("(a, (b, c,),)", "[a, [b, c]]");
    assert_renders("[]; [a]; [a, b,]", "[]; [a]; [a, b]");
}

static void test_line_breaks_and_comments_inside_brackets_do_not_count(void **state)
{
    (void)state;
    assert_renders("f(a, # first\n  b).c\nd", "f(a, b).c; d");
    assert_renders("[\n1\n,\n2]", "[1, 2]");
}

static void test_postfixes_chain_from_the_left(void **state)
{
    (void)state;
    assert_renders("a.b.c", "a.b.c");
    assert_renders("a [0] . b (1) [2](3)", "a[0].b(1)[2](3)");
    assert_renders("(a & b).c", "(a & b).c");
    assert_renders("'a'.b; 1 .c; [a][0]; ()()", "'a'.b; 1.c; [a][0]; []()");
}

static void test_calls_take_positional_and_named_arguments(void **state)
{
    (void)state;
    assert_renders("f()", "f()");
    assert_renders("f(a, b,)", "f(a, b)");
    assert_renders("hp.Module('m', at=0x10)", "hp.Module('m', at=16)");
    assert_renders("f(dictof=())", "f(dictof=[])");
    assert_renders("f(a=b==c, d=(e))", "f(a=(b == c), d=e)");
    assert_renders("f(a == b)", "f((a == b))");
}

static void test_indexes_and_slices(void **state)
{
    (void)state;
    assert_renders("a[0]; a[-1]; a[b in c]", "a[0]; a[(-1)]; a[(b in c)]");
    assert_renders("a[1:2]; a[:2]; a[1:]; a[:]", "a[1:2]; a[:2]; a[1:]; a[:]");
    assert_renders("a[(1, 2)]; a['b']", "a[[1, 2]]; a['b']");
}

static void test_operators_bind_as_in_python(void **state)
{
    (void)state;
    assert_renders("a == b | c ^ d & e + ~f.g", "(a == (b | (c ^ (d & (e + (~f.g))))))");
    assert_renders("~a.b + c & d ^ e | f == g", "((((((~a.b) + c) & d) ^ e) | f) == g)");
    assert_renders("a | b & c | d", "((a | (b & c)) | d)");
    assert_renders("a & b | c & d", "((a & b) | (c & d))");
    assert_renders("a ^ b | c", "((a ^ b) | c)");
    assert_renders("a & b - c", "(a & (b - c))");
    assert_renders("a < b | c", "(a < (b | c))");
    assert_renders("a & (b | c)", "(a & (b | c))");
    assert_renders("-a[0] - -b()", "((-a[0]) - (-b()))");
    assert_renders("~-~a", "(~(-(~a)))");
}

static void test_operators_of_one_level_group_from_the_left(void **state)
{
    (void)state;
    assert_renders("a - b + c - d", "(((a - b) + c) - d)");
    assert_renders("a - (b - c)", "(a - (b - c))");
    assert_renders("a & b & c", "((a & b) & c)");
    assert_renders("a ^ b ^ c", "((a ^ b) ^ c)");
    assert_renders("a | b | c", "((a | b) | c)");
}

static void test_every_comparison(void **state)
{
    (void)state;
    assert_renders("a == b; a != b; a < b; a <= b; a > b; a >= b",
                   "(a == b); (a != b); (a < b); (a <= b); (a > b); (a >= b)");
    assert_renders("a in b; a not in b; a not\tin b", "(a in b); (a not in b); (a not in b)");
    assert_renders("(a < b) == c", "((a < b) == c)");
}

static void assert_span(const char *source, struct hc_span span, const char *wanted)
{
    assert_int_equal(span.length, strlen(wanted));
    assert_memory_equal(source + span.offset, wanted, span.length);
}

static void test_nodes_know_where_they_stand(void **state)
{
    (void)state;
    static const char source[] = " a = (b) not  in c.d ( e = f ) [1 : ] # z\n";
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    assert_null(hc_parse(source, &ast));
    assert_int_equal(ast->count, 1);
    assert_string_equal(ast->source, source);
    const struct hc_statement *statement = &ast->statements[0];
    assert_span(source, statement->target_span, "a");
    assert_span(source, statement->span, "a = (b) not  in c.d ( e = f ) [1 : ]");
    const struct hc_node *node = statement->expression;
    assert_span(source, node->span, "(b) not  in c.d ( e = f ) [1 : ]");
    assert_span(source, node->binary.operator_span, "not  in");
    assert_span(source, node->binary.left->span, "(b)");
    node = node->binary.right;
    assert_span(source, node->span, "c.d ( e = f ) [1 : ]");
    assert_span(source, node->slice.start->span, "1");
    node = node->slice.object;
    assert_span(source, node->span, "c.d ( e = f )");
    assert_span(source, node->call.arguments[0].name_span, "e");
    assert_span(source, node->call.arguments[0].value->span, "f");
    assert_span(source, node->call.function->span, "c.d");
    assert_span(source, node->call.function->attribute.name_span, "d");
}

static void test_the_tree_outlives_its_source(void **state)
{
    (void)state;
    char source[] = "abc.xyz('x')";
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    assert_null(hc_parse(source, &ast));
    memset(source, 'z', sizeof(source) - 1);
    const struct hc_node *call = ast->statements[0].expression;
    assert_string_equal(ast->source, "abc.xyz('x')");
    assert_string_equal(call->call.function->attribute.name.bytes, "xyz");
    assert_string_equal(call->call.arguments[0].value->text.bytes, "x");
}

static void test_every_command_of_the_tutorial_parses(void **state)
{
    (void)state;
    static const struct {
        const char *command, *tree;
    } commands[] = {
        {"hp.setrelheap()", "hp.setrelheap()"},
        {"h = hp.heap()", "h = hp.heap()"},
        {"h", "h"},
        {"h[0]", "h[0]"},
        {"h.bytype", "h.bytype"},
        {"h.byrcs", "h.byrcs"},
        {"_.more", "_.more"},
        {"byrcs = _", "byrcs = _"},
        {"byrcs[5]", "byrcs[5]"},
        {"byrcs[5].byclodo", "byrcs[5].byclodo"},
        {"byrcs[5].bysize", "byrcs[5].bysize"},
        {"byrcs[5].byid", "byrcs[5].byid"},
        {"byrcs[5].byid[0].theone", "byrcs[5].byid[0].theone"},
        {"byrcs[5].byvia", "byrcs[5].byvia"},
        {"nonkeys = byrcs[5] & hp.Via('.key').alt('<')", "nonkeys = (byrcs[5] & hp.Via('.key').alt('<'))"},
        {"nonkeys.byrcs", "nonkeys.byrcs"},
        {"hp.Nothing", "hp.Nothing"},
        {"nonkeys = byrcs[5] & ~hp.Via('.key')", "nonkeys = (byrcs[5] & (~hp.Via('.key')))"},
        {"h[0].byrcs", "h[0].byrcs"},
        {"h[0].byrcs[3] ^ byrcs[5]", "(h[0].byrcs[3] ^ byrcs[5])"},
        {"h[0].byrcs[0].referrers.byrcs", "h[0].byrcs[0].referrers.byrcs"},
        {"t = _", "t = _"},
        {"t[0].domisize", "t[0].domisize"},
        {"t[0].byvia", "t[0].byvia"},
        {"t[0].referents", "t[0].referents"},
        {"_.byvia", "_.byvia"},
        {"refs = t[0].referents", "refs = t[0].referents"},
        {"i=iter(refs.byvia[7].nodes)", "i = iter(refs.byvia[7].nodes)"},
        {"i.next()", "i.next()"},
        {"next(i)", "next(i)"},
        {"refs.byvia[7].bysize", "refs.byvia[7].bysize"},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_renders(commands[i].command, commands[i].tree);
}

// `count` times `open`, then `middle`, then as often `close`.
static char *nest(const char *open, const char *middle, const char *close, size_t count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < count; i++)
        fputs(open, out);
    fputs(middle, out);
    for (size_t i = 0; i < count; i++)
        fputs(close, out);
    fclose(out);
    return text;
}

static void assert_depth_is_bounded(const char *open, const char *close)
{
    _cleanup_(hc_freep) char *deep = nest(open, "a", close, HC_AST_MAX_DEPTH - 1);
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    assert_null(hc_parse(deep, &ast));
    assert_true(measure(ast) <= HC_AST_MAX_DEPTH);
    static const size_t counts[] = {HC_AST_MAX_DEPTH + 1, 5000, 500000};
    for (size_t i = 0; i < 3; i++) {
        _cleanup_(hc_freep) char *deeper = nest(open, "a", close, counts[i]);
        _cleanup_(hc_freep) char *message = render(deeper);
        assert_non_null(strstr(message, "this is nested more than 200 deep"));
    }
}

static void test_depth_is_bounded_in_every_direction(void **state)
{
    (void)state;
    assert_depth_is_bounded("(", ")");
    assert_depth_is_bounded("[", "]");
    assert_depth_is_bounded("~", "");
    assert_depth_is_bounded("-", "");
    assert_depth_is_bounded("", ".b");
    assert_depth_is_bounded("", "[0]");
    assert_depth_is_bounded("", "[:]");
    assert_depth_is_bounded("", "()");
    assert_depth_is_bounded("", "|b");
    assert_depth_is_bounded("", "-b");
    assert_depth_is_bounded("f(", ")");
    assert_depth_is_bounded("f(x=", ")");
    assert_depth_is_bounded("b[", "]");
    assert_depth_is_bounded("b[:", "]");
    assert_depth_is_bounded("a<(", ")");
    assert_depth_is_bounded("a|(", ")");
}

static void test_a_long_statement_is_refused_but_not_a_long_text(void **state)
{
    (void)state;
    _cleanup_(hc_freep) char *items = nest("a,", "]", "", HC_AST_MAX_STATEMENT / 2);
    _cleanup_(hc_freep) char *list = NULL;
    assert_true(asprintf(&list, "[%s", items) > 0);
    _cleanup_(hc_freep) char *message = render(list);
    assert_non_null(strstr(message, "\n^ this statement is longer than 65536 bytes"));
    // The same in a string, and with a comment as long, before and behind.
    _cleanup_(hc_freep) char *string = nest("a", "'", "", HC_AST_MAX_STATEMENT);
    _cleanup_(hc_freep) char *quoted = NULL;
    assert_true(asprintf(&quoted, "'%s", string) > 0);
    _cleanup_(hc_freep) char *refused = render(quoted);
    assert_non_null(strstr(refused, "\n^ this statement is longer than 65536 bytes"));
    _cleanup_(hc_freep) char *commented = NULL;
    assert_true(asprintf(&commented, "#%s\na#%s\n;b", items, items) > 0);
    assert_renders(commented, "a; b");
    _cleanup_(hc_freep) char *statements = nest("a;", "", "", 100000);
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    assert_null(hc_parse(statements, &ast));
    assert_int_equal(ast->count, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_said_by_blanks_comments_and_separators),
        cmocka_unit_test(test_statements_end_at_semicolons_and_line_breaks),
        cmocka_unit_test(test_a_pasted_session_loses_its_prompts_and_imports),
        cmocka_unit_test(test_prompts_and_other_imports_are_errors_elsewhere),
        cmocka_unit_test(test_names_hold_letters_digits_and_underscores),
        cmocka_unit_test(test_integers_are_written_in_four_bases),
        cmocka_unit_test(test_constants_have_their_own_kinds),
        cmocka_unit_test(test_strings_take_either_quote_and_join),
        cmocka_unit_test(test_escapes_are_those_of_python),
        cmocka_unit_test(test_lone_surrogates_read_as_the_replacement_character),
        cmocka_unit_test(test_strings_cannot_hold_nul),
        cmocka_unit_test(test_parentheses_group_and_commas_make_sequences),
        cmocka_unit_test(test_line_breaks_and_comments_inside_brackets_do_not_count),
        cmocka_unit_test(test_postfixes_chain_from_the_left),
        cmocka_unit_test(test_calls_take_positional_and_named_arguments),
        cmocka_unit_test(test_indexes_and_slices),
        cmocka_unit_test(test_operators_bind_as_in_python),
        cmocka_unit_test(test_operators_of_one_level_group_from_the_left),
        cmocka_unit_test(test_every_comparison),
        cmocka_unit_test(test_nodes_know_where_they_stand),
        cmocka_unit_test(test_the_tree_outlives_its_source),
        cmocka_unit_test(test_every_command_of_the_tutorial_parses),
        cmocka_unit_test(test_depth_is_bounded_in_every_direction),
        cmocka_unit_test(test_a_long_statement_is_refused_but_not_a_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
