#include "support.h"

#include <stdio.h>
#include <string.h>

// The error's message has the source's line, then the caret below `column`, then `message`.
static void assert_fails_in(const char *source, const char *line, int column, const char *message)
{
    _cleanup_(hc_freep) char *found = render(source);
    _cleanup_(hc_freep) char *wanted = NULL;
    assert_true(asprintf(&wanted, "%s\n%*s^ %s", line, column, "", message) > 0);
    assert_string_equal(found, wanted);
}

static void assert_fails(const char *source, int column, const char *message)
{
    assert_fails_in(source, source, column, message);
}

static void test_what_is_missing_is_named_where_it_is_missing(void **state)
{
    (void)state;
    assert_fails("h.byrcs[", 8, "expected an expression");
    assert_fails("h.byrcs[  # all of them", 8, "expected an expression");
    assert_fails("h.byrcs[]", 8, "expected an expression");
    assert_fails("h.byrcs[0", 9, "expected ':' or ']'");
    assert_fails("h.byrcs[0, 1]", 9, "expected ':' or ']'");
    assert_fails("h[0:1", 5, "expected ']'");
    assert_fails("h[0:", 4, "expected an expression");
    assert_fails("h.", 2, "expected a name");
    assert_fails("h.5", 2, "expected a name");
    assert_fails("h..a", 2, "expected a name");
    assert_fails("h.True", 2, "expected a name");
    assert_fails("f(a", 3, "expected ',' or ')'");
    assert_fails("f(a b)", 4, "expected ',' or ')'");
    assert_fails("f(", 2, "expected an expression");
    assert_fails("f(,)", 2, "expected an expression");
    assert_fails("f(a=)", 4, "expected an expression");
    assert_fails("(a", 2, "expected ',' or ')'");
    assert_fails("(a]", 2, "expected ',' or ')'");
    assert_fails("(,)", 1, "expected an expression");
    assert_fails("[a b]", 3, "expected ',' or ']'");
    assert_fails("a &", 3, "expected an expression");
    assert_fails("a & ; b", 4, "expected an expression");
    assert_fails("a & | b", 4, "expected an expression");
    assert_fails("& a", 0, "expected an expression");
    assert_fails("~", 1, "expected an expression");
    assert_fails("a =", 3, "expected an expression");
    assert_fails("+a", 0, "expected an expression");
    assert_fails("a not b", 6, "expected 'in' after 'not'");
}

static void test_what_is_too_much_is_pointed_at(void **state)
{
    (void)state;
    assert_fails("h h", 2, "expected an operator or the end of the statement");
    assert_fails("h 'a'", 2, "expected an operator or the end of the statement");
    assert_fails("a : b", 2, "expected an operator or the end of the statement");
    assert_fails("a ~b", 2, "expected an operator or the end of the statement");
    assert_fails("a, b", 1, "several values need parentheses around them");
    assert_fails("a)", 1, "this bracket closes none");
    assert_fails("h[0]]", 4, "this bracket closes none");
    assert_fails("a = b = c", 6, "one assignment a statement; '==' compares");
    assert_fails("a[0::2]", 4, "a slice has no step here");
    assert_fails("a[0:1:2]", 5, "a slice has no step here");
}

static void test_only_names_are_assigned_to(void **state)
{
    (void)state;
    static const char message[] = "only a name can stand before '='; '==' compares";
    assert_fails("a.b = c", 4, message);
    assert_fails("a[0] = c", 5, message);
    assert_fails("(a) = c", 4, message);
    assert_fails("1 = c", 2, message);
    assert_fails("None = c", 5, message);
    assert_fails("f(a.b=c)", 5, message);
    assert_fails("f('a'=c)", 5, message);
    assert_fails("(a=b)", 2, "expected ',' or ')'");
    assert_fails("h[a=b]", 3, "expected ':' or ']'");
}

static void test_named_arguments_come_last_and_once(void **state)
{
    (void)state;
    assert_fails("f(a=1, b)", 7, "an argument without a name cannot follow one with a name");
    assert_fails("f(a=1, b=2, a=3)", 12, "the argument 'a' is given twice");
}

static void test_comparisons_are_not_chained(void **state)
{
    (void)state;
    static const char message[] = "comparisons cannot be chained; put parentheses around one of them";
    assert_fails("a < b < c", 6, message);
    assert_fails("a == b in c", 7, message);
    assert_fails("a not in b not in c", 11, message);
    assert_fails("f(a < b == c)", 8, message);
}

static void test_words_of_python_that_have_no_meaning_say_what_to_write(void **state)
{
    (void)state;
    assert_fails("a and b", 2, "'and' is not in the query language; '&' intersects sets");
    assert_fails("a or b", 2, "'or' is not in the query language; '|' unites sets");
    assert_fails("a is b", 2, "'is' is not in the query language; '==' compares");
    assert_fails("not a", 0, "'not' stands before 'in' only; '~' inverts sets");
    assert_fails("for a in b: c", 0, "'for' is not in the query language");
    assert_fails("import os", 0, "'import' is not in the query language");
    assert_fails("f(lambda: 1)", 2, "'lambda' is not in the query language");
}

