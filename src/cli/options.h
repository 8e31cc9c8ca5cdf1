// The options of commands that work on a session.
#pragma once

#include "cli/command.h"

// What --help says about those that `command` takes.
void hc_options_print(const struct hc_command *command);

// argv[0] is the command's name. `*ret_help`: --help was asked for, nothing else counts. An error is wrong
// usage.
struct hc_error *hc_options_parse(int argc, char **argv, const struct hc_command *command,
                                  struct hc_cli_options *ret, bool *ret_help);
