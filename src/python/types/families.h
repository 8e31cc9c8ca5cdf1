// The decoders, a file a family. Each array ends with a row without names.
#pragma once

#include "python/relate.h"

extern const struct hc_type_row hc_scalar_types[];
extern const struct hc_type_row hc_text_types[];
extern const struct hc_type_row hc_sequence_types[];
extern const struct hc_type_row hc_set_types[];
extern const struct hc_type_row hc_dict_types[];
extern const struct hc_type_row hc_function_types[];
extern const struct hc_type_row hc_code_types[];
extern const struct hc_type_row hc_frame_types[];
extern const struct hc_type_row hc_class_types[];
extern const struct hc_type_row hc_exception_types[];
extern const struct hc_type_row hc_context_types[];
