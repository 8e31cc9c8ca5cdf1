// A session that goes on where an earlier one of the same process stood.
#pragma once

#include "query/interpreter.h"

// Takes the reference points and the variables over: plain values as they are; of sets the objects that are
// still there, which is an object of the same type at the same address; kinds by type, size, object or set,
// and what is made of such. Other kinds, paths and the like are of the earlier session, and are left.
struct hc_error *hc_interpreter_inherit(struct hc_interpreter *interpreter,
                                        const struct hc_interpreter *older);
