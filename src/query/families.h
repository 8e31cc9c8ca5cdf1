// The tables of attributes and functions, a pair a file.
#pragma once

#include "query/evaluate.h"

extern const struct hc_attribute hc_set_attributes[];
extern const struct hc_function hc_set_methods[];
extern const struct hc_function hc_kind_methods[];
extern const struct hc_attribute hc_heapy_attributes[];
extern const struct hc_function hc_heapy_functions[];

// The classes of things, for `help`; ended by NULL.
extern const struct hc_thing_class *const hc_thing_classes[];
