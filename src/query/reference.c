// Reference points: setref() and what heap() and heapu() leave out.
#include "sets/reference.h"

#include "query/families.h"

#include <string.h>

struct hc_error *hc_evaluate_states(struct hc_evaluation *evaluation, enum hc_reference_part part,
                                    struct hc_set **ret)
{
    static const unsigned states[HC_REFERENCE_PART_COUNT] = {
        [HC_REFERENCE_REACHED] = 1u << HC_STATE_REACHABLE,
        [HC_REFERENCE_UNREACHED] = 1u << HC_STATE_TRACKED | 1u << HC_STATE_STRAY,
    };
    struct hc_interpreter *interpreter = evaluation->interpreter;
    const struct hc_reference *reference = interpreter->relative[part];
    _cleanup_(hc_set_releasep) struct hc_set *all = NULL, *known = NULL;
    HC_TRY(hc_set_of_states(&interpreter->universe, states[part], &all));
    if (!reference) {
        *ret = hc_take(all);
        return NULL;
    }
    HC_TRY(hc_reference_members(reference, part, &interpreter->universe, &known));
    return hc_set_combine(all, known, HC_SET_MINUS, ret);
}

// heapu(), heapu(abs=True). heapy's other arguments say how to go about it, not what comes of it: whether to
// collect garbage first, and whether a set or its statistics are wanted.
static struct hc_error *run_heapu(const struct hc_call *call, struct hc_answer *ret)
{
    static const char *const names[] = {"rma", "abs", "stat"};
    enum { ABS = 1, COUNT = 3 };
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    bool is_absolute = false;
    for (size_t i = 0; i < call->node->call.count; i++) {
        const char *name = call->node->call.arguments[i].name.bytes;
        const struct hc_answer *argument = &call->arguments[i];
        size_t which = name ? 0 : i;
        while (name && which < COUNT && strcmp(name, names[which]))
            which++;
        if (which >= COUNT || (argument->type != HC_ANSWER_TRUTH && argument->type != HC_ANSWER_INTEGER))
            return hc_evaluation_error(call->evaluation, call->node,
                                       "it is called so: heapu() or heapu(abs=True)");
        if (which == ABS)
            is_absolute = argument->integer;
    }
    struct hc_set *set;
    if (is_absolute)
        HC_TRY(hc_set_of_states(&call->evaluation->interpreter->universe,
                                1u << HC_STATE_TRACKED | 1u << HC_STATE_STRAY, &set));
    else
        HC_TRY(hc_evaluate_states(call->evaluation, HC_REFERENCE_UNREACHED, &set));
    return hc_answer_set(set, &clodo, ret);
}

// Takes the reference; NULL: none any more.
static void set_relative(struct hc_interpreter *interpreter, enum hc_reference_part part,
                         struct hc_reference *reference)
{
    hc_reference_release(interpreter->relative[part]);
    interpreter->relative[part] = reference;
    if (part == HC_REFERENCE_REACHED)
        hc_answer_deinit(&interpreter->heap);
}

struct hc_error *hc_interpreter_set_baseline(struct hc_interpreter *interpreter,
                                             struct hc_reference *reference)
{
    HC_TRY(hc_reference_check(reference, interpreter->universe.graph));
    hc_reference_release(interpreter->baseline);
    interpreter->baseline = hc_reference_keep(reference);
    for (int part = 0; part < HC_REFERENCE_PART_COUNT; part++)
        set_relative(interpreter, (enum hc_reference_part)part, hc_reference_keep(reference));
    return NULL;
}

// The baseline if there is one, else all that is there now.
static struct hc_error *find_default(struct hc_interpreter *interpreter, struct hc_reference **ret)
{
    if (!interpreter->baseline)
        return hc_reference_of_graph(interpreter->universe.graph, ret);
    *ret = hc_reference_keep(interpreter->baseline);
    return NULL;
}

// A set as an argument; the empty set is no reference point at all.
static struct hc_error *find_argument(const struct hc_call *call, size_t index, struct hc_reference **ret)
{
    const struct hc_answer *argument = &call->arguments[index];
    *ret = NULL;
    if (argument->type != HC_ANSWER_SET)
        return hc_evaluation_error(call->evaluation, call->node->call.arguments[index].value,
                                   "a reference point is a set, not %s", hc_answer_name(argument));
    return argument->view->set->count ? hc_reference_of_set(argument->view->set, ret) : NULL;
}

static struct hc_error *set_one(const struct hc_call *call, enum hc_reference_part part, const char *usage,
                                struct hc_answer *ret)
{
    struct hc_interpreter *interpreter = call->evaluation->interpreter;
    struct hc_reference *reference;
    if (call->node->call.count > 1)
        return hc_evaluation_error(call->evaluation, call->node, "it is called so: %s", usage);
    if (call->node->call.count)
        HC_TRY(find_argument(call, 0, &reference));
    else
        HC_TRY(find_default(interpreter, &reference));
    set_relative(interpreter, part, reference);
    *ret = (struct hc_answer){0};
    return NULL;
}

