// Finds memory that no analysis reads: the inside of large blocks of malloc that hold data and no pointers.
// Knows glibc's chunks, for the blocks that have a mapping of their own; knows nothing of Python.
#pragma once

#include "capture/copy.h"

// Adds what may be left out, sorted. The process may run.
struct hc_error *hc_choose_data(struct hc_copier *copier, struct hc_omission_vector *ret);
// Of a process that has run since: drops those that are no longer what they were. It must stand still.
struct hc_error *hc_choose_again(struct hc_copier *copier, unsigned threads,
                                 struct hc_omission_vector *omissions);
