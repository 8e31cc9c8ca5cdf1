// A session that goes on where an earlier one of the same process stood.
#pragma once

#include "query/interpreter.h"

// Takes the reference points and the variables over: plain values as they are; of sets the objects that are
// still there, which is an object of the same type at the same address. Kinds, paths and the like are of the
// earlier session's types, and are left.
struct hc_error *hc_interpreter_inherit(struct hc_interpreter *interpreter,
                                        const struct hc_interpreter *older);
