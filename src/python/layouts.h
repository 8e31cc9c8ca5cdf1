// The CPython struct members that heapcore reads, resolved once per session into plain integers.
// Members of simple types stand in the type registry (python/types) instead.
#pragma once

#include "layout/layout.h"

#include <stdint.h>

#define HC_ABSENT UINT32_MAX

// FIELD(name, structure, member or NULL for the size of the struct, unit that surely has it, needed)
// `needed` fields are in every version from 3.6 on; without them a core cannot be read.
#define HC_PYTHON_FIELDS(FIELD)                                                                              \
    FIELD(object_refcnt, "PyObject", "ob_refcnt", "Objects/object.c", true)                                  \
    FIELD(object_type, "PyObject", "ob_type", "Objects/object.c", true)                                      \
    FIELD(object_owner, "PyObject", "ob_tid", "Objects/object.c", false)                                     \
    FIELD(object_traced_next, "PyObject", "_ob_next", "Objects/object.c", false)                             \
    FIELD(var_size, "PyVarObject", "ob_size", "Objects/object.c", true)                                      \
    FIELD(gc_next, "PyGC_Head", "_gc_next|gc.gc_next", "Modules/gcmodule.c", true)                           \
    FIELD(gc_prev, "PyGC_Head", "_gc_prev|gc.gc_prev", "Modules/gcmodule.c", true)                           \
    FIELD(gc_refs, "PyGC_Head", "gc.gc_refs", "Modules/gcmodule.c", false)                                   \
    FIELD(sizeof_gc_head, "PyGC_Head", NULL, "Modules/gcmodule.c", true)                                     \
    FIELD(type_name, "PyTypeObject", "tp_name", "Objects/typeobject.c", true)                                \
    FIELD(type_basicsize, "PyTypeObject", "tp_basicsize", "Objects/typeobject.c", true)                      \
    FIELD(type_itemsize, "PyTypeObject", "tp_itemsize", "Objects/typeobject.c", true)                        \
    FIELD(type_flags, "PyTypeObject", "tp_flags", "Objects/typeobject.c", true)                              \
    FIELD(type_traverse, "PyTypeObject", "tp_traverse", "Objects/typeobject.c", true)                        \
    FIELD(type_base, "PyTypeObject", "tp_base", "Objects/typeobject.c", true)                                \
    FIELD(type_bases, "PyTypeObject", "tp_bases", "Objects/typeobject.c", true)                              \
    FIELD(type_mro, "PyTypeObject", "tp_mro", "Objects/typeobject.c", true)                                  \
    FIELD(type_cache, "PyTypeObject", "tp_cache", "Objects/typeobject.c", true)                              \
    FIELD(type_dict, "PyTypeObject", "tp_dict", "Objects/typeobject.c", true)                                \
    FIELD(type_subclasses, "PyTypeObject", "tp_subclasses", "Objects/typeobject.c", true)                    \
    FIELD(type_dictoffset, "PyTypeObject", "tp_dictoffset", "Objects/typeobject.c", true)                    \
    FIELD(type_weaklistoffset, "PyTypeObject", "tp_weaklistoffset", "Objects/typeobject.c", false)           \
    FIELD(sizeof_type, "PyTypeObject", NULL, "Objects/typeobject.c", true)                                   \
    FIELD(heap_type_name, "PyHeapTypeObject", "ht_name", "Objects/typeobject.c", true)                       \
    FIELD(heap_type_qualname, "PyHeapTypeObject", "ht_qualname", "Objects/typeobject.c", true)               \
    FIELD(heap_type_slots, "PyHeapTypeObject", "ht_slots", "Objects/typeobject.c", true)                     \
    FIELD(type_members, "PyTypeObject", "tp_members", "Objects/typeobject.c", false)                         \
    FIELD(member_name, "PyMemberDef", "name", "Objects/typeobject.c", false)                                 \
    FIELD(heap_type_cached_keys, "PyHeapTypeObject", "ht_cached_keys", "Objects/typeobject.c", true)         \
    FIELD(heap_type_module, "PyHeapTypeObject", "ht_module", "Objects/typeobject.c", false)                  \
    FIELD(sizeof_heap_type, "PyHeapTypeObject", NULL, "Objects/typeobject.c", true)                          \
    FIELD(member_type, "PyMemberDef", "type", "Objects/typeobject.c", true)                                  \
    FIELD(member_offset, "PyMemberDef", "offset", "Objects/typeobject.c", true)                              \
    FIELD(sizeof_member, "PyMemberDef", NULL, "Objects/typeobject.c", true)                                  \
    FIELD(long_digits, "PyLongObject", "ob_digit|long_value.ob_digit", "Objects/longobject.c", true)         \
    FIELD(long_tag, "PyLongObject", "long_value.lv_tag", "Objects/longobject.c", false)                      \
    FIELD(ascii_length, "PyASCIIObject", "length", "Objects/unicodeobject.c", true)                          \
    FIELD(ascii_kind, "PyASCIIObject", "state.kind", "Objects/unicodeobject.c", true)                        \
    FIELD(ascii_compact, "PyASCIIObject", "state.compact", "Objects/unicodeobject.c", true)                  \
    FIELD(ascii_ascii, "PyASCIIObject", "state.ascii", "Objects/unicodeobject.c", true)                      \
    FIELD(ascii_ready, "PyASCIIObject", "state.ready", "Objects/unicodeobject.c", false)                     \
    FIELD(ascii_wstr, "PyASCIIObject", "wstr", "Objects/unicodeobject.c", false)                             \
    FIELD(sizeof_ascii, "PyASCIIObject", NULL, "Objects/unicodeobject.c", true)                              \
    FIELD(compact_utf8, "PyCompactUnicodeObject", "utf8", "Objects/unicodeobject.c", true)                   \
    FIELD(compact_utf8_length, "PyCompactUnicodeObject", "utf8_length", "Objects/unicodeobject.c", true)     \
    FIELD(compact_wstr_length, "PyCompactUnicodeObject", "wstr_length", "Objects/unicodeobject.c", false)    \
    FIELD(sizeof_compact, "PyCompactUnicodeObject", NULL, "Objects/unicodeobject.c", true)                   \
    FIELD(unicode_data, "PyUnicodeObject", "data", "Objects/unicodeobject.c", true)                          \
    FIELD(sizeof_unicode, "PyUnicodeObject", NULL, "Objects/unicodeobject.c", true)                          \
    FIELD(bytearray_alloc, "PyByteArrayObject", "ob_alloc", "Objects/bytearrayobject.c", true)               \
    FIELD(bytearray_bytes, "PyByteArrayObject", "ob_bytes", "Objects/bytearrayobject.c", true)               \
    FIELD(bytearray_object, "PyByteArrayObject", "ob_bytes_object", "Objects/bytearrayobject.c", false)      \
    FIELD(list_items, "PyListObject", "ob_item", "Objects/listobject.c", true)                               \
    FIELD(list_allocated, "PyListObject", "allocated", "Objects/listobject.c", true)                         \
    FIELD(tuple_items, "PyTupleObject", "ob_item", "Objects/tupleobject.c", true)                            \
    FIELD(deque_left, "dequeobject", "leftblock", "Modules/_collectionsmodule.c", false)                     \
    FIELD(deque_left_index, "dequeobject", "leftindex", "Modules/_collectionsmodule.c", false)               \
    FIELD(deque_block_data, "BLOCK", "data", "Modules/_collectionsmodule.c", false)                          \
    FIELD(deque_block_right, "BLOCK", "rightlink", "Modules/_collectionsmodule.c", false)                    \
    FIELD(odict_first, "_odictobject", "od_first", "Objects/odictobject.c", true)                            \
    FIELD(odict_fast_nodes, "_odictobject", "od_fast_nodes", "Objects/odictobject.c", true)                  \
    FIELD(odict_fast_nodes_size, "_odictobject", "od_fast_nodes_size", "Objects/odictobject.c", true)        \
    FIELD(odict_node_key, "_odictnode", "key", "Objects/odictobject.c", true)                                \
    FIELD(odict_node_next, "_odictnode", "next", "Objects/odictobject.c", true)                              \
    FIELD(sizeof_odict_node, "_odictnode", NULL, "Objects/odictobject.c", true)                              \
    FIELD(set_mask, "PySetObject", "mask", "Objects/setobject.c", true)                                      \
    FIELD(set_table, "PySetObject", "table", "Objects/setobject.c", true)                                    \
    FIELD(set_smalltable, "PySetObject", "smalltable", "Objects/setobject.c", true)                          \
    FIELD(set_entry_key, "setentry", "key", "Objects/setobject.c", true)                                     \
    FIELD(set_entry_hash, "setentry", "hash", "Objects/setobject.c", true)                                   \
    FIELD(sizeof_set_entry, "setentry", NULL, "Objects/setobject.c", true)                                   \
    FIELD(dict_used, "PyDictObject", "ma_used", "Objects/dictobject.c", true)                                \
    FIELD(dict_keys, "PyDictObject", "ma_keys", "Objects/dictobject.c", true)                                \
    FIELD(dict_values, "PyDictObject", "ma_values", "Objects/dictobject.c", true)                            \
    FIELD(keys_refcnt, "_dictkeysobject", "dk_refcnt", "Objects/dictobject.c", true)                         \
    FIELD(keys_size, "_dictkeysobject", "dk_size", "Objects/dictobject.c", false)                            \
    FIELD(keys_log2_size, "_dictkeysobject", "dk_log2_size", "Objects/dictobject.c", false)                  \
    FIELD(keys_log2_index_bytes, "_dictkeysobject", "dk_log2_index_bytes", "Objects/dictobject.c", false)    \
    FIELD(keys_kind, "_dictkeysobject", "dk_kind", "Objects/dictobject.c", false)                            \
    FIELD(keys_lookup, "_dictkeysobject", "dk_lookup", "Objects/dictobject.c", false)                        \
    FIELD(keys_usable, "_dictkeysobject", "dk_usable", "Objects/dictobject.c", true)                         \
    FIELD(keys_nentries, "_dictkeysobject", "dk_nentries", "Objects/dictobject.c", true)                     \
    FIELD(keys_indices, "_dictkeysobject", "dk_indices", "Objects/dictobject.c", true)                       \
    FIELD(sizeof_keys, "_dictkeysobject", NULL, "Objects/dictobject.c", true)                                \
    FIELD(entry_key, "PyDictKeyEntry", "me_key", "Objects/dictobject.c", true)                               \
    FIELD(entry_value, "PyDictKeyEntry", "me_value", "Objects/dictobject.c", true)                           \
    FIELD(sizeof_entry, "PyDictKeyEntry", NULL, "Objects/dictobject.c", true)                                \
    FIELD(unicode_entry_key, "PyDictUnicodeEntry", "me_key", "Objects/dictobject.c", false)                  \
    FIELD(unicode_entry_value, "PyDictUnicodeEntry", "me_value", "Objects/dictobject.c", false)              \
    FIELD(sizeof_unicode_entry, "PyDictUnicodeEntry", NULL, "Objects/dictobject.c", false)                   \
    FIELD(values_items, "_dictvalues", "values", "Objects/dictobject.c", false)                              \
    FIELD(values_capacity, "_dictvalues", "capacity", "Objects/dictobject.c", false)                         \
    FIELD(values_embedded, "_dictvalues", "embedded", "Objects/dictobject.c", false)                         \
    FIELD(values_valid, "_dictvalues", "valid", "Objects/dictobject.c", false)                               \
    FIELD(code_nlocals, "PyCodeObject", "co_nlocals", "Objects/codeobject.c", true)                          \
    FIELD(code_stacksize, "PyCodeObject", "co_stacksize", "Objects/codeobject.c", true)                      \
    FIELD(code_nlocalsplus, "PyCodeObject", "co_nlocalsplus", "Objects/codeobject.c", false)                 \
    FIELD(code_cellvars, "PyCodeObject", "co_cellvars", "Objects/codeobject.c", false)                       \
    FIELD(code_variable_names, "PyCodeObject", "co_localsplusnames|co_varnames", "Objects/codeobject.c",     \
          false)                                                                                             \
    FIELD(code_freevars, "PyCodeObject", "co_freevars", "Objects/codeobject.c", false)                       \
    FIELD(code_code, "PyCodeObject", "co_code", "Objects/codeobject.c", false)                               \
    FIELD(code_cell2arg, "PyCodeObject", "co_cell2arg", "Objects/codeobject.c", false)                       \
    FIELD(code_opcache, "PyCodeObject", "co_opcache", "Objects/codeobject.c", false)                         \
    FIELD(code_opcache_size, "PyCodeObject", "co_opcache_size", "Objects/codeobject.c", false)               \
    FIELD(sizeof_opcache, "_PyOpcache", NULL, "Objects/codeobject.c", false)                                 \
    FIELD(code_extra, "PyCodeObject", "co_extra", "Objects/codeobject.c", true)                              \
    FIELD(code_extra_size, "_PyCodeObjectExtra", "ce_size", "Objects/codeobject.c", true)                    \
    FIELD(sizeof_code_extra, "_PyCodeObjectExtra", NULL, "Objects/codeobject.c", true)                       \
    FIELD(frame_code, "_frame", "f_code", "Objects/frameobject.c", false)                                    \
    FIELD(frame_localsplus, "_frame", "f_localsplus", "Objects/frameobject.c", false)                        \
    FIELD(frame_valuestack, "_frame", "f_valuestack", "Objects/frameobject.c", false)                        \
    FIELD(frame_stacktop, "_frame", "f_stacktop", "Objects/frameobject.c", false)                            \
    FIELD(frame_stackdepth, "_frame", "f_stackdepth", "Objects/frameobject.c", false)                        \
    FIELD(frame_last_instruction, "_frame", "f_lasti", "Objects/frameobject.c", false)                       \
    FIELD(frame_state, "_frame", "f_state", "Objects/frameobject.c", false)                                  \
    FIELD(frame_globals, "_frame", "f_globals", "Objects/frameobject.c", false)                              \
    FIELD(frame_locals, "_frame", "f_locals", "Objects/frameobject.c", false)                                \
    FIELD(frame_back, "_frame", "f_back", "Objects/frameobject.c", true)                                     \
    FIELD(frame_frame, "_frame", "f_frame", "Objects/frameobject.c", false)                                  \
    FIELD(frame_data, "_frame", "_f_frame_data", "Objects/frameobject.c", false)                             \
    FIELD(sizeof_frame, "_frame", NULL, "Objects/frameobject.c", true)                                       \
    FIELD(iframe_code, "_PyInterpreterFrame", "f_code|f_executable", "Objects/frameobject.c", false)         \
    FIELD(iframe_function, "_PyInterpreterFrame", "f_func|f_funcobj", "Objects/frameobject.c", false)        \
    FIELD(iframe_locals, "_PyInterpreterFrame", "f_locals", "Objects/frameobject.c", false)                  \
    FIELD(iframe_frame, "_PyInterpreterFrame", "frame_obj", "Objects/frameobject.c", false)                  \
    FIELD(iframe_previous, "_PyInterpreterFrame", "previous", "Objects/frameobject.c", false)                \
    FIELD(iframe_stacktop, "_PyInterpreterFrame", "stacktop", "Objects/frameobject.c", false)                \
    FIELD(iframe_stackpointer, "_PyInterpreterFrame", "stackpointer", "Objects/frameobject.c", false)        \
    FIELD(iframe_owner, "_PyInterpreterFrame", "owner", "Objects/frameobject.c", false)                      \
    FIELD(iframe_globals, "_PyInterpreterFrame", "f_globals", "Objects/frameobject.c", false)                \
    FIELD(iframe_instruction, "_PyInterpreterFrame", "prev_instr|instr_ptr", "Objects/frameobject.c", false) \
    FIELD(iframe_localsplus, "_PyInterpreterFrame", "localsplus", "Objects/frameobject.c", false)            \
    FIELD(generator_iframe, "PyGenObject", "gi_iframe", "Objects/genobject.c", false)                        \
    FIELD(generator_frame_state, "PyGenObject", "gi_frame_state", "Objects/genobject.c", false)              \
    FIELD(generator_frame, "PyGenObject", "gi_frame", "Objects/genobject.c", false)                          \
    FIELD(generator_running, "PyGenObject", "gi_running", "Objects/genobject.c", false)                      \
    FIELD(module_def, "PyModuleObject", "md_def", "Objects/moduleobject.c", false)                           \
    FIELD(module_state_size, "PyModuleObject", "md_state_size", "Objects/moduleobject.c", false)             \
    FIELD(module_state_traverse, "PyModuleObject", "md_state_traverse", "Objects/moduleobject.c", false)     \
    FIELD(module_state, "PyModuleObject", "md_state", "Objects/moduleobject.c", true)                        \
    FIELD(module_def_size, "PyModuleDef", "m_size", "Objects/moduleobject.c", true)                          \
    FIELD(module_def_traverse, "PyModuleDef", "m_traverse", "Objects/moduleobject.c", true)                  \
    FIELD(float_value, "PyFloatObject", "ob_fval", "Objects/floatobject.c", false)                           \
    FIELD(complex_real, "PyComplexObject", "cval.real", "Objects/complexobject.c", false)                    \
    FIELD(complex_imaginary, "PyComplexObject", "cval.imag", "Objects/complexobject.c", false)               \
    FIELD(bytes_value, "PyBytesObject", "ob_sval", "Objects/bytesobject.c", false)                           \
    FIELD(bytearray_start, "PyByteArrayObject", "ob_start", "Objects/bytearrayobject.c", false)              \
    FIELD(values_size, "_dictvalues", "size", "Objects/dictobject.c", false)                                 \
    FIELD(range_start, "rangeobject", "start", "Objects/rangeobject.c", false)                               \
    FIELD(range_stop, "rangeobject", "stop", "Objects/rangeobject.c", false)                                 \
    FIELD(range_step, "rangeobject", "step", "Objects/rangeobject.c", false)                                 \
    FIELD(slice_start, "PySliceObject", "start", "Objects/sliceobject.c", false)                             \
    FIELD(slice_stop, "PySliceObject", "stop", "Objects/sliceobject.c", false)                               \
    FIELD(slice_step, "PySliceObject", "step", "Objects/sliceobject.c", false)                               \
    FIELD(function_qualname, "PyFunctionObject", "func_qualname", "Objects/funcobject.c", false)             \
    FIELD(function_name, "PyFunctionObject", "func_name", "Objects/funcobject.c", false)                     \
    FIELD(function_module, "PyFunctionObject", "func_module", "Objects/funcobject.c", false)                 \
    FIELD(method_function, "PyMethodObject", "im_func", "Objects/classobject.c", false)                      \
    FIELD(method_self, "PyMethodObject", "im_self", "Objects/classobject.c", false)                          \
    FIELD(builtin_definition, "PyCFunctionObject", "m_ml", "Objects/methodobject.c", false)                  \
    FIELD(builtin_self, "PyCFunctionObject", "m_self", "Objects/methodobject.c", false)                      \
    FIELD(builtin_module, "PyCFunctionObject", "m_module", "Objects/methodobject.c", false)                  \
    FIELD(traceback_frame, "_traceback", "tb_frame", "Python/traceback.c", false)                            \
    FIELD(traceback_next, "_traceback", "tb_next", "Python/traceback.c", false)                              \
    FIELD(traceback_instruction, "_traceback", "tb_lasti", "Python/traceback.c", false)                      \
    FIELD(descriptor_type, "PyDescrObject", "d_type", "Objects/descrobject.c", false)                        \
    FIELD(descriptor_method, "PyMethodDescrObject", "d_method", "Objects/descrobject.c", false)              \
    FIELD(definition_function, "PyMethodDef", "ml_meth", "Objects/methodobject.c", false)                    \
    FIELD(definition_flags, "PyMethodDef", "ml_flags", "Objects/methodobject.c", false)                      \
    FIELD(definition_name, "PyMethodDef", "ml_name", "Objects/methodobject.c", false)                        \
    FIELD(type_methods, "PyTypeObject", "tp_methods", "Objects/typeobject.c", false)                         \
    FIELD(type_getset, "PyTypeObject", "tp_getset", "Objects/typeobject.c", false)                           \
    FIELD(getset_name, "PyGetSetDef", "name", "Objects/typeobject.c", false)                                 \
    FIELD(getset_get, "PyGetSetDef", "get", "Objects/typeobject.c", false)                                   \
    FIELD(sizeof_getset, "PyGetSetDef", NULL, "Objects/typeobject.c", false)                                 \
    FIELD(sizeof_definition, "PyMethodDef", NULL, "Objects/methodobject.c", false)                           \
    FIELD(module_def_clear, "PyModuleDef", "m_clear", "Objects/moduleobject.c", false)                       \
    FIELD(module_def_free, "PyModuleDef", "m_free", "Objects/moduleobject.c", false)                         \
    FIELD(module_name, "PyModuleObject", "md_name", "Objects/moduleobject.c", false)                         \
    FIELD(module_dict, "PyModuleObject", "md_dict", "Objects/moduleobject.c", false)                         \
    FIELD(code_name, "PyCodeObject", "co_name", "Objects/codeobject.c", false)                               \
    FIELD(code_filename, "PyCodeObject", "co_filename", "Objects/codeobject.c", false)                       \
    FIELD(code_first_line, "PyCodeObject", "co_firstlineno", "Objects/codeobject.c", false)                  \
    FIELD(code_qualname, "PyCodeObject", "co_qualname", "Objects/codeobject.c", false)                       \
    FIELD(code_lines, "PyCodeObject", "co_linetable|co_lnotab", "Objects/codeobject.c", false)               \
    FIELD(code_instructions, "PyCodeObject", "co_code_adaptive", "Objects/codeobject.c", false)              \
    FIELD(code_first_traceable, "PyCodeObject", "_co_firsttraceable", "Objects/codeobject.c", false)         \
    FIELD(code_variable_kinds, "PyCodeObject", "co_localspluskinds", "Objects/codeobject.c", false)          \
    FIELD(code_flags, "PyCodeObject", "co_flags", "Objects/codeobject.c", false)                             \
    FIELD(cell_content, "PyCellObject", "ob_ref", "Objects/cellobject.c", false)                             \
    FIELD(generator_qualname, "PyGenObject", "gi_qualname", "Objects/genobject.c", false)                    \
    FIELD(descriptor_name, "PyDescrObject", "d_name", "Objects/descrobject.c", false)                        \
    FIELD(runtime_interpreters, "pyruntimestate", "interpreters.head", "Python/pylifecycle.c", false)        \
    FIELD(runtime_main_interpreter, "pyruntimestate", "interpreters.main", "Python/pylifecycle.c", false)    \
    FIELD(interpreter_next, "_is", "next", "Python/pystate.c", true)                                         \
    FIELD(interpreter_threads, "_is", "tstate_head|threads.head", "Python/pystate.c", true)                  \
    FIELD(interpreter_sysdict, "_is", "sysdict", "Python/pystate.c", true)                                   \
    FIELD(interpreter_static_types, "_is", "types.builtins.initialized|types.builtins", "Python/pystate.c",  \
          false)                                                                                             \
    FIELD(interpreter_extension_types, "_is", "types.for_extensions.initialized", "Python/pystate.c", false) \
    FIELD(static_type, "static_builtin_state|managed_static_type_state", "type", "Python/pystate.c", false)  \
    FIELD(static_type_dict, "static_builtin_state|managed_static_type_state", "tp_dict", "Python/pystate.c", \
          false)                                                                                             \
    FIELD(static_type_subclasses, "static_builtin_state|managed_static_type_state", "tp_subclasses",         \
          "Python/pystate.c", false)                                                                         \
    FIELD(sizeof_static_type, "static_builtin_state|managed_static_type_state", NULL, "Python/pystate.c",    \
          false)                                                                                             \
    FIELD(interpreter_obmalloc, "_is", "obmalloc", "Python/pystate.c", false)                                \
    FIELD(interpreter_gc_enabled, "_is", "gc.enabled", "Python/pystate.c", false)                            \
    FIELD(interpreter_gc_debug, "_is", "gc.debug", "Python/pystate.c", false)                                \
    FIELD(runtime_gc_enabled, "pyruntimestate", "gc.enabled", "Python/pylifecycle.c", false)                 \
    FIELD(runtime_gc_debug, "pyruntimestate", "gc.debug", "Python/pylifecycle.c", false)                     \
    FIELD(obmalloc_arenas, "_obmalloc_state", "mgmt.arenas", "Objects/obmalloc.c", false)                    \
    FIELD(obmalloc_max_arenas, "_obmalloc_state", "mgmt.maxarenas", "Objects/obmalloc.c", false)             \
    FIELD(sizeof_interpreter, "_is", NULL, "Python/pystate.c", true)                                         \
    FIELD(thread_next, "_ts", "next", "Python/pystate.c", true)                                              \
    FIELD(thread_interpreter, "_ts", "interp", "Python/pystate.c", false)                                    \
    FIELD(thread_id, "_ts", "thread_id", "Python/pystate.c", false)                                          \
    FIELD(thread_frame, "_ts", "frame", "Python/pystate.c", false)                                           \
    FIELD(thread_cframe, "_ts", "cframe", "Python/pystate.c", false)                                         \
    FIELD(thread_current_frame, "_ts", "current_frame", "Python/pystate.c", false)                           \
    FIELD(cframe_current_frame, "_PyCFrame", "current_frame", "Python/pystate.c", false)                     \
    FIELD(thread_native_ident, "_ts", "native_thread_id", "Python/pystate.c", false)                         \
    FIELD(thread_raised, "_ts", "current_exception|curexc_value", "Python/pystate.c", false)                 \
    FIELD(thread_raised_type, "_ts", "curexc_type", "Python/pystate.c", false)                               \
    FIELD(thread_handled, "_ts", "exc_info", "Python/pystate.c", false)                                      \
    FIELD(thread_handled_value, "_ts", "exc_value", "Python/pystate.c", false)                               \
    FIELD(handled_value, "_err_stackitem", "exc_value", "Python/pystate.c", false)                           \
    FIELD(thread_tasks, "_PyThreadStateImpl", "asyncio_tasks_head.next", "Python/pystate.c", false)          \
    FIELD(interpreter_tasks, "_is", "asyncio_tasks_head.next", "Python/pystate.c", false)                    \
    FIELD(handled_previous, "_err_stackitem", "previous_item", "Python/pystate.c", false)                    \
    FIELD(runtime_current_thread, "pyruntimestate", "gilstate.tstate_current", "Python/pylifecycle.c",       \
          false)                                                                                             \
    FIELD(interpreter_gil, "_is", "ceval.gil", "Python/pystate.c", false)                                    \
    FIELD(interpreter_id, "_is", "id", "Python/pystate.c", false)                                            \
    FIELD(gil_holder, "_gil_runtime_state", "last_holder", "Python/pystate.c", false)                        \
    FIELD(gil_locked, "_gil_runtime_state", "locked", "Python/pystate.c", false)                             \
    FIELD(exception_arguments, "PyBaseExceptionObject", "args", "Objects/exceptions.c", false)               \
    FIELD(exception_traceback, "PyBaseExceptionObject", "traceback", "Objects/exceptions.c", false)          \
    FIELD(os_error_number, "PyOSErrorObject", "myerrno", "Objects/exceptions.c", false)                      \
    FIELD(os_error_text, "PyOSErrorObject", "strerror", "Objects/exceptions.c", false)                       \
    FIELD(os_error_file, "PyOSErrorObject", "filename", "Objects/exceptions.c", false)                       \
    FIELD(os_error_other_file, "PyOSErrorObject", "filename2", "Objects/exceptions.c", false)                \
    FIELD(weakref_object, "_PyWeakReference", "wr_object", "Objects/weakrefobject.c", false)                 \
    FIELD(allocator_context, "PyMemAllocatorEx", "ctx", "Objects/obmalloc.c", false)                         \
    FIELD(allocator_malloc, "PyMemAllocatorEx", "malloc", "Objects/obmalloc.c", false)                       \
    FIELD(hooks_allocator, "debug_alloc_api_t", "alloc", "Objects/obmalloc.c", false)                        \
    FIELD(runtime_object_allocator, "pyruntimestate", "allocators.standard.obj", "Python/pylifecycle.c",     \
          false)                                                                                             \
    FIELD(arena_address, "arena_object", "address", "Objects/obmalloc.c", true)                              \
    FIELD(arena_pool_address, "arena_object", "pool_address", "Objects/obmalloc.c", true)                    \
    FIELD(arena_next, "arena_object", "nextarena", "Objects/obmalloc.c", false)                              \
    FIELD(arena_free_pools, "arena_object", "nfreepools", "Objects/obmalloc.c", false)                       \
    FIELD(arena_total_pools, "arena_object", "ntotalpools", "Objects/obmalloc.c", true)                      \
    FIELD(sizeof_arena, "arena_object", NULL, "Objects/obmalloc.c", true)                                    \
    FIELD(pool_count, "pool_header", "ref.count", "Objects/obmalloc.c", true)                                \
    FIELD(pool_arena, "pool_header", "arenaindex", "Objects/obmalloc.c", false)                              \
    FIELD(pool_free_block, "pool_header", "freeblock", "Objects/obmalloc.c", true)                           \
    FIELD(pool_size_index, "pool_header", "szidx", "Objects/obmalloc.c", true)                               \
    FIELD(pool_next_offset, "pool_header", "nextoffset", "Objects/obmalloc.c", true)                         \
    FIELD(pool_max_next_offset, "pool_header", "maxnextoffset", "Objects/obmalloc.c", true)                  \
    FIELD(sizeof_pool, "pool_header", NULL, "Objects/obmalloc.c", true)

