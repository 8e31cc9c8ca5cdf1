#include "python/sanity.h"

#include "layout/table.h"
#include "python/signature.h"
#include "python/strings.h"
#include "python/types.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ITEMS = 1 << 20, LEAST_TYPES = 8 };

struct check {
    const struct hc_runtime *runtime;
    struct hc_reader *reader;
    const struct hc_offsets *at;
    uint64_t builtins; // the __dict__ of that module
    uint64_t object;   // the type of that name
};

static uint64_t word_at(struct check *check, uint64_t address, uint32_t offset)
{
    uint64_t word;
    return hc_reader_word(check->reader, address + offset, &word) ? word : 0;
}

static uint64_t type_of(struct check *check, uint64_t object)
{
    return object ? word_at(check, object, check->at->object_type) : 0;
}

// By its name in builtins; 0 if there is no type of that name.
static uint64_t find_type(struct check *check, const char *name)
{
    uint64_t type;
    if (!hc_dict_find_string(check->runtime, check->reader, check->builtins, name, &type) ||
        type_of(check, type) != check->runtime->type_type)
        return 0;
    return type;
}

static struct hc_error *check_landmarks(struct check *check)
{
    const struct hc_offsets *at = check->at;
    uint64_t type = check->runtime->type_type, dict = check->runtime->dict_type;
    if (type_of(check, type) != type || type_of(check, dict) != type)
        return hc_error_create("type and dict are not instances of type");
    if (word_at(check, type, at->type_basicsize) != at->sizeof_heap_type ||
        word_at(check, type, at->type_itemsize) != at->sizeof_member)
        return hc_error_create("a class has another size");
    check->object = word_at(check, type, at->type_base);
    if (type_of(check, check->object) != type || word_at(check, check->object, at->type_base) ||
        word_at(check, dict, at->type_base) != check->object)
        return hc_error_create("type and dict are not made from object");
    return NULL;
}

// Reading it takes dicts, strings and integers.
static struct hc_error *check_version(struct check *check)
{
    const struct hc_runtime *runtime = check->runtime;
    uint64_t sysdict = word_at(check, runtime->interpreters.items[0], check->at->interpreter_sysdict);
    uint64_t text, number;
    uint32_t version;
    if (type_of(check, sysdict) != runtime->dict_type ||
        !hc_dict_find_string(runtime, check->reader, sysdict, "version", &text) ||
        !hc_dict_find_string(runtime, check->reader, sysdict, "hexversion", &number))
        return hc_error_create("the dict of sys has no version");
    _cleanup_(hc_freep) char *shown = hc_string_read(runtime, check->reader, text);
    const uint8_t *digits = hc_reader_view(check->reader, number + check->at->long_digits, 4);
    if (!shown || !digits || !hc_version_parse(shown, strcspn(shown, " "), &version) ||
        version != hc_load_u32(&check->reader->target, digits))
        return hc_error_create("sys.version and sys.hexversion do not agree");
    return NULL;
}

// tp_basicsize of the types in builtins that heapcore reads is the size of their structs.
static struct hc_error *check_sizes(struct check *check)
{
    unsigned known = 0;
    const struct hc_row_layout *layout = check->runtime->layouts.rows;
    for (; layout->row; layout++) {
        char name[64];
        size_t length = strcspn(layout->row->names, "|");
        if (length >= sizeof(name) || !hc_is_present(layout->size))
            continue;
        memcpy(name, layout->row->names, length);
        name[length] = '\0';
        uint64_t type = find_type(check, name);
        if (!type || word_at(check, type, check->at->type_itemsize))
            continue;
        if (word_at(check, type, check->at->type_basicsize) != layout->size)
            return hc_error_create("%s has another size", name);
        known++;
    }
    if (known < LEAST_TYPES)
        return hc_error_create("few of the built-in types can be found");
    return NULL;
}

static struct hc_error *check_tuple(struct check *check)
{
    const struct hc_offsets *at = check->at;
    uint64_t list = find_type(check, "list"), tuple = find_type(check, "tuple");
    uint64_t mro = list ? word_at(check, list, at->type_mro) : 0;
    uint64_t word = check->reader->target.word_size;
    if (!mro || type_of(check, mro) != tuple || word_at(check, mro, at->var_size) != 2 ||
        word_at(check, mro, at->tuple_items) != list ||
        word_at(check, mro + word, at->tuple_items) != check->object)
        return hc_error_create("list.__mro__ is not (list, object)");
    return NULL;
}

static struct hc_error *check_list(struct check *check)
{
    const struct hc_offsets *at = check->at;
    uint64_t sysdict = word_at(check, check->runtime->interpreters.items[0], at->interpreter_sysdict);
    uint64_t path;
    // A program may have put something else there.
    if (!hc_dict_find_string(check->runtime, check->reader, sysdict, "path", &path) ||
        type_of(check, path) != find_type(check, "list"))
        return NULL;
    uint64_t count = word_at(check, path, at->var_size), allocated = word_at(check, path, at->list_allocated);
    uint64_t items = word_at(check, path, at->list_items);
    if (count > allocated || allocated > MOST_ITEMS)
        return hc_error_create("the list sys.path has more items than room");
    for (uint64_t i = 0; i < count; i++)
        if (!type_of(check, word_at(check, items, (uint32_t)(i * check->reader->target.word_size))))
            return hc_error_create("the list sys.path has an item that is no object");
    return NULL;
}

static struct hc_error *check_threads(struct check *check)
{
    const struct hc_offsets *at = check->at;
    for (size_t i = 0; i < check->runtime->interpreters.count; i++) {
        uint64_t interpreter = check->runtime->interpreters.items[i];
        uint64_t thread = word_at(check, interpreter, at->interpreter_threads);
        if (thread && hc_is_present(at->thread_interpreter) &&
            word_at(check, thread, at->thread_interpreter) != interpreter)
            return hc_error_create("a thread is of another interpreter");
    }
    return NULL;
}

unsigned hc_build_flags(const struct hc_runtime *runtime, struct hc_reader *reader)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    unsigned flags = 0;
    uint64_t sysdict, unused;
    if (hc_is_present(at->object_owner))
        flags |= HC_BUILD_FREE_THREADED;
    if (hc_is_present(at->object_traced_next))
        flags |= HC_BUILD_TRACE_REFS;
    if (runtime->interpreters.count &&
        hc_reader_word(reader, runtime->interpreters.items[0] + at->interpreter_sysdict, &sysdict) &&
        hc_dict_find_string(runtime, reader, sysdict, "gettotalrefcount", &unused))
        flags |= HC_BUILD_DEBUG;
    return flags;
}

struct hc_error *hc_sanity_check(const struct hc_runtime *runtime, struct hc_reader *reader)
{
    struct check check = {.runtime = runtime, .reader = reader, .at = &runtime->layouts.at};
    HC_TRY(check_landmarks(&check));
    HC_TRY(check_version(&check));
    check.builtins = hc_signature_module_dict(runtime, reader, "builtins");
    HC_TRY(check_sizes(&check));
    HC_TRY(check_tuple(&check));
    HC_TRY(check_list(&check));
    return check_threads(&check);
}
