#include "python/runtime.h"

#include "base/path.h"
#include "python/behaviour.h"
#include "python/choose.h"
#include "python/globals.h"
#include "python/strings.h"
#include "python/type_names.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_INTERPRETERS = 4096 };

// Modules that may be CPython, by name; the program itself is last, for it may embed it under any name.
static int rank_of(const struct hc_module *module)
{
    const char *name = hc_path_name(module->path);
    if (!strncmp(name, "libpython", strlen("libpython")))
        return strstr(name, "libpython3.so") ? 3 : 0; // libpython3.so is a shim for the stable ABI
    if (!strncmp(name, "python", strlen("python")))
        return 1;
    return module->is_main ? 2 : 3;
}

static struct hc_error *module_problem(const struct hc_image *image, const struct hc_module *module)
{
    char build_id[2 * sizeof(module->build_id) + 1] = "unknown";
    for (size_t i = 0; i < module->build_id_length; i++)
        snprintf(build_id + 2 * i, 3, "%02x", module->build_id[i]);
    const char *what = module->state == HC_MODULE_MISSING    ? "is not here"
                       : module->state == HC_MODULE_MISMATCH ? "is another build here"
                                                             : "cannot be read as ELF";
    return hc_error_create("the interpreter of %s, %s (build-id %s), %s; pass %s", hc_image_path(image),
                           module->path, build_id, what,
                           module->is_main
                               ? "the right file with --exe FILE, or the directory tree that has it with "
                                 "--sysroot DIR"
                               : "the directory tree that has the right one with --sysroot DIR");
}

static struct hc_error *no_python(const struct hc_image *image, size_t module_count)
{
    if (!module_count)
        return hc_error_create(
            "%s does not say which binaries the process had, so that no Python can be found in it; "
            "gdb's gcore writes that last: is the core complete? if not, give the very program that ran with "
            "--exe FILE",
            hc_image_path(image));
    return hc_error_create("no Python in %s: none of its %zu binaries is libpython or python",
                           hc_image_path(image), module_count);
}

// 3.6 has no _PyRuntime, but variables here and there.
static bool defines_runtime(struct hc_debug_info *info, uint64_t *ret)
{
    uint64_t size;
    return hc_debug_info_find_symbol(info, "_PyRuntime", NULL, ret, &size) ||
           hc_debug_info_find_symbol(info, "_PyThreadState_Current", NULL, ret, &size);
}

// Is it the module that defines _PyRuntime? An error is one of its debug information.
static struct hc_error *try_module(struct hc_runtime *runtime, const struct hc_module *module,
                                   const struct hc_debug_options *options)
{
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    HC_TRY(hc_debug_info_open(module, options, &info));
    if (!defines_runtime(info, &runtime->address))
        return NULL;
    if (options)
        hc_debug_info_set_record(info, options->record);
    runtime->module = module;
    runtime->debug_info = hc_take(info);
    return NULL;
}

static struct hc_error *check_machine(const struct hc_image *image)
{
    const struct hc_target *target = hc_image_target(image);
    if (target->word_size == 8 && !target->big_endian &&
        (target->machine == EM_X86_64 || target->machine == EM_AARCH64))
        return NULL;
    return hc_error_create(
        "%s is of another kind of machine (ELF e_machine %u, %u-bit): heapcore reads x86-64 and aarch64",
        hc_image_path(image), target->machine, target->word_size * 8u);
}

// Opens debug information of the first module, by rank, that defines _PyRuntime.
static struct hc_error *find_module(struct hc_runtime *runtime, const struct hc_debug_options *options)
{
    enum { RANKS = 3, NAMED_RANKS = 2 };
    size_t count;
    const struct hc_module *modules = hc_image_modules(runtime->image, &count);
    const struct hc_module *unusable = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *missing = NULL;
    for (int rank = 0; rank < RANKS; rank++)
        for (size_t i = 0; i < count; i++) {
            const struct hc_module *module = &modules[i];
            bool is_usable = module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED;
            if (rank_of(module) != rank)
                continue;
            if (!is_usable) {
                unusable = rank < NAMED_RANKS && !unusable ? module : unusable;
                continue;
            }
            struct hc_error *error = try_module(runtime, module, options);
            if (runtime->module)
                return NULL;
            if (missing || rank >= NAMED_RANKS)
                hc_error_destroy(error);
            else
                missing = error;
        }
    if (unusable)
        return module_problem(runtime->image, unusable);
    return missing ? hc_take(missing) : no_python(runtime->image, count);
}

