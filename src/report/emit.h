// Writes the layouts of an interpreter with debug information as a table, for those without.
#pragma once

#include "graph/session.h"

#include <stdio.h>

struct hc_error *hc_emit_layouts(const struct hc_session_options *options, FILE *file);
