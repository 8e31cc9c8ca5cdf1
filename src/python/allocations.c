#include "python/allocations.h"

#include "base/interrupt.h"
#include "python/strings.h"

#include <string.h>

enum field {
    FIELD_RUNTIME_TRACES,
    FIELD_RUNTIME_TRACING,
    FIELD_CONFIG_TRACING,
    FIELD_BUCKETS,
    FIELD_BUCKET_COUNT,
    FIELD_OLD_BUCKET_COUNT,
    FIELD_KEY_SIZE,
    FIELD_KEY,
    FIELD_VALUE,
    FIELD_SIZEOF_ENTRY,
    FIELD_TRACEBACK,
    FIELD_FRAME_COUNT,
    FIELD_FRAMES,
    FIELD_FILENAME,
    FIELD_LINE,
    FIELD_SIZEOF_FRAME,
    FIELD_COUNT,
};

// The unit stands in at run time.
static const struct hc_field_request requests[FIELD_COUNT] = {
    [FIELD_RUNTIME_TRACES] = {"pyruntimestate", "tracemalloc.traces", NULL},
    [FIELD_RUNTIME_TRACING] = {"pyruntimestate", "tracemalloc.config.tracing", NULL},
    [FIELD_CONFIG_TRACING] = {"_PyTraceMalloc_Config", "tracing", NULL},
    [FIELD_BUCKETS] = {"_Py_hashtable_t", "buckets", NULL},
    [FIELD_BUCKET_COUNT] = {"_Py_hashtable_t", "nbuckets", NULL},
    [FIELD_OLD_BUCKET_COUNT] = {"_Py_hashtable_t", "num_buckets", NULL},
    [FIELD_KEY_SIZE] = {"_Py_hashtable_t", "key_size", NULL},
    [FIELD_KEY] = {"_Py_hashtable_entry_t", "key", NULL},
    [FIELD_VALUE] = {"_Py_hashtable_entry_t", "value", NULL},
    [FIELD_SIZEOF_ENTRY] = {"_Py_hashtable_entry_t", NULL, NULL},
    [FIELD_TRACEBACK] = {"trace_t", "traceback", NULL},
    [FIELD_FRAME_COUNT] = {"traceback_t", "nframe", NULL},
    [FIELD_FRAMES] = {"traceback_t", "frames", NULL},
    [FIELD_FILENAME] = {"frame_t", "filename", NULL},
    [FIELD_LINE] = {"frame_t", "lineno", NULL},
    [FIELD_SIZEOF_FRAME] = {"frame_t", NULL, NULL},
};

static uint32_t offset_of(const struct hc_field *field, bool is_size)
{
    uint64_t value = is_size ? field->size : field->offset;
    return field->present && value < HC_ABSENT ? (uint32_t)value : HC_ABSENT;
}

static void resolve(struct hc_allocations *allocations, const struct hc_field *found)
{
    const struct hc_field *count = &found[FIELD_BUCKET_COUNT];
    allocations->at.buckets = offset_of(&found[FIELD_BUCKETS], false);
    allocations->at.bucket_count = offset_of(count->present ? count : &found[FIELD_OLD_BUCKET_COUNT], false);
    allocations->at.key_size = offset_of(&found[FIELD_KEY_SIZE], false);
    allocations->at.key = offset_of(&found[FIELD_KEY], false);
    allocations->at.value = offset_of(&found[FIELD_VALUE], false);
    allocations->at.sizeof_entry = offset_of(&found[FIELD_SIZEOF_ENTRY], true);
    allocations->at.trace_traceback = offset_of(&found[FIELD_TRACEBACK], false);
    allocations->at.frame_count = offset_of(&found[FIELD_FRAME_COUNT], false);
    allocations->at.frames = offset_of(&found[FIELD_FRAMES], false);
    allocations->at.filename = offset_of(&found[FIELD_FILENAME], false);
    allocations->at.line = offset_of(&found[FIELD_LINE], false);
    allocations->at.sizeof_frame = offset_of(&found[FIELD_SIZEOF_FRAME], true);
    allocations->at.sizeof_frame_count = (uint8_t)found[FIELD_FRAME_COUNT].size;
    allocations->at.sizeof_line = (uint8_t)found[FIELD_LINE].size;
}

