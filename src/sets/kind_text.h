// Symbolic sets as the query language writes them.
#pragma once

#include "sets/kind.h"

// `hp.Size(152)`, `~hp.Type('m.C')`, `(hp.Type('m.C').dictof | hp.Via('.x'))`: what, read again, is an equal
// kind. One that is too large to be written is `<a kind of 20001 parts>`. Free it.
struct hc_error *hc_kind_text(struct hc_universe *universe, const struct hc_kind *kind, char **ret);
