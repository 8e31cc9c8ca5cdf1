#include "python/globals.h"

static const struct {
    enum hc_field_id member;     // of _PyRuntime
    const char *variable, *unit; // where it is no member
} places[] = {
    [HC_GLOBAL_INTERPRETERS] = {HC_FIELD_runtime_interpreters, "interp_head", "Python/pystate.c"},
    [HC_GLOBAL_CURRENT_THREAD] = {HC_FIELD_runtime_current_thread, "_PyThreadState_Current",
                                  "Python/pystate.c"},
    [HC_GLOBAL_OBJECT_ALLOCATOR] = {HC_FIELD_runtime_object_allocator, "_PyObject", "Objects/obmalloc.c"},
};

bool hc_global_find(const struct hc_runtime *runtime, enum hc_global global, uint64_t *ret)
{
    uint64_t size;
    const struct hc_field *member = &runtime->layouts.fields[places[global].member];
    if (member->present) {
        *ret = runtime->address + member->offset;
        return true;
    }
    if (global == HC_GLOBAL_INTERPRETERS && runtime->interpreter_list) {
        *ret = runtime->interpreter_list;
        return true;
    }
    return hc_debug_info_find_symbol(runtime->debug_info, places[global].variable, places[global].unit, ret,
                                     &size);
}
