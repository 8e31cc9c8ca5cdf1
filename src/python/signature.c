#include "python/signature.h"

#include "layout/table.h"
#include "python/keys.h"
#include "python/strings.h"
#include "python/types.h"

#include <stdio.h>
#include <string.h>

enum {
    MAX_DATA = 64 << 20,     // of a module, zeroed data included
    DICT_SUBCLASS = 1 << 29, // tp_flags, Include/object.h
    MAX_CHAIN = 4096,
};

static const char cookie[] = "xdebugpy"; // Include/internal/pycore_debug_offsets.h

static bool scan_bytes(const struct hc_target *target, const uint8_t *bytes, uint64_t address,
                       uint64_t length, hc_word_fn *callback, void *argument)
{
    uint64_t skip = (target->word_size - address % target->word_size) % target->word_size;
    for (uint64_t offset = skip; offset + target->word_size <= length; offset += target->word_size)
        if (!callback(argument, address + offset, hc_load_word(target, bytes + offset)))
            return false;
    return true;
}

// Writable segments within the module, and those that follow it without a gap: its zeroed data, if its file
// is not here to tell how much that is.
void hc_signature_scan(const struct hc_runtime *runtime, hc_word_fn *callback, void *argument)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(runtime->image, &count);
    const struct hc_target *target = hc_image_target(runtime->image);
    uint64_t start = runtime->module->start, end = runtime->module->end, left = MAX_DATA;
    for (size_t i = 0; i < count && left; i++) {
        const struct hc_segment *segment = &segments[i];
        if (segment->address + segment->length <= start || segment->address > end || !segment->writable)
            continue;
        uint64_t skip = segment->address < start ? start - segment->address : 0;
        uint64_t length = segment->length - skip < left ? segment->length - skip : left;
        if (!scan_bytes(target, segment->bytes + skip, segment->address + skip, length, callback, argument))
            return;
        left -= length;
        if (segment->address + segment->length > end)
            end = segment->address + segment->length;
    }
}

struct version_search {
    struct hc_reader *reader;
    uint64_t cookie; // as a word
    uint64_t found;  // the address of _Py_DebugOffsets
    uint32_t version;
};

// Py_GetVersion() begins its text with "3.11.7 (main, …".
static bool is_version_text(struct version_search *search, uint64_t address, uint64_t word)
{
    uint64_t available;
    unsigned first = word & 0xff, second = word >> 8 & 0xff;
    if (search->reader->target.big_endian || first < '2' || first > '9' || second != '.')
        return false;
    const char *text = (const char *)hc_reader_span(search->reader, address, &available);
    const char *blank = text ? memchr(text, ' ', available < 24 ? available : 24) : NULL;
    uint64_t length = blank ? (uint64_t)(blank - text) : 0;
    return length && length + 1 < available && blank[1] == '(' &&
           hc_version_parse(text, length, &search->version);
}

static bool see_version(void *argument, uint64_t address, uint64_t word)
{
    struct version_search *search = argument;
    if (word == search->cookie)
        search->found = address;
    else if (!search->version)
        is_version_text(search, address, word);
    return !search->found;
}

void hc_signature_version(struct hc_runtime *runtime, struct hc_reader *reader, struct hc_version_signs *ret)
{
    struct version_search search = {.reader = reader};
    search.cookie = hc_load_word(&reader->target, (const uint8_t *)cookie);
    *ret = (struct hc_version_signs){0};
    hc_signature_scan(runtime, see_version, &search);
    const uint8_t *offsets = search.found ? hc_reader_view(reader, search.found, 24) : NULL;
    if (offsets) {
        runtime->address = search.found;
        search.version = (uint32_t)hc_load_u64(&reader->target, offsets + 8);
        ret->has_offsets = true;
        ret->is_free_threaded = hc_load_u64(&reader->target, offsets + 16);
    }
    ret->version = search.version;
    ret->is_exact = search.version;
    if (!search.version)
        hc_runtime_version_of_path(runtime->module->path, &ret->version);
}

struct landmark_search {
    struct hc_runtime *runtime;
    struct hc_reader *reader;
    const struct hc_offsets *at;
    uint64_t found;
};

static uint64_t word_at(struct hc_reader *reader, uint64_t address, uint32_t offset)
{
    uint64_t word;
    return hc_reader_word(reader, address + offset, &word) ? word : 0;
}

// It is its own type, and its sizes are those of the layouts.
static bool is_type_type(struct landmark_search *search, uint64_t address)
{
    struct hc_reader *reader = search->reader;
    const struct hc_offsets *at = search->at;
    if (word_at(reader, address, at->type_basicsize) != at->sizeof_heap_type ||
        word_at(reader, address, at->type_itemsize) != at->sizeof_member)
        return false;
    uint64_t flags = word_at(reader, address, at->type_flags);
    uint64_t base = word_at(reader, address, at->type_base);
    return flags & HC_TYPE_TYPE_SUBCLASS && !(flags & HC_TYPE_HEAPTYPE) && base &&
           word_at(reader, base, at->object_type) == address && !word_at(reader, base, at->type_base);
}

static bool see_type_type(void *argument, uint64_t address, uint64_t word)
{
    struct landmark_search *search = argument;
    uint64_t type = address - search->at->object_type;
    if (word == type && is_type_type(search, type))
        search->found = type;
    return !search->found;
}

