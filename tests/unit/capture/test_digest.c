// A page that has changed must have another digest, above all where the change is a small one.
#include "capture/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { PAGE = 4096, WORDS = PAGE / 8 };

static void test_only_zeros_have_the_digest_zero(void **state)
{
    (void)state;
    uint64_t page[WORDS] = {0};
    assert_int_equal(hc_digest((const uint8_t *)page, PAGE), 0);
    for (unsigned bit = 0; bit < PAGE * 8; bit++) {
        page[bit / 64] = UINT64_C(1) << bit % 64;
        assert_int_not_equal(hc_digest((const uint8_t *)page, PAGE), 0);
        page[bit / 64] = 0;
    }
}

static void test_one_bit_anywhere_changes_the_digest(void **state)
{
    (void)state;
    uint64_t page[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        page[i] = UINT64_C(0x00007f0123456000) + i * 64; // pointers
    uint64_t before = hc_digest((const uint8_t *)page, PAGE);
    for (unsigned bit = 0; bit < PAGE * 8; bit++) {
        page[bit / 64] ^= UINT64_C(1) << bit % 64;
        assert_int_not_equal(hc_digest((const uint8_t *)page, PAGE), before);
        page[bit / 64] ^= UINT64_C(1) << bit % 64;
    }
    assert_int_equal(hc_digest((const uint8_t *)page, PAGE), before);
}

// Signs of two numbers, two neighbours exchanged, the same step on two counters.
static void test_two_changes_do_not_cancel_out(void **state)
{
    (void)state;
    uint64_t page[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        page[i] = i * UINT64_C(0x1000193) + 7;
    uint64_t before = hc_digest((const uint8_t *)page, PAGE);
    for (unsigned i = 0; i < WORDS; i++) {
        for (unsigned j = i + 1; j < WORDS && j <= i + 16; j++) {
            uint64_t left = page[i], right = page[j];
            const uint64_t pairs[][2] = {{left ^ UINT64_C(1) << 63, right ^ UINT64_C(1) << 63},
                                         {right, left},
                                         {left + 1, right - 1},
                                         {left ^ 1, right ^ 1}};
            for (unsigned k = 0; k < sizeof(pairs) / sizeof(*pairs); k++) {
                page[i] = pairs[k][0];
                page[j] = pairs[k][1];
                assert_int_not_equal(hc_digest((const uint8_t *)page, PAGE), before);
            }
            page[i] = left;
            page[j] = right;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_zeros_have_the_digest_zero),
        cmocka_unit_test(test_one_bit_anywhere_changes_the_digest),
        cmocka_unit_test(test_two_changes_do_not_cancel_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
