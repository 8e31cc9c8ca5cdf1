// Equivalence relations as values: hp.Type, hp.Type & hp.Size, findex(…), h.er.
#pragma once

#include "query/evaluate.h"

// A relation, or one of hp's functions that are called as one is.
bool hc_answer_is_classifier(const struct hc_answer *answer, struct hc_classifier *ret);
struct hc_error *hc_answer_classifier(const struct hc_classifier *classifier, struct hc_answer *ret);
struct hc_error *hc_classifiers_join(const struct hc_classifier *left, const struct hc_classifier *right,
                                     struct hc_answer *ret);
