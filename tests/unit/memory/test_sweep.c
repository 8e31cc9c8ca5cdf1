// The sweep, held against a plain one that looks at each byte.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "memory/sweep.h"

#include <string.h>

enum { SPACE = 256, NOBODY = -1, OUTSIDE = -2, TWICE = -3 };

struct seen {
    int owners[SPACE]; // index of the claim that each byte came with
    uint64_t last_end;
};

static struct hc_error *note(void *argument, const struct hc_claim *claim, uint64_t start, uint64_t end)
{
    struct seen *seen = argument;
    assert_true(start < end && end <= SPACE);
    assert_true(start >= seen->last_end); // ascending
    seen->last_end = end;
    for (uint64_t at = start; at < end; at++)
        seen->owners[at] = seen->owners[at] != OUTSIDE ? TWICE : claim ? (int)claim->index : NOBODY;
    return NULL;
}

static bool is_in(const struct hc_claim_vector *bounds, uint64_t at)
{
    for (size_t i = 0; i < bounds->count; i++)
        if (at >= bounds->items[i].start && at < bounds->items[i].end)
            return true;
    return false;
}

static bool is_stronger(const struct hc_claim *a, const struct hc_claim *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->start != b->start ? a->start < b->start : a->index < b->index;
}

static int plain_owner(const struct hc_claim_vector *claims, uint64_t at)
{
    const struct hc_claim *best = NULL;
    for (size_t i = 0; i < claims->count; i++) {
        const struct hc_claim *claim = &claims->items[i];
        if (at >= claim->start && at < claim->end && (!best || is_stronger(claim, best)))
            best = claim;
    }
    return best ? (int)best->index : NOBODY;
}

static void check(struct hc_claim_vector *claims, const struct hc_claim_vector *bounds)
{
    struct seen seen = {0};
    for (size_t i = 0; i < SPACE; i++)
        seen.owners[i] = OUTSIDE;
    assert_null(hc_sweep(claims, bounds, note, &seen));
    for (uint64_t at = 0; at < SPACE; at++)
        assert_int_equal(seen.owners[at], is_in(bounds, at) ? plain_owner(claims, at) : OUTSIDE);
}

static uint64_t random_number(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % below;
}

static void test_each_byte_goes_to_the_strongest_claim_once(void **unused)
{
    (void)unused;
    uint64_t state = 1;
    for (int round = 0; round < 2000; round++) {
        struct hc_claim claims[24], bounds[8];
        struct hc_claim_vector claim_vector = {.items = claims, .count = random_number(&state, 24)};
        struct hc_claim_vector bound_vector = {.items = bounds};
        for (size_t i = 0; i < claim_vector.count; i++) {
            uint64_t start = random_number(&state, SPACE), end = random_number(&state, SPACE);
            claims[i] = (struct hc_claim){start, end, (uint32_t)random_number(&state, 4), (uint32_t)i};
        }
        for (uint64_t at = random_number(&state, 60); at < SPACE - 60 && bound_vector.count < 8;) {
            uint64_t end = at + 1 + random_number(&state, 40);
            bounds[bound_vector.count++] = (struct hc_claim){.start = at, .end = end};
            at = end + random_number(&state, 20);
        }
        check(&claim_vector, &bound_vector);
    }
}

static void test_without_claims_all_is_nobodys(void **unused)
{
    (void)unused;
    struct hc_claim bound = {.start = 10, .end = 20};
    struct hc_claim_vector claims = {0}, bounds = {.items = &bound, .count = 1};
    check(&claims, &bounds);
}

static void test_claims_up_to_the_last_address_end(void **unused)
{
    (void)unused;
    struct hc_claim claim = {.start = 5, .end = UINT64_MAX, .rank = 1, .index = 7};
    struct hc_claim bound = {.start = 0, .end = 30};
    struct hc_claim_vector claims = {.items = &claim, .count = 1}, bounds = {.items = &bound, .count = 1};
    check(&claims, &bounds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_byte_goes_to_the_strongest_claim_once),
        cmocka_unit_test(test_without_claims_all_is_nobodys),
        cmocka_unit_test(test_claims_up_to_the_last_address_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
