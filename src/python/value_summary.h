// Short renderings of objects, by which heapy's tables name them: an address, a value, a name.
#pragma once

#include "python/value.h"

enum hc_summary_style {
    HC_SUMMARY_ADDRESS,        // 0x7f…
    HC_SUMMARY_ADDRESS_LENGTH, // 0x7f…*3
    HC_SUMMARY_VALUE,          // repr()
    HC_SUMMARY_LIMITED,        // repr(), shortened
    HC_SUMMARY_FUNCTION,       // module.name
    HC_SUMMARY_BUILTIN,        // module.name, without builtins
    HC_SUMMARY_CODE,           // file:line:name
    HC_SUMMARY_FRAME,          // <name at 0x7f…>
    HC_SUMMARY_METHOD,         // <type at 0x7f…>.name
    HC_SUMMARY_MODULE,         // name
    HC_SUMMARY_TRACEBACK,      // <in frame <name at 0x7f…> at 0x7f…>
    HC_SUMMARY_CLASS,          // the class's name, which is not known here: the address
};

enum hc_summary_style hc_summary_style(const struct hc_tracer *tracer, const struct hc_type *type);
// "Address*Length" …: what tables call the column.
const char *hc_summary_header(enum hc_summary_style style);
// UTF-8. Free it; NULL: out of memory.
char *hc_value_summary(struct hc_tracer *tracer, uint64_t address, enum hc_summary_style style);
// Numbers that sort as values of the style VALUE or LIMITED do, up to ties; 0 for what has no order.
uint64_t hc_value_sort_key(struct hc_tracer *tracer, uint64_t address);