static void test_unknown_characters_are_shown(void **state)
{
    (void)state;
    assert_fails("a * b", 2, "'*' has no meaning here");
    assert_fails("a ! b", 2, "'!' has no meaning here");
    assert_fails("{a}", 0, "'{' has no meaning here");
    assert_fails("\xe2\x80\x98"
                 "a",
                 0, "'\xe2\x80\x98' has no meaning here");
    assert_fails_in("a \xff", "a ?", 2, "the byte 0xff has no meaning here");
    assert_fails_in("a \x1b[2J", "a ?[2J", 2, "the byte 0x1b has no meaning here");
    assert_fails_in("\xc2\x9b", "?", 0, "the byte 0xc2 has no meaning here");
}

static void test_integers_are_checked(void **state)
{
    (void)state;
    assert_fails("a + 9223372036854775808", 4, "this number is too large");
    assert_fails("0xffffffffffffffff", 0, "this number is too large");
    assert_fails("12ab", 2, "this is no digit of a number of base 10");
    assert_fails("0b12", 3, "this is no digit of a number of base 2");
    assert_fails("0o8", 2, "this is no digit of a number of base 8");
    assert_fails("0xg", 2, "this is no digit of a number of base 16");
    assert_fails("0x", 2, "expected a digit");
    assert_fails("0x_", 3, "expected a digit");
    assert_fails("1_", 2, "expected a digit");
    assert_fails("1__0", 2, "this is no digit of a number of base 10");
    assert_fails("010", 0, "a number must not begin with 0; base 8 is written 0o17");
    assert_fails("1.5", 1, "numbers are whole in the query language");
}

static void test_strings_are_checked(void **state)
{
    (void)state;
    assert_fails("a == 'b", 5, "this string is not closed");
    assert_fails("'a\\'", 0, "this string is not closed");
    assert_fails("'a\\", 0, "this string is not closed");
    assert_fails_in("'a\n'", "'a", 0, "this string is not closed");
    assert_fails("'ab\\x4'", 3, "'\\x' needs 2 hexadecimal digits");
    assert_fails("'\\u123'", 1, "'\\u' needs 4 hexadecimal digits");
    assert_fails("'\\U0000123'", 1, "'\\U' needs 8 hexadecimal digits");
    assert_fails("'\\U00110000'", 1, "there is no such character");
    assert_fails("'\\N{BULLET}'", 1, "characters have no names here; write '\\u' and four digits");
}

static void test_the_line_at_fault_is_shown_alone(void **state)
{
    (void)state;
    assert_fails_in("a\nb & & c\nd", "b & & c", 4, "expected an expression");
    assert_fails_in("a\nb &\nd", "b &", 3, "expected an expression");
    assert_fails_in("f(a,\n  b c)", "  b c)", 4, "expected ',' or ')'");
    assert_fails_in("f(a,\n\n", "f(a,", 4, "expected an expression");
}

static void test_columns_are_characters_not_bytes(void **state)
{
    (void)state;
    assert_fails("'\xc3\xa4\xe2\x82\xac' b", 5, "expected an operator or the end of the statement");
    assert_fails_in("\ta\tb\r", " a b ", 3, "expected an operator or the end of the statement");
}

static void test_long_lines_are_shown_around_the_place(void **state)
{
    (void)state;
    char source[301], line[200];
    memset(source, 'a', 300);
    source[300] = '\0';
    source[150] = '*';
    // 70 characters before the place, 29 behind it, and a dot row at each end.
    snprintf(line, sizeof(line), "\xe2\x80\xa6%.70s*%.29s\xe2\x80\xa6", source, source);
    assert_fails_in(source, line, 71, "'*' has no meaning here");
    source[150] = 'a';
    source[20] = '*';
    snprintf(line, sizeof(line), "%.100s\xe2\x80\xa6", source);
    assert_fails_in(source, line, 20, "'*' has no meaning here");
    source[20] = 'a';
    source[299] = '*';
    snprintf(line, sizeof(line), "\xe2\x80\xa6%.70s*", source);
    assert_fails_in(source, line, 71, "'*' has no meaning here");
}

static void test_an_evaluator_can_point_at_a_node(void **state)
{
    (void)state;
    _cleanup_(hc_error_destroyp) struct hc_error *error =
        hc_syntax_error("a\nh.byrc", 4, "unknown attribute '%s'", "byrc");
    assert_string_equal(hc_error_message(error), "h.byrc\n  ^ unknown attribute 'byrc'");
    _cleanup_(hc_error_destroyp) struct hc_error *beyond = hc_syntax_error("h", 1000, "%d", 5);
    assert_string_equal(hc_error_message(beyond), "h\n ^ 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_missing_is_named_where_it_is_missing),
        cmocka_unit_test(test_what_is_too_much_is_pointed_at),
        cmocka_unit_test(test_only_names_are_assigned_to),
        cmocka_unit_test(test_named_arguments_come_last_and_once),
        cmocka_unit_test(test_comparisons_are_not_chained),
        cmocka_unit_test(test_words_of_python_that_have_no_meaning_say_what_to_write),
        cmocka_unit_test(test_unknown_characters_are_shown),
        cmocka_unit_test(test_integers_are_checked),
        cmocka_unit_test(test_strings_are_checked),
        cmocka_unit_test(test_the_line_at_fault_is_shown_alone),
        cmocka_unit_test(test_columns_are_characters_not_bytes),
        cmocka_unit_test(test_long_lines_are_shown_around_the_place),
        cmocka_unit_test(test_an_evaluator_can_point_at_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
