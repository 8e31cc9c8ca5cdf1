#include "support.h"

#include "query/suggest.h"

#include <string.h>

static const char *const names[] = {"byclodo",   "byrcs", "bysize", "byvia", "count", "referents",
                                    "referrers", "Type",  "Via",    "rp",    "sp",    "h"};

static const char *suggest(const char *wrong)
{
    return hc_suggest(wrong, names, sizeof(names) / sizeof(names[0]));
}

static void test_one_slip_finds_the_name(void **state)
{
    (void)state;
    assert_string_equal(suggest("byrc"), "byrcs");
    assert_string_equal(suggest("byrccs"), "byrcs");
    assert_string_equal(suggest("bxrcs"), "byrcs");
    assert_string_equal(suggest("cuont"), "count");
    assert_string_equal(suggest("referers"), "referrers");
    assert_string_equal(suggest("rep"), "rp");
}

static void test_long_words_may_have_more_slips_but_a_third_at_most(void **state)
{
    (void)state;
    assert_string_equal(suggest("referenced"), "referents");
    assert_string_equal(suggest("byklodos"), "byclodo");
    assert_null(suggest("rfrnts"));
    assert_null(suggest("byxxx"));
    assert_null(suggest("conutt1"));
}

static void test_capitals_do_not_count(void **state)
{
    (void)state;
    assert_string_equal(suggest("type"), "Type");
    assert_string_equal(suggest("VIA"), "Via");
    assert_string_equal(suggest("BYRC"), "byrcs");
}

static void test_the_nearest_wins_and_the_first_of_equals(void **state)
{
    (void)state;
    assert_string_equal(suggest("referrents"), "referents");
    assert_string_equal(suggest("xp"), "rp");
    static const char *const turned[] = {"sp", "rp"};
    assert_string_equal(hc_suggest("xp", turned, 2), "sp");
}

static void test_nothing_near_is_no_suggestion(void **state)
{
    (void)state;
    assert_null(suggest("zebra"));
    assert_null(suggest("x"));
    assert_null(suggest(""));
    assert_null(hc_suggest("a", NULL, 0));
    char endless[5000];
    memset(endless, 'h', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = '\0';
    assert_null(suggest(endless));
    const char *const one[] = {endless};
    assert_null(hc_suggest("hhhhhh", one, 1));
}

static void test_the_longest_words_are_measured_within_bounds(void **state)
{
    (void)state;
    char wrong[61], name[81];
    memset(wrong, 'a', 60);
    memset(name, 'a', 80);
    wrong[60] = name[80] = '\0';
    const char *const one[] = {name};
    assert_ptr_equal(hc_suggest(wrong, one, 1), name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_slip_finds_the_name),
        cmocka_unit_test(test_long_words_may_have_more_slips_but_a_third_at_most),
        cmocka_unit_test(test_capitals_do_not_count),
        cmocka_unit_test(test_the_nearest_wins_and_the_first_of_equals),
        cmocka_unit_test(test_nothing_near_is_no_suggestion),
        cmocka_unit_test(test_the_longest_words_are_measured_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
