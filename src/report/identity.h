// Tables of single objects.
#pragma once

#include "report/analyze.h"
#include "sets/identity.h"

// The rows from `first` to before `end`; the label is there on the first page only.
struct hc_error *hc_report_identity_page(struct hc_report *report, const char *key,
                                         struct hc_identity *identity, size_t first, size_t end);
