// Names that a pasted session of heapy begins with: they are not needed here, and do no harm.
#include "query/families.h"

static struct hc_error *run_hpy(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count)
        return hc_evaluation_error(call->evaluation, call->node, "it is called so: hpy()");
    *ret = (struct hc_answer){.type = HC_ANSWER_HEAPY};
    return NULL;
}

static struct hc_error *run_print(const struct hc_call *call, struct hc_answer *ret)
{
    if (call->node->call.count != 1 || call->node->call.arguments[0].value->kind == HC_NODE_SEQUENCE)
        return hc_evaluation_error(call->evaluation, call->node, "print() takes one value");
    return hc_answer_copy(&call->arguments[0], ret);
}

const struct hc_function hc_pasted_functions[] = {
    {.name = "hpy",
     .usage = "hpy()",
     .run = run_hpy,
     .help = "Is hp, which is there without it. It allows a session that was written for heapy to be pasted.",
     .example = "hpy().heap().count"},
    {.name = "print",
     .usage = "print(value)",
     .run = run_print,
     .help = "Is its value, which is then printed as any other. It is not needed here.",
     .example = "print(h)"},
    {0},
};
