// Runs the query language over one graph: heapy's names, variables, `_`.
#pragma once

#include "query/answer.h"
#include "query/ast.h"
#include "sets/reference.h"
#include "sets/set.h"

struct hc_variable {
    char *name;
    struct hc_answer value;
};

HC_DEFINE_VECTOR(hc_variable_vector, struct hc_variable)

struct hc_interpreter {
    struct hc_universe universe;
    struct hc_variable_vector variables; // `_` among them
    struct hc_answer heap;               // heap(), once it was asked for
    struct hc_reference *baseline;       // an earlier dump of the process; NULL: none
    struct hc_reference
        *relative[HC_REFERENCE_PART_COUNT]; // what heap() and heapu() leave out; NULL: nothing
};

struct hc_error *hc_interpreter_init(struct hc_interpreter *interpreter, struct hc_graph *graph,
                                     unsigned threads);
void hc_interpreter_deinit(struct hc_interpreter *interpreter);
// heap() and heapu() leave out what is in `reference` from now on, of which the interpreter holds a
// reference. An error if it is of another process.
struct hc_error *hc_interpreter_set_baseline(struct hc_interpreter *interpreter,
                                             struct hc_reference *reference);

// What a statement's expression comes to, without keeping it.
struct hc_error *hc_interpreter_evaluate(struct hc_interpreter *interpreter, const struct hc_ast *ast,
                                         const struct hc_statement *statement, struct hc_answer *ret);
// Gives a value a name.
struct hc_error *hc_interpreter_assign(struct hc_interpreter *interpreter, const char *name,
                                       const struct hc_answer *value);
// Gives a value a name that comes before all others, until as many names as were bound are dropped again.
struct hc_error *hc_interpreter_bind(struct hc_interpreter *interpreter, const char *name,
                                     const struct hc_answer *value);
void hc_interpreter_unbind(struct hc_interpreter *interpreter, size_t count);
// Runs one statement. What it comes to is kept as `_`, unless it is None or an assignment; these come to None
// in `ret`.
struct hc_error *hc_interpreter_run(struct hc_interpreter *interpreter, const struct hc_ast *ast,
                                    const struct hc_statement *statement, struct hc_answer *ret);
