// "did you mean …?"
#pragma once

#include <stddef.h>

// The nearest of `names` that differs from `wrong` by at most a third of its length (at least one letter, and
// two letters exchanged count once); the first of equals, NULL if none is near.
const char *hc_suggest(const char *wrong, const char *const *names, size_t count);
