#include "support.h"

#include <string.h>

static uint64_t random_next(uint64_t *seed)
{
    // xorshift64, Marsaglia 2003.
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static const char *const alphabet[] = {
    "a",
    "_",
    "h.byrcs",
    "not",
    "in",
    "True",
    "None",
    "0",
    "0x1f",
    "1_0",
    "'a'",
    "\"",
    "'",
    "\\",
    "\\x41",
    "\\u",
    "~",
    "-",
    "+",
    "&",
    "^",
    "|",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "=",
    ".",
    ",",
    ":",
    ";",
    "\n",
    "(",
    ")",
    "[",
    "]",
    "()",
    "[0]",
    "#",
    " ",
    "\t",
    "\r",
    "\x01",
    "{",
    "\xc3",
    "\xc3\xa4",
    "for",
    "f(x=",
    "[:",
    "(a,",
    "9999999999999999999",
    ".c",
    "\xf4\x8f\xbf\xbf",
};

// Whether it parses; its tree is measured, its error held against the two lines that every one has.
static bool check(const char *source)
{
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_parse(source, &ast);
    assert_true(!error == !!ast);
    if (ast) {
        assert_true(measure(ast) <= HC_AST_MAX_DEPTH);
        return true;
    }
    const char *caret = strchr(hc_error_message(error), '\n');
    assert_non_null(caret);
    caret += 1 + strspn(caret + 1, " ");
    assert_int_equal(*caret, '^');
    assert_null(strchr(caret, '\n'));
    return false;
}

static void test_random_tokens_never_harm(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    unsigned parsed = 0;
    for (int i = 0; i < 100000; i++) {
        char source[24 * 24] = "";
        for (uint64_t left = random_next(&seed) % 24; left; left--)
            strcat(source, alphabet[random_next(&seed) % (sizeof(alphabet) / sizeof(alphabet[0]))]);
        parsed += check(source);
    }
    assert_true(parsed > 1000);
}

static void test_random_bytes_never_harm(void **state)
{
    (void)state;
    uint64_t seed = 362436069362436069u;
    for (int i = 0; i < 100000; i++) {
        char source[17] = "";
        size_t length = random_next(&seed) % 16;
        for (size_t j = 0; j < length; j++)
            source[j] = (char)random_next(&seed);
        check(source);
    }
}

static void test_each_beginning_of_a_good_text_is_good_or_an_error(void **state)
{
    (void)state;
    static const char text[] =
        "nonkeys = byrcs[5] & ~hp.Via('.k\\x65y', \"\\u20ac\").alt('<', x=(1, [2]))[-0x1f:]\n"
        "; a not in (b,) # done";
    for (size_t length = 0; length < sizeof(text); length++) {
        // Its own allocation: reading past the end is seen by the address sanitizer.
        _cleanup_(hc_freep) char *source = strndup(text, length);
        check(source);
    }
    assert_true(check(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_tokens_never_harm),
        cmocka_unit_test(test_random_bytes_never_harm),
        cmocka_unit_test(test_each_beginning_of_a_good_text_is_good_or_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
