#include "query/families.h"

#include "query/classifiers.h"

static const struct hc_attribute *const no_attributes[] = {NULL};
static const struct hc_attribute *const relation_attributes[] = {hc_relation_attributes, NULL};
static const struct hc_function *const no_functions[] = {NULL};

// A line each, so that additions do not meet.
// clang-format off
static const struct hc_attribute *const set_attributes[] = {
    hc_set_attributes,
    hc_object_set_attributes,
    hc_path_attributes,
    hc_pattern_set_attributes,
    hc_statistics_set_attributes,
    hc_producer_attributes,
    hc_classifier_set_attributes,
    hc_maprox_attributes,
    hc_retained_set_attributes,
    hc_dominators_attributes,
    NULL,
};
static const struct hc_attribute *const heapy_attributes[] = {
    hc_heapy_attributes,
    hc_path_heapy_attributes,
    hc_reference_attributes,
    NULL,
};

static const struct hc_function *const set_methods[] = {
    hc_set_methods,
    hc_path_methods,
    hc_pattern_set_methods,
    hc_statistics_set_methods,
    NULL,
};
static const struct hc_attribute *const kind_attributes[] = {
    hc_kind_attributes,
    NULL,
};
static const struct hc_function *const kind_methods[] = {
    hc_kind_methods,
    NULL,
};
static const struct hc_function *const heapy_functions[] = {
    hc_heapy_functions,
    hc_object_functions,
    hc_statistics_functions,
    hc_pasted_functions,
    hc_producer_functions,
    hc_classifier_functions,
    hc_reference_functions,
    NULL,
};

const struct hc_thing_class *const hc_thing_classes[] = {
    &hc_object_class,
    &hc_nodes_class,
    &hc_iterator_class,
    &hc_classifier_class,
    &hc_maprox_class,
    &hc_parts_class,
    &hc_paths_class,
    &hc_path_class,
    &hc_path_edges_class,
    &hc_path_steps_class,
    &hc_root_class,
    &hc_pattern_class,
    &hc_pattern_paths_class,
    &hc_statistics_class,
    &hc_tables_class,
    &hc_traceback_class,
    &hc_dominators_class,
    NULL,
};
// clang-format on

const struct hc_attribute *const *hc_attribute_families(const struct hc_answer *answer)
{
    struct hc_classifier classifier;
    switch (answer->type) {
    case HC_ANSWER_SET:
        return set_attributes;
    case HC_ANSWER_KIND:
        return kind_attributes;
    case HC_ANSWER_HEAPY:
        return heapy_attributes;
    case HC_ANSWER_THING:
        return answer->thing->class->attributes;
    case HC_ANSWER_FUNCTION:
        return hc_answer_is_classifier(answer, &classifier) ? relation_attributes : no_attributes;
    default:
        return no_attributes;
    }
}

const struct hc_function *const *hc_function_families(const struct hc_answer *answer)
{
    switch (answer->type) {
    case HC_ANSWER_SET:
        return set_methods;
    case HC_ANSWER_KIND:
        return kind_methods;
    case HC_ANSWER_HEAPY:
        return heapy_functions;
    case HC_ANSWER_THING:
        return answer->thing->class->methods;
    default:
        return no_functions;
    }
}
