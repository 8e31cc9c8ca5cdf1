// The decoders, a file a family. Each array ends with a row without names.
#pragma once

#include "python/relate.h"

extern const struct hc_type_row hc_scalar_types[];
extern const struct hc_type_row hc_text_types[];
extern const struct hc_type_row hc_sequence_types[];
extern const struct hc_type_row hc_set_types[];
extern const struct hc_type_row hc_deque_types[];
extern const struct hc_type_row hc_dict_types[];
extern const struct hc_type_row hc_function_types[];
extern const struct hc_type_row hc_code_types[];
extern const struct hc_type_row hc_frame_types[];
extern const struct hc_type_row hc_class_types[];
extern const struct hc_type_row hc_exception_types[];
extern const struct hc_type_row hc_ordered_dict_types[];
extern const struct hc_type_row hc_context_types[];

// Of dict, for types that go on from it.
void hc_dict_traverse(struct hc_tracer *tracer, const struct hc_object_view *object);
void hc_dict_relate(struct hc_relater *relater, const struct hc_object_view *object);
uint64_t hc_dict_size(struct hc_tracer *tracer, const struct hc_object_view *object);
// Do these values of a dict stand in an instance?
bool hc_dict_values_are_embedded(struct hc_tracer *tracer, uint64_t values);