static bool is_complete(const struct hc_allocations *allocations)
{
    bool has_entries = allocations->at.key_size != HC_ABSENT ||
                       (allocations->at.key != HC_ABSENT && allocations->at.value != HC_ABSENT);
    return has_entries && allocations->at.buckets != HC_ABSENT && allocations->at.bucket_count != HC_ABSENT &&
           allocations->at.sizeof_entry != HC_ABSENT && allocations->at.trace_traceback != HC_ABSENT &&
           allocations->at.frame_count != HC_ABSENT && allocations->at.frames != HC_ABSENT &&
           allocations->at.filename != HC_ABSENT && allocations->at.line != HC_ABSENT &&
           allocations->at.sizeof_frame != HC_ABSENT;
}

// Where the pointer to the table and the switch stand: in _PyRuntime since 3.12 (gh-99073), in variables of
// the module before.
static bool find_variables(const struct hc_runtime *runtime, const struct hc_field *found,
                           uint64_t *ret_traces, uint64_t *ret_tracing)
{
    uint64_t size;
    if (found[FIELD_RUNTIME_TRACES].present && found[FIELD_RUNTIME_TRACING].present) {
        *ret_traces = runtime->address + found[FIELD_RUNTIME_TRACES].offset;
        *ret_tracing = runtime->address + found[FIELD_RUNTIME_TRACING].offset;
        return true;
    }
    if (!found[FIELD_CONFIG_TRACING].present ||
        !hc_debug_info_find_symbol(runtime->debug_info, "tracemalloc_traces", "Modules/_tracemalloc.c",
                                   ret_traces, &size) ||
        !hc_debug_info_find_symbol(runtime->debug_info, "_Py_tracemalloc_config", NULL, ret_tracing, &size))
        return false;
    *ret_tracing += found[FIELD_CONFIG_TRACING].offset;
    return true;
}

struct hc_error *hc_allocations_init(struct hc_allocations *allocations, const struct hc_runtime *runtime)
{
    // 3.12 moved all but the module's functions there (gh-101520).
    const char *unit = hc_runtime_since(runtime, 3, 12) ? "Python/tracemalloc.c" : "Modules/_tracemalloc.c";
    struct hc_field_request wanted[FIELD_COUNT];
    struct hc_field found[FIELD_COUNT];
    *allocations = (struct hc_allocations){.runtime = runtime};
    if (!runtime->debug_info)
        return NULL;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        wanted[i] = requests[i];
        wanted[i].unit = unit;
    }
    HC_TRY(hc_debug_info_find_fields(runtime->debug_info, wanted, FIELD_COUNT, found));
    resolve(allocations, found);

    struct hc_reader reader;
    uint64_t traces, tracing;
    hc_reader_init(&reader, runtime->image);
    if (!is_complete(allocations) || !find_variables(runtime, found, &traces, &tracing))
        return NULL;
    const uint8_t *is_on = hc_reader_view(&reader, tracing, sizeof(uint32_t));
    if (!is_on || !hc_reader_word(&reader, traces, &allocations->traces))
        return NULL;
    allocations->tracing = hc_load_u32(&reader.target, is_on) ? HC_TRACING_ON : HC_TRACING_OFF;
    return NULL;
}

// A walk through the table. The chains may be rings, or meet, in a damaged one.
struct walk {
    const struct hc_allocations *allocations;
    struct hc_reader reader;       // the buckets
    struct hc_reader entry_reader; // the entries
    struct hc_reader trace_reader; // what they point to
    uint64_t key_size;             // where it is stored in the table; else 0
    uint64_t steps_left;
    hc_allocation_fn *callback;
    void *argument;
};

// Up to 3.8 key and value stand in the entry, behind its head. A key longer than a pointer has the domain
// with it.
static bool read_old_entry(struct walk *walk, uint64_t entry, uint64_t *ret_block, uint64_t *ret_traceback)
{
    const struct hc_allocations *allocations = walk->allocations;
    unsigned word = walk->reader.target.word_size;
    uint64_t key = allocations->at.sizeof_entry, value = key + walk->key_size;
    uint64_t length = value + allocations->at.trace_traceback + word;
    const uint8_t *bytes = hc_reader_view(&walk->entry_reader, entry, length);
    if (!bytes)
        return false;
    *ret_block = hc_load_word(&walk->reader.target, bytes + key);
    *ret_traceback = hc_load_word(&walk->reader.target, bytes + value + allocations->at.trace_traceback);
    return walk->key_size < word + sizeof(uint32_t) || !hc_load_u32(&walk->reader.target, bytes + key + word);
}

