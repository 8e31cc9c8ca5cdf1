// The interpreter's landmarks, found by how they look where no symbol tells: in the data of a module, with
// the layouts that are to be tried.
#pragma once

#include "python/runtime.h"

// Called with every aligned word of the data of runtime->module; false ends the scan. The data: writable
// segments within the module, and those that follow it without a gap: its zeroed data, if its file is not
// here to tell how much that is.
typedef bool hc_word_fn(void *argument, uint64_t address, uint64_t word);
void hc_signature_scan(const struct hc_runtime *runtime, hc_word_fn *callback, void *argument);

// What the process itself says of its version, before any layout is known. All zero: nothing.
struct hc_version_signs {
    uint32_t version; // as sys.hexversion; the patch level is unknown if `is_exact` is not set
    bool is_exact;
    bool has_offsets; // _Py_DebugOffsets are there, at runtime->address
    bool is_free_threaded;
};

// From _Py_DebugOffsets (3.13 and later), which also give the address of _PyRuntime; from the text that
// Py_GetVersion() keeps; from the module's name.
void hc_signature_version(struct hc_runtime *runtime, struct hc_reader *reader, struct hc_version_signs *ret);

// PyType_Type, PyDict_Type and _PyRuntime, as far as runtime->module's symbols did not give them. False if
// one is not there.
bool hc_signature_find(struct hc_runtime *runtime, struct hc_reader *reader);

// What no symbol tells even in binaries that keep the exported ones: the tp_traverse of classes made by class
// statements, and lookdict(). The interpreters are known.
bool hc_signature_find_functions(struct hc_runtime *runtime, struct hc_reader *reader);

// The __dict__ of sys.modules[name], or 0.
uint64_t hc_signature_module_dict(const struct hc_runtime *runtime, struct hc_reader *reader,
                                  const char *name);