// The module that is CPython by its symbols or, if no file tells, by its name.
static const struct hc_module *find_likely_module(struct hc_runtime *runtime, int ranks, bool by_symbol)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(runtime->image, &count);
    for (int rank = 0; rank < ranks; rank++)
        for (size_t i = 0; i < count; i++) {
            _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
            struct hc_error *error =
                rank_of(&modules[i]) == rank ? hc_debug_info_open_symbols(&modules[i], &info) : NULL;
            hc_error_destroy(error);
            if (!info || (by_symbol && !defines_runtime(info, &runtime->address)))
                continue;
            runtime->debug_info = hc_take(info);
            return &modules[i];
        }
    return NULL;
}

static struct hc_error *find_stripped(struct hc_runtime *runtime, const struct hc_debug_options *options,
                                      struct hc_error *missing)
{
    enum { RANKS = 3 };
    runtime->module = find_likely_module(runtime, RANKS, true);
    if (!runtime->module)
        runtime->module = find_likely_module(runtime, RANKS, false);
    return runtime->module ? hc_runtime_choose_table(runtime, options, missing) : missing;
}

static struct hc_error *find_symbols(struct hc_runtime *runtime)
{
    struct {
        const char *name, *unit;
        uint64_t *ret;
        bool needed;
    } symbols[] = {
        {"PyType_Type", NULL, &runtime->type_type, true},
        {"PyDict_Type", NULL, &runtime->dict_type, true},
        {"subtype_traverse", "Objects/typeobject.c", &runtime->subtype_traverse, true},
        {"lookdict", "Objects/dictobject.c", &runtime->general_lookup, false},
    };
    for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
        uint64_t size;
        if (!hc_debug_info_find_symbol(runtime->debug_info, symbols[i].name, symbols[i].unit, symbols[i].ret,
                                       &size) &&
            symbols[i].needed)
            return hc_error_create("%s has no symbol %s", hc_debug_info_file(runtime->debug_info),
                                   symbols[i].name);
    }
    return NULL;
}

static struct hc_error *no_interpreter(const struct hc_runtime *runtime)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(runtime->image, &count);
    for (size_t i = 0; i < count; i++)
        if (runtime->address - segments[i].address < segments[i].length &&
            segments[i].origin == HC_SEGMENT_FILE)
            return hc_error_create(
                "%s holds none of the process's own memory; was /proc/PID/coredump_filter without "
                "bit 0 when it was written?",
                hc_image_path(runtime->image));
    return hc_error_create("Python is loaded in %s, but no interpreter is running in it",
                           hc_image_path(runtime->image));
}

static struct hc_error *no_runtime(const struct hc_runtime *runtime)
{
    const char *path = hc_image_path(runtime->image);
    if (hc_image_losses(runtime->image)->truncated)
        return hc_error_create("_PyRuntime at 0x%lx is not in %s: the image is cut before it",
                               (long)runtime->address, path);
    return hc_error_create(
        "_PyRuntime at 0x%lx is not in %s: it was not dumped; was /proc/PID/coredump_filter "
        "without bit 0 when it was written?",
        (long)runtime->address, path);
}

static bool is_listed(const struct hc_runtime *runtime, uint64_t interpreter)
{
    for (size_t i = 0; i < runtime->interpreters.count; i++)
        if (runtime->interpreters.items[i] == interpreter)
            return true;
    return false;
}

// The oldest is the list's last, and is named beside it, too: found where the list does not lead there.
static struct hc_error *add_main_interpreter(struct hc_runtime *runtime, struct hc_reader *reader)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t interpreter, next, sysdict, type;
    if (!hc_is_present(at->runtime_main_interpreter) ||
        !hc_reader_word(reader, runtime->address + at->runtime_main_interpreter, &interpreter) ||
        is_listed(runtime, interpreter) ||
        !hc_reader_word(reader, interpreter + at->interpreter_next, &next) || next ||
        !hc_reader_word(reader, interpreter + at->interpreter_sysdict, &sysdict) ||
        !hc_reader_word(reader, sysdict + at->object_type, &type))
        return NULL;
    runtime->interpreters_broken = true;
    struct hc_word_vector *listed = &runtime->interpreters;
    if (listed->count &&
        !hc_reader_word(reader, listed->items[listed->count - 1] + at->interpreter_next, &next))
        listed->count--; // nothing is where it leads
    return hc_word_vector_push(listed, interpreter) ? NULL : hc_error_out_of_memory();
}

