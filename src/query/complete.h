// What could stand where somebody types. Evaluates nothing: a value is known if a variable has it, its type
// often without.
#pragma once

#include "query/interpreter.h"

HC_DEFINE_VECTOR(hc_name_vector, char *)

struct hc_completion {
    size_t start; // offset of the name that is being typed
    struct hc_name_vector names;
};

void hc_completion_deinit(struct hc_completion *completion);

// The names that fit what of `line` stands before `cursor`, sorted, each once.
struct hc_error *hc_complete(struct hc_interpreter *interpreter, const char *line, size_t cursor,
                             struct hc_completion *ret);
