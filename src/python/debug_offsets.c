#include "python/debug_offsets.h"

#include <stdlib.h>

enum { HEAD_SIZE = 24, WORD = 8, MAX_TOLD = 1 << 30 }; // cookie, version, free_threaded; then words

// The words in their order, Include/internal/pycore_runtime.h and, later, pycore_debug_offsets.h. What
// heapcore does not ask for has no struct.
static const struct {
    uint8_t since; // minor version
    const char *structure, *member;
} words[] = {
    {13, NULL, "runtime_state.size"},
    {13, NULL, "runtime_state.finalizing"},
    {13, "pyruntimestate", "interpreters.head"},
    {13, "_is", NULL},
    {13, "_is", "id"},
    {13, "_is", "next"},
    {13, "_is", "threads.head"},
    {14, NULL, "threads.main"},
    {13, NULL, "gc"},
    {13, NULL, "imports.modules"},
    {13, "_is", "sysdict"},
    {13, NULL, "builtins"},
    {13, "_is", "ceval.gil"},
    {13, NULL, "gil_runtime_state"},
    {13, NULL, "gil_runtime_state_enabled"},
    {13, NULL, "gil_runtime_state_locked"},
    {13, NULL, "gil_runtime_state_holder"},
    {14, NULL, "code_object_generation"},
    {14, NULL, "tlbc_generation"},
    {13, NULL, "thread_state.size"},
    {13, NULL, "prev"},
    {13, "_ts", "next"},
    {13, "_ts", "interp"},
    {13, "_ts", "current_frame"},
    {15, NULL, "base_frame"},
    {15, NULL, "last_profiled_frame"},
    {15, NULL, "last_profiled_frame_seq"},
    {13, "_ts", "thread_id"},
    {13, "_ts", "native_thread_id"},
    {13, NULL, "datastack_chunk"},
    {13, NULL, "status"},
    {15, NULL, "holds_gil"},
    {15, NULL, "gil_requested"},
    {15, "_ts", "current_exception"},
    {15, NULL, "exc_state"},
    {15, "_err_stackitem", "exc_value"},
    {13, NULL, "interpreter_frame.size"},
    {13, "_PyInterpreterFrame", "previous"},
    {13, "_PyInterpreterFrame", "f_executable"},
    {13, "_PyInterpreterFrame", "instr_ptr"},
    {13, "_PyInterpreterFrame", "localsplus"},
    {13, "_PyInterpreterFrame", "owner"},
    {14, "_PyInterpreterFrame", "stackpointer"},
    {14, NULL, "tlbc_index"},
    {13, NULL, "code_object.size"},
    {13, "PyCodeObject", "co_filename"},
    {13, "PyCodeObject", "co_name"},
    {13, "PyCodeObject", "co_qualname"},
    {13, "PyCodeObject", "co_linetable"},
    {13, "PyCodeObject", "co_firstlineno"},
    {13, NULL, "argcount"},
    {13, "PyCodeObject", "co_localsplusnames"},
    {13, "PyCodeObject", "co_localspluskinds"},
    {13, "PyCodeObject", "co_code_adaptive"},
    {14, NULL, "co_tlbc"},
    {13, NULL, "pyobject.size"},
    {13, "PyObject", "ob_type"},
    {13, "PyTypeObject", NULL},
    {13, "PyTypeObject", "tp_name"},
    {13, NULL, "tp_repr"},
    {13, "PyTypeObject", "tp_flags"},
    {15, "PyTypeObject", "tp_basicsize"},
    {15, "PyTypeObject", "tp_dictoffset"},
    {15, "PyHeapTypeObject", NULL},
    {15, "PyHeapTypeObject", "ht_cached_keys"},
    {13, NULL, "tuple_object.size"},
    {13, "PyTupleObject", "ob_item"},
    {13, "PyVarObject", "ob_size"},
    {13, NULL, "list_object.size"},
    {13, "PyListObject", "ob_item"},
    {13, NULL, "list_object.ob_size"},
    {14, NULL, "set_object.size"},
    {14, NULL, "used"},
    {14, "PySetObject", "table"},
    {14, "PySetObject", "mask"},
    {13, "PyDictObject", NULL},
    {13, "PyDictObject", "ma_keys"},
    {13, "PyDictObject", "ma_values"},
    {13, NULL, "float_object.size"},
    {13, NULL, "ob_fval"},
    {13, NULL, "long_object.size"},
    {13, "PyLongObject", "long_value.lv_tag"},
    {13, "PyLongObject", "long_value.ob_digit"},
    {13, NULL, "bytes_object.size"},
    {13, NULL, "bytes_object.ob_size"},
    {13, NULL, "ob_sval"},
    {13, "PyUnicodeObject", NULL},
    {13, NULL, "state"},
    {13, "PyASCIIObject", "length"},
    {13, "PyASCIIObject", NULL},
    {15, "PyCompactUnicodeObject", NULL},
};

struct hc_error *hc_debug_offsets_read(struct hc_reader *reader, uint64_t runtime, uint32_t version,
                                       struct hc_told_offset **ret, size_t *ret_count)
{
    enum { COUNT = sizeof(words) / sizeof(*words) };
    struct hc_told_offset *told = calloc(COUNT, sizeof(*told));
    size_t count = 0;
    uint64_t address = runtime + HEAD_SIZE;
    if (!told)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < COUNT; i++) {
        if (words[i].since > (version >> 16 & 0xff))
            continue;
        const uint8_t *bytes = hc_reader_view(reader, address, WORD);
        uint64_t value = bytes ? hc_load_u64(&reader->target, bytes) : 0;
        address += WORD;
        if (bytes && words[i].structure && value < MAX_TOLD)
            told[count++] = (struct hc_told_offset){words[i].structure, words[i].member, value};
    }
    *ret = told;
    *ret_count = count;
    return NULL;
}
