#include "sets/partition.h"

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

static const char *find_shown(const char *name)
{
    for (size_t i = 0; i < sizeof(interpreter_types) / sizeof(*interpreter_types); i++)
        if (!strcmp(interpreter_types[i].name, name))
            return interpreter_types[i].shown;
    return name;
}

char *hc_kind_class_name(const struct hc_type *type)
{
    // A class statement may set __module__ = 'builtins'; that makes no interpreter type of it.
    if (!strcmp(type->module, "builtins"))
        return strdup(hc_type_is_heap(type) ? type->name : find_shown(type->name));
    char *name;
    return asprintf(&name, "%s.%s", type->module, type->name) < 0 ? NULL : name;
}
