// The folder where crashes are kept: files of one crash share the beginning of their name, which begins with
// the time; the oldest crashes go when there are too many.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef char hc_kept_name[96];

// "20261123T051200Z-4711-python3.11". Gives the part that is the program's name: it has no unusual letters,
// whatever the program calls itself.
const char *hc_kept_make_name(time_t when, long pid, const char *program, hc_kept_name ret);
// Removes the oldest crashes in `folder` until at most `crashes` are left which take at most `bytes` on disk.
// The newest stays, and what another handler still works on. Other files are left alone.
void hc_kept_prune(const char *folder, size_t crashes, uint64_t bytes);
