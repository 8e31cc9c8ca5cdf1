// The post-mortem on one screen: what somebody wants to know first of all whose service is dead.
#pragma once

#include "graph/session.h"
#include "report/report.h"
#include "sets/reference.h"

struct hc_screen_options {
    const struct hc_reference *baseline; // NULL: none
    long limit;                          // rows of the table of kinds; HC_NO_LIMIT: as many as fit
    size_t width;                        // characters of the terminal; 0: not known
};

struct hc_error *hc_report_screen(const struct hc_session *session, const struct hc_screen_options *options,
                                  struct hc_report *report);