static struct hc_error *run_setrelheap(const struct hc_call *call, struct hc_answer *ret)
{
    return set_one(call, HC_REFERENCE_REACHED, "setrelheap() or setrelheap(set)", ret);
}

static struct hc_error *run_setrelheapu(const struct hc_call *call, struct hc_answer *ret)
{
    return set_one(call, HC_REFERENCE_UNREACHED, "setrelheapu() or setrelheapu(set)", ret);
}

// setref(): both. setref(a), setref(a, b), setref(None, b): each that is given.
static struct hc_error *run_setref(const struct hc_call *call, struct hc_answer *ret)
{
    struct hc_interpreter *interpreter = call->evaluation->interpreter;
    _cleanup_(hc_reference_releasep) struct hc_reference *reached = NULL, *unreached = NULL;
    struct hc_reference **const given[HC_REFERENCE_PART_COUNT] = {&reached, &unreached};
    bool is_given[HC_REFERENCE_PART_COUNT] = {false};
    size_t count = call->node->call.count;
    if (count > HC_REFERENCE_PART_COUNT)
        return hc_evaluation_error(call->evaluation, call->node,
                                   "it is called so: setref(), setref(set) or setref(set, set)");
    for (size_t i = 0; i < count; i++) {
        is_given[i] = call->arguments[i].type != HC_ANSWER_NONE ||
                      call->node->call.arguments[i].value->kind == HC_NODE_SEQUENCE;
        if (is_given[i])
            HC_TRY(find_argument(call, i, given[i]));
    }
    if (!is_given[0] && !is_given[1]) {
        HC_TRY(find_default(interpreter, &reached));
        unreached = hc_reference_keep(reached);
        is_given[0] = is_given[1] = true;
    }
    for (int part = 0; part < HC_REFERENCE_PART_COUNT; part++)
        if (is_given[part])
            set_relative(interpreter, (enum hc_reference_part)part, hc_take(*given[part]));
    *ret = (struct hc_answer){0};
    return NULL;
}

const struct hc_function hc_reference_functions[] = {
    {.name = "heapu",
     .usage = "heapu()",
     .run = run_heapu,
     .takes_names = true,
     .help = "Is the set of the objects that no root reaches: garbage that awaits collection, objects held "
             "from C, and strays. What was so at the reference point is left out, unless abs=True.",
     .example = "heapu()"},
    {.name = "setref",
     .usage = "setref()",
     .run = run_setref,
     .help =
         "Makes the baseline the reference point, or without a baseline all that is there now: heap() and "
         "heapu() show what is not in it. A set for each of the two may be given; Nothing takes the "
         "reference "
         "point away.",
     .example = "setref(Nothing)"},
    {.name = "setrelheap",
     .usage = "setrelheap()",
     .run = run_setrelheap,
     .help =
         "Is setref() for heap() alone. The reference point may be given as a set; Nothing takes it away.",
     .example = "setrelheap(Nothing)"},
    {.name = "setrelheapu",
     .usage = "setrelheapu()",
     .run = run_setrelheapu,
     .help =
         "Is setref() for heapu() alone. The reference point may be given as a set; Nothing takes it away.",
     .example = "setrelheapu(Nothing)"},
    {0},
};

static struct hc_error *get_relative(struct hc_evaluation *evaluation, enum hc_reference_part part,
                                     struct hc_answer *ret)
{
    const struct hc_classifier clodo = hc_classifier_of(HC_BY_CLODO);
    struct hc_interpreter *interpreter = evaluation->interpreter;
    struct hc_set *set = NULL;
    if (interpreter->relative[part])
        HC_TRY(hc_reference_members(interpreter->relative[part], part, &interpreter->universe, &set));
    else if (!(set = hc_set_create(&interpreter->universe)))
        return hc_error_out_of_memory();
    return hc_answer_set(set, &clodo, ret);
}

static struct hc_error *get_relheap(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                    struct hc_answer *ret)
{
    (void)self;
    return get_relative(evaluation, HC_REFERENCE_REACHED, ret);
}

static struct hc_error *get_relheapu(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                     struct hc_answer *ret)
{
    (void)self;
    return get_relative(evaluation, HC_REFERENCE_UNREACHED, ret);
}

const struct hc_attribute hc_reference_attributes[] = {
    {.name = "relheap",
     .get = get_relheap,
     .help = "Is the set of the objects that heap() leaves out for the reference point, as far as they still "
             "exist. It is empty without a reference point.",
     .example = "relheap.count"},
    {.name = "relheapu",
     .get = get_relheapu,
     .help =
         "Is the set of the objects that heapu() leaves out for the reference point, as far as they still "
         "exist. It is empty without a reference point.",
     .example = "relheapu.count"},
    {0},
};
