// "did you mean …?"
#pragma once

#include <stddef.h>

// The nearest of `names`, the first among equals: it differs from `wrong` by at most a third of its letters
// (one is always allowed), where two letters exchanged count once and capitals do not count. NULL: none is
// near.
const char *hc_suggest(const char *wrong, const char *const *names, size_t count);
