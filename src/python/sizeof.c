#include "python/sizeof.h"

#include "python/definition.h"
#include "python/strings.h"

#include <string.h>

enum {
    MAX_CLASSES = 1024,
    // Include/methodobject.h
    METH_NOARGS = 4,
    METH_WITH_CLASS = 0x200 | 0x80 | 0x2, // METH_METHOD | METH_FASTCALL | METH_KEYWORDS
};

// The first class below object in the method resolution order that defines __sizeof__.
static enum hc_lookup find_definer(const struct hc_type_table *table, struct hc_reader *reader,
                                   const struct hc_type *type, uint64_t *ret_definer, uint64_t *ret_method)
{
    const struct hc_offsets *at = &table->runtime->layouts.at;
    uint64_t mro, count, class, base;
    if (!hc_reader_word(reader, type->address + at->type_mro, &mro))
        return HC_LOOKUP_UNREADABLE;
    if (!mro)
        return HC_LOOKUP_ABSENT; // not ready
    if (!hc_reader_word(reader, mro + at->var_size, &count))
        return HC_LOOKUP_UNREADABLE;
    for (uint64_t i = 0; i < count && i < MAX_CLASSES; i++) {
        if (!hc_reader_word(reader, mro + at->tuple_items + i * reader->target.word_size, &class) ||
            !hc_reader_word(reader, class + at->type_base, &base))
            return HC_LOOKUP_UNREADABLE;
        uint64_t dict = base ? hc_runtime_type_dict(table->runtime, reader, class) : 0;
        enum hc_lookup result =
            base ? hc_dict_look_up(table->runtime, reader, dict, "__sizeof__", ret_method) : HC_LOOKUP_ABSENT;
        *ret_definer = class;
        if (result != HC_LOOKUP_ABSENT)
            return result;
    }
    return HC_LOOKUP_ABSENT;
}

// The C function of a method that can do without arguments; 0 for any other callable.
static uint64_t function_of(struct hc_type_table *table, struct hc_reader *reader, uint64_t method,
                            unsigned depth, uint64_t *ret_class)
{
    const struct hc_offsets *at = &table->runtime->layouts.at;
    uint64_t type, definition, function;
    const uint8_t *flags;
    *ret_class = 0;
    if (!hc_is_present(at->descriptor_method) || !hc_is_present(at->definition_function) ||
        !hc_is_present(at->definition_flags) || !hc_reader_word(reader, method + at->object_type, &type))
        return 0;
    const struct hc_type *descriptor = hc_type_table_find(table, reader, type, depth + 1);
    if (!descriptor || strcmp(descriptor->name, "method_descriptor") ||
        !hc_reader_word(reader, method + at->descriptor_method, &definition) ||
        !(flags = hc_reader_view(reader, definition + at->definition_flags, 4)) ||
        !hc_reader_word(reader, definition + at->definition_function, &function))
        return 0;
    uint32_t convention = hc_load_u32(&reader->target, flags);
    if (convention == METH_WITH_CLASS && hc_is_present(at->descriptor_type))
        hc_reader_word(reader, method + at->descriptor_type, ret_class);
    else if (convention != METH_NOARGS)
        return 0;
    return function;
}

// A definition tells the size of its type and of what derives from it, but not of a class whose own Python
// code does.
static bool is_defined(const struct hc_type *type, const struct hc_type *definer)
{
    if (definer->native != definer)
        return false;
    return (type->definition && hc_definition_has_size(type->definition)) ||
           (definer->definition && hc_definition_has_size(definer->definition));
}

void hc_sizeof_find(struct hc_type_table *table, struct hc_reader *reader, struct hc_type *type,
                    unsigned depth)
{
    uint64_t address, method;
    if (type->has_row || !type->base) // without a base: object
        return;
    enum hc_lookup result = find_definer(table, reader, type, &address, &method);
    bool is_told = type->definition && hc_definition_has_size(type->definition);
    type->has_own_sizeof = result == HC_LOOKUP_UNREADABLE && !is_told; // for all that is known
    if (result != HC_LOOKUP_FOUND)
        return;
    const struct hc_type *definer =
        address == type->address ? type : hc_type_table_find(table, reader, address, depth + 1);
    if (!definer || definer->has_row || !definer->base || is_defined(type, definer))
        return;
    type->has_own_sizeof = true;
    type->sizeof_function = function_of(table, reader, method, depth, &type->sizeof_class);
}
