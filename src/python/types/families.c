#include "python/types/families.h"

const struct hc_type_row *const hc_type_families[] = {
    hc_scalar_types,   hc_text_types,  hc_sequence_types,     hc_set_types,   hc_dict_types,
    hc_function_types, hc_code_types,  hc_frame_types,        hc_class_types, hc_exception_types,
    hc_context_types,  hc_deque_types, hc_ordered_dict_types, NULL,
};
