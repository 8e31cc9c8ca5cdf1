#include "sets/partition.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

// Built-in types that `types` has a name for, though `builtins` has none.
static const struct {
    const char *name;
    const char *shown;
} interpreter_types[] = {
    {"NoneType", "types.NoneType"},
    {"NotImplementedType", "types.NotImplementedType"},
    {"async_generator", "types.AsyncGeneratorType"},
    {"builtin_function_or_method", "types.BuiltinMethodType"},
    {"cell", "types.CellType"},
    {"classmethod_descriptor", "types.ClassMethodDescriptorType"},
    {"code", "types.CodeType"},
    {"coroutine", "types.CoroutineType"},
    {"ellipsis", "types.EllipsisType"},
    {"frame", "types.FrameType"},
    {"generator", "types.GeneratorType"},
    {"getset_descriptor", "types.GetSetDescriptorType"},
    {"mappingproxy", "types.MappingProxyType"},
    {"member_descriptor", "types.MemberDescriptorType"},
    {"method", "types.MethodType"},
    {"method-wrapper", "types.MethodWrapperType"},
    {"method_descriptor", "types.MethodDescriptorType"},
    {"traceback", "types.TracebackType"},
    {"wrapper_descriptor", "types.WrapperDescriptorType"},
};

// Other types that `builtins` has a name for, exceptions apart, and two that heapy shortens.
static const char bare_types[] =
    " bool bytearray bytes classmethod complex dict enumerate filter float frozenset function int "
    "list map memoryview module object property range reversed set slice staticmethod str super "
    "tuple type zip ";

static bool is_bare(const struct hc_type *type)
{
    if (type->flags & HC_TYPE_BASE_EXC_SUBCLASS) // ExceptionGroup is a heap type
        return !hc_type_is_heap(type) || !strcmp(type->name, "ExceptionGroup");
    _cleanup_(hc_freep) char *word = NULL;
    return !hc_type_is_heap(type) && asprintf(&word, " %s ", type->name) >= 0 && strstr(bare_types, word);
}

static const char *find_shown(const struct hc_type *type)
{
    size_t count = hc_type_is_heap(type) ? 0 : sizeof(interpreter_types) / sizeof(*interpreter_types);
    for (size_t i = 0; i < count; i++)
        if (!strcmp(interpreter_types[i].name, type->name))
            return interpreter_types[i].shown;
    return is_bare(type) ? type->name : NULL;
}

char *hc_kind_class_name(const struct hc_type *type)
{
    // A class statement may set __module__ = 'builtins'; that makes no built-in type of it.
    const char *shown = !strcmp(type->module, "builtins") ? find_shown(type) : NULL;
    if (shown)
        return strdup(shown);
    char *name;
    return asprintf(&name, "%s.%s", type->module, type->name) < 0 ? NULL : name;
}