// Bounded, for a damaged one may be a ring.
static struct hc_error *find_interpreters(struct hc_runtime *runtime, struct hc_reader *reader)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t head, interpreter;
    if (!hc_global_find(runtime, HC_GLOBAL_INTERPRETERS, &head))
        return hc_error_create("%s does not tell where the list of interpreters is",
                               hc_debug_info_file(runtime->debug_info));
    if (!hc_reader_word(reader, head, &interpreter))
        return no_runtime(runtime);
    while (interpreter && runtime->interpreters.count < MAX_INTERPRETERS &&
           !is_listed(runtime, interpreter)) {
        if (!hc_word_vector_push(&runtime->interpreters, interpreter))
            return hc_error_out_of_memory();
        if (!hc_reader_word(reader, interpreter + at->interpreter_next, &interpreter))
            break;
    }
    HC_TRY(add_main_interpreter(runtime, reader));
    if (!runtime->interpreters.count)
        return no_interpreter(runtime);
    return NULL;
}

// A core that is cut short may lack the sys module: libpython3.11.so.1.0 and python3.11 tell as much as is
// needed.
bool hc_runtime_version_of_path(const char *path, uint32_t *ret)
{
    const char *number = strpbrk(hc_path_name(path), "0123456789");
    unsigned major, minor;
    if (!number || sscanf(number, "%2u.%3u", &major, &minor) != 2 || minor > 255)
        return false;
    *ret = major << 24 | minor << 16;
    return true;
}

static struct hc_error *version_from_name(struct hc_runtime *runtime)
{
    if (!hc_runtime_version_of_path(runtime->module->path, &runtime->version))
        return hc_error_create(
            "the version of Python in %s cannot be read: its sys module is missing from the image",
            hc_image_path(runtime->image));
    snprintf(runtime->version_text, sizeof(runtime->version_text), "%u.%u", runtime->version >> 24,
             runtime->version >> 16 & 0xff);
    return NULL;
}

static struct hc_error *read_version(struct hc_runtime *runtime, struct hc_reader *reader)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    uint64_t sysdict, hexversion, version;
    const uint8_t *digits;
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        if (!hc_reader_word(reader, runtime->interpreters.items[i] + at->interpreter_sysdict, &sysdict) ||
            !hc_dict_find_string(runtime, reader, sysdict, "hexversion", &hexversion) ||
            !hc_dict_find_string(runtime, reader, sysdict, "version", &version))
            continue;
        if (!(digits = hc_reader_view(reader, hexversion + at->long_digits, 4)))
            continue;
        runtime->version = hc_load_u32(&reader->target, digits);
        _cleanup_(hc_freep) char *text = hc_string_read(runtime, reader, version);
        if (!text)
            continue;
        snprintf(runtime->version_text, sizeof(runtime->version_text), "%.*s", (int)strcspn(text, " "), text);
        return NULL;
    }
    return version_from_name(runtime);
}

