// One session of the query language: runs an expression, and prints what it comes to or tells why not.
// `query` and `shell` share it.
#pragma once

#include "cli/command.h"
#include "query/interpreter.h"

#include <json.h>

// Where an expression stands: FILE:LINE. Without a name it is where the user sees it.
struct hc_place {
    const char *name;
    size_t line;
};

struct hc_runner {
    const struct hc_cli_options *options;
    struct hc_interpreter interpreter;
    json_object *answers; // NULL: text
    size_t runs;
    size_t failures;
    bool is_interactive; // an error stands under what was typed
};

struct hc_error *hc_runner_init(struct hc_runner *runner, const struct hc_cli_options *options,
                                struct hc_session *session);
void hc_runner_deinit(struct hc_runner *runner);

// An expression that fails is told and counted; an error says that nothing more can be done.
struct hc_error *hc_runner_run(struct hc_runner *runner, const char *expression, struct hc_place place);
// Tells that `expression` failed, and counts it; consumes `error`.
struct hc_error *hc_runner_tell(struct hc_runner *runner, const char *expression, struct hc_place place,
                                struct hc_error *error);
// Prints what was kept to the end, and says how many expressions failed.
struct hc_error *hc_runner_finish(struct hc_runner *runner);

// From now on SIGINT asks the work to stop (base/interrupt.h). `is_last`: a second one ends the program.
void hc_catch_interrupts(bool is_last);
// Ends the program as SIGINT would have, if it came: what was printed is out, and the caller's shell knows.
void hc_die_if_interrupted(void);
