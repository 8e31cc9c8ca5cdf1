// The options that every command has.
#pragma once

#include "cli/command.h"

// What --help says about them.
extern const char hc_options_help[];

// argv[0] is the command's name. `*ret_help`: --help was asked for, nothing else counts. An error is wrong
// usage.
struct hc_error *hc_options_parse(int argc, char **argv, const struct hc_command *command,
                                  struct hc_cli_options *ret, bool *ret_help);
