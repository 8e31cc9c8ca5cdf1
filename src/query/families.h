// The tables of attributes and functions, a pair a file.
#pragma once

#include "query/evaluate.h"

extern const struct hc_attribute hc_set_attributes[];
extern const struct hc_function hc_set_methods[];
extern const struct hc_function hc_kind_methods[];
extern const struct hc_attribute hc_kind_attributes[];
extern const struct hc_attribute hc_heapy_attributes[];
extern const struct hc_function hc_heapy_functions[];
extern const struct hc_function hc_pasted_functions[];
extern const struct hc_attribute hc_pattern_set_attributes[];
extern const struct hc_function hc_pattern_set_methods[];
extern const struct hc_attribute hc_statistics_set_attributes[];
extern const struct hc_function hc_statistics_set_methods[];
extern const struct hc_function hc_statistics_functions[];
extern const struct hc_attribute hc_path_attributes[];
extern const struct hc_function hc_path_methods[];
extern const struct hc_attribute hc_path_heapy_attributes[];
extern const struct hc_attribute hc_producer_attributes[];
extern const struct hc_function hc_producer_functions[];
extern const struct hc_attribute hc_reference_attributes[];
extern const struct hc_function hc_reference_functions[];

extern const struct hc_attribute hc_classifier_set_attributes[];
extern const struct hc_attribute hc_dominators_attributes[];
extern const struct hc_thing_class hc_dominators_class;
extern const struct hc_attribute hc_retained_set_attributes[];
extern const struct hc_attribute hc_retained_object_attributes[];
extern const struct hc_attribute hc_structure_attributes[];
extern const struct hc_attribute hc_relation_attributes[];
extern const struct hc_function hc_classifier_functions[];

extern const struct hc_attribute hc_maprox_attributes[];
extern const struct hc_thing_class hc_maprox_class;
extern const struct hc_thing_class hc_classifier_class;
extern const struct hc_thing_class hc_parts_class;
extern const struct hc_thing_class hc_paths_class;
extern const struct hc_thing_class hc_path_class;
extern const struct hc_thing_class hc_path_edges_class;
extern const struct hc_thing_class hc_path_steps_class;
extern const struct hc_thing_class hc_root_class;
extern const struct hc_thing_class hc_pattern_class;
extern const struct hc_thing_class hc_pattern_paths_class;
extern const struct hc_thing_class hc_statistics_class;
extern const struct hc_thing_class hc_tables_class;
extern const struct hc_attribute hc_object_set_attributes[];
extern const struct hc_function hc_object_functions[];

extern const struct hc_thing_class hc_object_class;
extern const struct hc_thing_class hc_nodes_class;
extern const struct hc_thing_class hc_iterator_class;
extern const struct hc_thing_class hc_traceback_class;

// The classes of things, for `help`; ended by NULL.
extern const struct hc_thing_class *const hc_thing_classes[];