// The only class with the flag that is made from object alone.
static bool see_dict_type(void *argument, uint64_t address, uint64_t word)
{
    struct landmark_search *search = argument;
    const struct hc_offsets *at = search->at;
    uint64_t type = address - at->object_type, type_type = search->runtime->type_type;
    if (word != type_type)
        return true;
    uint64_t flags = word_at(search->reader, type, at->type_flags);
    if (flags & DICT_SUBCLASS && !(flags & HC_TYPE_HEAPTYPE) &&
        word_at(search->reader, type, at->type_base) == word_at(search->reader, type_type, at->type_base))
        search->found = type;
    return !search->found;
}

static bool is_interpreter(struct landmark_search *search, uint64_t interpreter)
{
    const struct hc_offsets *at = search->at;
    struct hc_reader *reader = search->reader;
    uint64_t thread = word_at(reader, interpreter, at->interpreter_threads);
    uint64_t dict = word_at(reader, interpreter, at->interpreter_sysdict);
    return thread && dict && hc_is_present(at->thread_interpreter) &&
           word_at(reader, thread, at->thread_interpreter) == interpreter &&
           word_at(reader, dict, at->object_type) == search->runtime->dict_type;
}

// Its list of interpreters ends with the main one, which it names, too.
static bool see_runtime(void *argument, uint64_t address, uint64_t word)
{
    struct landmark_search *search = argument;
    const struct hc_offsets *at = search->at;
    uint64_t runtime = address - at->runtime_interpreters, interpreter = word;
    if (!word || !hc_is_present(at->runtime_main_interpreter) || word % search->reader->target.word_size ||
        !is_interpreter(search, word))
        return true;
    uint64_t main = word_at(search->reader, runtime, at->runtime_main_interpreter);
    for (unsigned i = 0; i < MAX_CHAIN && interpreter && interpreter != main; i++)
        interpreter = word_at(search->reader, interpreter, at->interpreter_next);
    if (main && interpreter == main && !word_at(search->reader, main, at->interpreter_next))
        search->found = runtime;
    return !search->found;
}

// Up to 3.6 there is no _PyRuntime, and the list's head a variable of its own.
static bool see_interpreter_list(void *argument, uint64_t address, uint64_t word)
{
    struct landmark_search *search = argument;
    if (word && word % search->reader->target.word_size == 0 && is_interpreter(search, word))
        search->found = address;
    return !search->found;
}

static bool find_landmark(struct hc_runtime *runtime, struct hc_reader *reader, hc_word_fn *see,
                          uint64_t *ret)
{
    struct landmark_search search = {runtime, reader, &runtime->layouts.at, 0};
    if (*ret)
        return true;
    hc_signature_scan(runtime, see, &search);
    *ret = search.found;
    return *ret;
}

bool hc_signature_find(struct hc_runtime *runtime, struct hc_reader *reader)
{
    if (!find_landmark(runtime, reader, see_type_type, &runtime->type_type) ||
        !find_landmark(runtime, reader, see_dict_type, &runtime->dict_type))
        return false;
    if (!hc_is_present(runtime->layouts.at.runtime_interpreters))
        return find_landmark(runtime, reader, see_interpreter_list, &runtime->interpreter_list);
    return find_landmark(runtime, reader, see_runtime, &runtime->address);
}

uint64_t hc_signature_module_dict(const struct hc_runtime *runtime, struct hc_reader *reader,
                                  const char *name)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t modules, module;
    for (size_t i = 0; i < runtime->interpreters.count && hc_is_present(at->module_dict); i++)
        if (hc_dict_find_string(runtime, reader,
                                word_at(reader, runtime->interpreters.items[i], at->interpreter_sysdict),
                                "modules", &modules) &&
            hc_dict_find_string(runtime, reader, modules, name, &module))
            return word_at(reader, module, at->module_dict);
    return 0;
}

// The import system's own classes are made by class statements, and are in every process.
static uint64_t traverse_of_class(struct hc_runtime *runtime, struct hc_reader *reader, uint64_t dict,
                                  const char *name)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t type;
    if (!hc_dict_find_string(runtime, reader, dict, name, &type) ||
        !(word_at(reader, type, at->type_flags) & HC_TYPE_HEAPTYPE))
        return 0;
    return word_at(reader, type, at->type_traverse);
}

// object.__subclasses__() is kept in a dict with integers for keys up to 3.11.
static void find_general_lookup(struct hc_runtime *runtime, struct hc_reader *reader)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t object = word_at(reader, runtime->type_type, at->type_base);
    uint64_t dict = word_at(reader, object, at->type_subclasses);
    if (hc_is_present(at->keys_lookup) && word_at(reader, dict, at->object_type) == runtime->dict_type)
        runtime->general_lookup = word_at(reader, word_at(reader, dict, at->dict_keys), at->keys_lookup);
}

bool hc_signature_find_functions(struct hc_runtime *runtime, struct hc_reader *reader)
{
    uint64_t dict = hc_signature_module_dict(runtime, reader, "_frozen_importlib");
    uint64_t traverse = traverse_of_class(runtime, reader, dict, "ModuleSpec");
    if (!traverse || traverse != traverse_of_class(runtime, reader, dict, "FrozenImporter"))
        return false;
    runtime->subtype_traverse = traverse;
    find_general_lookup(runtime, reader);
    return true;
}
