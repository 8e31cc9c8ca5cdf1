// Tables without objects, as values.
#pragma once

#include "query/answer.h"
#include "sets/statistics.h"

struct hc_error *hc_answer_statistics(struct hc_statistics *statistics, struct hc_answer *ret);