static struct hc_error *add_static_types(struct hc_runtime *runtime, struct hc_reader *reader,
                                         uint64_t interpreter, enum hc_field_id field)
{
    const struct hc_offsets *at = &runtime->layouts.at;
    const struct hc_field *array = &runtime->layouts.fields[field];
    if (!array->present || !hc_is_present(at->static_type))
        return NULL;
    for (uint64_t offset = 0; offset + at->sizeof_static_type <= array->size;
         offset += at->sizeof_static_type) {
        struct hc_static_type entry;
        uint64_t state = interpreter + array->offset + offset;
        if (hc_reader_word(reader, state + at->static_type, &entry.type) && entry.type &&
            hc_reader_word(reader, state + at->static_type_dict, &entry.dict) &&
            hc_reader_word(reader, state + at->static_type_subclasses, &entry.subclasses) &&
            !hc_static_type_vector_push(&runtime->static_types, entry))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static int by_type(const void *a, const void *b)
{
    const struct hc_static_type *left = a, *right = b;
    return (left->type > right->type) - (left->type < right->type);
}

static struct hc_error *find_static_types(struct hc_runtime *runtime, struct hc_reader *reader)
{
    for (size_t i = 0; i < runtime->interpreters.count; i++) {
        uint64_t interpreter = runtime->interpreters.items[i];
        HC_TRY(add_static_types(runtime, reader, interpreter, HC_FIELD_interpreter_static_types));
        HC_TRY(add_static_types(runtime, reader, interpreter, HC_FIELD_interpreter_extension_types));
    }
    if (runtime->static_types.count)
        qsort(runtime->static_types.items, runtime->static_types.count, sizeof(*runtime->static_types.items),
              by_type);
    return NULL;
}

const struct hc_static_type *hc_runtime_find_static_type(const struct hc_runtime *runtime, uint64_t address)
{
    size_t low = 0, high = runtime->static_types.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runtime->static_types.items[middle].type < address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct hc_static_type *found = &runtime->static_types.items[low];
    return low < runtime->static_types.count && found->type == address ? found : NULL;
}

uint64_t hc_runtime_type_dict(const struct hc_runtime *runtime, struct hc_reader *reader, uint64_t type)
{
    const struct hc_static_type *state = hc_runtime_find_static_type(runtime, type);
    uint64_t dict;
    if (state && state->dict)
        return state->dict;
    return hc_reader_word(reader, type + runtime->layouts.at.type_dict, &dict) ? dict : 0;
}

static struct hc_error *keep_options(struct hc_runtime *runtime, const struct hc_debug_options *options)
{
    if (options && options->sysroot && !(runtime->debug_options.sysroot = strdup(options->sysroot)))
        return hc_error_out_of_memory();
    if (options && options->debug_dir && !(runtime->debug_options.debug_dir = strdup(options->debug_dir)))
        return hc_error_out_of_memory();
    return NULL;
}

struct hc_error *hc_runtime_read(struct hc_runtime *runtime, struct hc_reader *reader)
{
    HC_TRY(find_interpreters(runtime, reader));
    HC_TRY(find_static_types(runtime, reader));
    return read_version(runtime, reader);
}

static struct hc_error *find_layouts(struct hc_runtime *runtime, const struct hc_debug_options *options,
                                     struct hc_reader *reader)
{
    struct hc_error *missing = find_module(runtime, options);
    if (missing)
        return find_stripped(runtime, options, missing);
    runtime->choice.source = HC_LAYOUT_DWARF;
    HC_TRY(find_symbols(runtime));
    HC_TRY(hc_layouts_init(&runtime->layouts, runtime->debug_info));
    return hc_runtime_read(runtime, reader);
}

struct hc_error *hc_runtime_init(struct hc_runtime *runtime, const struct hc_image *image,
                                 const struct hc_debug_options *options)
{
    *runtime = (struct hc_runtime){.image = image};
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    HC_TRY(check_machine(image));
    HC_TRY(keep_options(runtime, options));
    HC_TRY(find_layouts(runtime, options, &reader));
    if (!hc_runtime_since(runtime, 3, 6) || hc_runtime_since(runtime, 3, 16))
        return hc_error_create("%s runs Python %s; heapcore reads 3.6 to 3.15", hc_image_path(image),
                               runtime->version_text);
    HC_TRY(hc_behaviour_of_inline_values(runtime, &runtime->dict_visits_inline_values));
    return hc_type_names_create(runtime, &reader, &runtime->type_names);
}

void hc_runtime_forget(struct hc_runtime *runtime)
{
    hc_layouts_deinit(&runtime->layouts);
    hc_word_vector_deinit(&runtime->interpreters);
    hc_static_type_vector_deinit(&runtime->static_types);
}

void hc_runtime_deinit(struct hc_runtime *runtime)
{
    hc_runtime_forget(runtime);
    hc_type_names_destroy(runtime->type_names);
    hc_debug_info_destroy(runtime->debug_info);
    hc_layout_table_destroy(runtime->choice.table);
    free(runtime->choice.told);
    free((char *)runtime->debug_options.sysroot);
    free((char *)runtime->debug_options.debug_dir);
    *runtime = (struct hc_runtime){0};
}
