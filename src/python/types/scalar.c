// object, int, bool, float, complex, None and their kin: nothing to visit.
#include "python/types/families.h"

static uint64_t long_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    enum { DIGIT_SIZE = 4 }; // 30-bit digits; 15-bit ones are gone from every build since 3.2
    if (hc_is_present(at->long_tag)) {
        // 3.12: the digit count stands above three tag bits (Include/cpython/longintrepr.h).
        uint64_t digits = hc_view_word(tracer, object, at->long_tag) >> 3;
        return object->type->basicsize + object->type->itemsize * (digits ? digits : 1);
    }
    int64_t size = hc_view_signed(tracer, object, at->var_size);
    uint64_t digits = size < 0 ? 0 - (uint64_t)size : (uint64_t)size;
    if (!digits && hc_runtime_since(tracer->runtime, 3, 11))
        digits = 1; // allocated, and counted since 3.11 (bpo-46361)
    return at->long_digits + digits * DIGIT_SIZE;
}

const struct hc_type_row hc_scalar_types[] = {
    {.names = "object"},
    {.names = "int", .size = long_size, .fits_blocks = true},
    {.names = "bool"},
    {.names = "float"},
    {.names = "complex"},
    {.names = "NoneType"},
    {.names = "ellipsis"},
    {.names = "NotImplementedType"},
    {0},
};