static bool read_entry(struct walk *walk, uint64_t entry, uint64_t *ret_block, uint64_t *ret_traceback)
{
    const struct hc_allocations *allocations = walk->allocations;
    uint64_t trace;
    if (walk->key_size)
        return read_old_entry(walk, entry, ret_block, ret_traceback);
    return hc_reader_word(&walk->entry_reader, entry + allocations->at.key, ret_block) &&
           hc_reader_word(&walk->entry_reader, entry + allocations->at.value, &trace) &&
           hc_reader_word(&walk->trace_reader, trace + allocations->at.trace_traceback, ret_traceback);
}

// Ends at a ring: Brent, 1980.
static struct hc_error *walk_chain(struct walk *walk, uint64_t entry)
{
    uint64_t mark = 0, steps = 0, next_mark = 1;
    while (entry && entry != mark && walk->steps_left) {
        uint64_t block, traceback, next;
        if (steps++ == next_mark) {
            mark = entry;
            next_mark *= 2;
        }
        walk->steps_left--;
        if (!(walk->steps_left % HC_INTERRUPT_STRIDE))
            HC_TRY(hc_interrupt_check());
        if (!hc_reader_word(&walk->entry_reader, entry, &next))
            return NULL;
        if (read_entry(walk, entry, &block, &traceback))
            HC_TRY(walk->callback(walk->argument, block, traceback));
        entry = next;
    }
    return NULL;
}

struct hc_error *hc_allocations_each(const struct hc_allocations *allocations, hc_allocation_fn *callback,
                                     void *argument)
{
    const struct hc_image *image = allocations->runtime->image;
    struct walk walk = {.allocations = allocations, .callback = callback, .argument = argument};
    uint64_t buckets, count, entry;
    if (allocations->tracing != HC_TRACING_ON || !allocations->traces)
        return NULL;
    hc_reader_init(&walk.reader, image);
    walk.entry_reader = walk.trace_reader = walk.reader;
    unsigned word = walk.reader.target.word_size;
    if (!hc_reader_word(&walk.reader, allocations->traces + allocations->at.buckets, &buckets) ||
        !hc_reader_word(&walk.reader, allocations->traces + allocations->at.bucket_count, &count))
        return NULL;
    if (allocations->at.key_size != HC_ABSENT &&
        !hc_reader_word(&walk.reader, allocations->traces + allocations->at.key_size, &walk.key_size))
        return NULL;
    bool has_odd_keys = allocations->at.key_size != HC_ABSENT && (walk.key_size < word || walk.key_size > 64);
    // A head is a link, an entry a link and a hash at least.
    uint64_t most_buckets = hc_image_size(image) / word;
    walk.steps_left = hc_image_size(image) / (2 * word);
    for (uint64_t i = 0; i < count && i < most_buckets && !has_odd_keys; i++) {
        if (!(i % HC_INTERRUPT_STRIDE))
            HC_TRY(hc_interrupt_check());
        if (!hc_reader_word(&walk.reader, buckets + i * word, &entry))
            break;
        HC_TRY(walk_chain(&walk, entry));
    }
    return NULL;
}

char *hc_allocation_filename(const struct hc_allocations *allocations, struct hc_reader *reader,
                             uint64_t filename)
{
    char text[4096]; // PATH_MAX
    if (!hc_runtime_since(allocations->runtime, 3, 15))
        return hc_string_read(allocations->runtime, reader, filename);
    return filename && hc_reader_string(reader, filename, text, sizeof(text)) ? strdup(text) : NULL;
}

uint32_t hc_traceback_length(const struct hc_allocations *allocations, struct hc_reader *reader,
                             uint64_t traceback)
{
    unsigned size = allocations->at.sizeof_frame_count;
    const uint8_t *count = hc_reader_view(reader, traceback + allocations->at.frame_count, size);
    return count ? (uint32_t)hc_load_unsigned(&reader->target, count, size) : 0;
}

bool hc_traceback_frame(const struct hc_allocations *allocations, struct hc_reader *reader,
                        uint64_t traceback, uint32_t index, struct hc_allocation_frame *ret)
{
    uint32_t size = allocations->at.sizeof_frame;
    const uint8_t *frame =
        hc_reader_view(reader, traceback + allocations->at.frames + (uint64_t)index * size, size);
    uint32_t word = reader->target.word_size, filename = allocations->at.filename;
    uint32_t line = allocations->at.line, line_size = allocations->at.sizeof_line;
    if (!frame || filename > size || size - filename < word || line > size || size - line < line_size)
        return false;
    ret->filename = hc_load_word(&reader->target, frame + filename);
    ret->line = (uint32_t)hc_load_unsigned(&reader->target, frame + line, line_size);
    return true;
}
