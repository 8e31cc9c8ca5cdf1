// Single objects as values of the language.
#pragma once

#include "query/families.h"

struct hc_object_thing {
    struct hc_thing thing;
    struct hc_universe *universe; // belongs to the session
    uint32_t object;
};

struct hc_error *hc_answer_object(struct hc_universe *universe, uint32_t object, struct hc_answer *ret);
// What it prints as, of about `limit` bytes. Free it.
struct hc_error *hc_object_repr(struct hc_universe *universe, uint32_t object, size_t limit, char **ret);
// The object, if the answer is one.
bool hc_answer_is_object(const struct hc_answer *answer, uint32_t *ret);
// The set, if the answer is a set or the nodes of one; else NULL. Belongs to the answer.
struct hc_set *hc_answer_members(const struct hc_answer *answer);