enum hc_field_id {
#define HC_FIELD_ID(name, structure, member, unit, needed) HC_FIELD_##name,
    HC_PYTHON_FIELDS(HC_FIELD_ID)
#undef HC_FIELD_ID
        HC_FIELD_COUNT
};

// Byte offsets of members, sizes of structs, or HC_ABSENT.
struct hc_offsets {
#define HC_FIELD_OFFSET(name, structure, member, unit, needed) uint32_t name;
    HC_PYTHON_FIELDS(HC_FIELD_OFFSET)
#undef HC_FIELD_OFFSET
};

// One line of `heapcore layouts`.
struct hc_layout_entry {
    const char *structure;
    const char *member; // NULL: the size of the struct
    struct hc_field field;
};

struct hc_layout_entries {
    struct hc_layout_entry *items;
    size_t count;
};

struct hc_type_row;

struct hc_layouts {
    struct hc_offsets at;
    struct hc_field fields[HC_FIELD_COUNT];
    struct hc_row_layout *rows;       // one per type registry row, see python/types.h
    struct hc_layout_entries entries; // all of the above, for printing
    char *names;                      // backing store of entries' member names
};

// Resolves every field and every registry row. An error names the needed fields that are missing.
struct hc_error *hc_layouts_init(struct hc_layouts *layouts, struct hc_debug_info *debug_info);
void hc_layouts_deinit(struct hc_layouts *layouts);

static inline bool hc_is_present(uint32_t offset)
{
    return offset != HC_ABSENT;
}
