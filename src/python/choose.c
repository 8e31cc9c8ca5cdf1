#include "python/choose.h"

#include "layout/source.h"
#include "python/debug_offsets.h"
#include "python/sanity.h"
#include "python/signature.h"

#include <stdlib.h>
#include <string.h>

// A table that may fit. Those that ship are parsed when they are tried.
struct candidate {
    const struct hc_shipped_table *shipped;
    const struct hc_table_key *key;
    uint64_t distance; // from the version, 0: made for it; then by what was built in
};

struct chooser {
    struct hc_runtime *runtime;
    struct hc_reader reader;
    struct hc_version_signs signs;
    struct hc_table_key *keys;
    struct candidate *candidates;
    size_t count;
    uint64_t address, type_type, dict_type; // by symbols, or 0
};

static void chooser_deinit(struct chooser *chooser)
{
    free(chooser->keys);
    free(chooser->candidates);
}

static uint64_t distance_of(const struct chooser *chooser, const struct hc_table_key *key)
{
    uint64_t best = UINT64_MAX;
    for (size_t i = 0; i < key->version_count; i++) {
        uint32_t own = key->versions[i], wanted = chooser->signs.version;
        uint64_t distance = own > wanted ? own - wanted : wanted - own;
        if (wanted && own >> 16 != wanted >> 16)
            continue;
        if (distance < best)
            best = distance;
    }
    return best;
}

static int by_distance(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->distance != right->distance)
        return left->distance < right->distance ? -1 : 1;
    return (left->key->flags > right->key->flags) - (left->key->flags < right->key->flags);
}

// The shipped tables of this machine, of the version or of its neighbours, nearest first.
static struct hc_error *list_candidates(struct chooser *chooser)
{
    size_t shipped = 0;
    while (hc_shipped_tables[shipped].name)
        shipped++;
    chooser->keys = calloc(shipped + 1, sizeof(*chooser->keys));
    chooser->candidates = calloc(shipped + 1, sizeof(*chooser->candidates));
    if (!chooser->keys || !chooser->candidates)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < shipped; i++) {
        const struct hc_shipped_table *table = &hc_shipped_tables[i];
        struct hc_table_key *key = &chooser->keys[i];
        HC_TRY(hc_table_key_parse(table->name, table->text, (size_t)(table->end - table->text), key));
        bool is_free_threaded = key->flags & HC_BUILD_FREE_THREADED;
        uint64_t distance = distance_of(chooser, key);
        if (key->machine != chooser->reader.target.machine || distance == UINT64_MAX ||
            (chooser->signs.has_offsets && is_free_threaded != chooser->signs.is_free_threaded))
            continue;
        chooser->candidates[chooser->count++] = (struct candidate){table, key, distance};
    }
    qsort(chooser->candidates, chooser->count, sizeof(*chooser->candidates), by_distance);
    return NULL;
}

static void forget(struct chooser *chooser)
{
    struct hc_runtime *runtime = chooser->runtime;
    hc_runtime_forget(runtime);
    hc_debug_info_use_table(runtime->debug_info, NULL, NULL, 0);
    hc_layout_table_destroy(runtime->choice.table);
    free(runtime->choice.told);
    runtime->choice = (struct hc_layout_choice){0};
    runtime->address = chooser->address;
    runtime->interpreter_list = 0;
    runtime->type_type = chooser->type_type;
    runtime->dict_type = chooser->dict_type;
}

static struct hc_error *check_flags(struct chooser *chooser, const struct hc_table_key *key)
{
    unsigned found = hc_build_flags(chooser->runtime, &chooser->reader);
    if (found == key->flags)
        return NULL;
    return hc_error_create("it is %s debug build", found & HC_BUILD_DEBUG ? "a" : "no");
}

// With the table in place.
static struct hc_error *read_runtime(struct chooser *chooser, const struct hc_table_key *key)
{
    struct hc_runtime *runtime = chooser->runtime;
    HC_TRY(hc_layouts_init(&runtime->layouts, runtime->debug_info));
    if (!hc_signature_find(runtime, &chooser->reader))
        return hc_error_create("the interpreter's own objects are not found");
    HC_TRY(hc_runtime_read(runtime, &chooser->reader));
    HC_TRY(hc_sanity_check(runtime, &chooser->reader));
    HC_TRY(check_flags(chooser, key));
    if (!hc_signature_find_functions(runtime, &chooser->reader))
        return hc_error_create("the classes of the import system are not found");
    return NULL;
}

// The table becomes the runtime's.
static struct hc_error *try_table(struct chooser *chooser, struct hc_layout_table *table)
{
    struct hc_runtime *runtime = chooser->runtime;
    const struct hc_table_key *key = hc_layout_table_key(table);
    runtime->choice = (struct hc_layout_choice){.source = HC_LAYOUT_TABLE, .table = table};
    if (chooser->signs.has_offsets)
        HC_TRY(hc_debug_offsets_read(&chooser->reader, runtime->address, chooser->signs.version,
                                     &runtime->choice.told, &runtime->choice.told_count));
    hc_debug_info_use_table(runtime->debug_info, table, runtime->choice.told, runtime->choice.told_count);
    HC_TRY(read_runtime(chooser, key));
    runtime->choice.is_guess = true;
    for (size_t i = 0; i < key->version_count; i++)
        if (key->versions[i] == runtime->version)
            runtime->choice.is_guess = false;
    return NULL;
}

static struct hc_error *does_not_fit(struct chooser *chooser, struct hc_error *missing, const char *name,
                                     struct hc_error *cause)
{
    _cleanup_(hc_error_destroyp) struct hc_error *why = missing, *what = cause;
    char version[32];
    if (!chooser->signs.version)
        return hc_take(why); // nothing says that this is Python
    hc_version_write(chooser->signs.version, version, sizeof(version));
    if (!name)
        return hc_error_create("%s; and no table of layouts is near to Python %s: make one where its debug "
                               "information is (heapcore layouts CORE --emit), and pass --layouts FILE",
                               hc_error_message(why), version);
    return hc_error_create(
        "%s; and the nearest table of layouts, %s, does not fit this Python %s: %s; make one "
        "where its debug information is (heapcore layouts CORE --emit), and pass "
        "--layouts FILE",
        hc_error_message(why), name, version, hc_error_message(what));
}

static struct hc_error *try_shipped(struct chooser *chooser, struct hc_error *missing)
{
    _cleanup_(hc_error_destroyp) struct hc_error *first = NULL, *owned = missing;
    HC_TRY(list_candidates(chooser));
    for (size_t i = 0; i < chooser->count; i++) {
        const struct hc_shipped_table *shipped = chooser->candidates[i].shipped;
        struct hc_layout_table *table;
        HC_TRY(hc_layout_table_parse(shipped->name, shipped->text, (size_t)(shipped->end - shipped->text),
                                     &table));
        struct hc_error *error = try_table(chooser, table);
        if (!error)
            return NULL;
        forget(chooser);
        if (first)
            hc_error_destroy(error);
        else
            first = error;
    }
    return does_not_fit(chooser, hc_take(owned), first ? chooser->candidates[0].shipped->name : NULL,
                        hc_take(first));
}

static struct hc_error *try_given(struct chooser *chooser, const char *path)
{
    struct hc_layout_table *table;
    HC_TRY(hc_layout_table_read(path, &table));
    if (hc_layout_table_key(table)->machine != chooser->reader.target.machine) {
        hc_layout_table_destroy(table);
        return hc_error_create("the table of layouts %s is of another machine", path);
    }
    struct hc_error *error = try_table(chooser, table);
    return error ? hc_error_wrap(error, "the table of layouts %s does not fit", path) : NULL;
}

static void find_by_symbols(struct chooser *chooser)
{
    struct hc_runtime *runtime = chooser->runtime;
    uint64_t size;
    if (!hc_debug_info_find_symbol(runtime->debug_info, "PyType_Type", NULL, &chooser->type_type, &size))
        chooser->type_type = 0;
    if (!hc_debug_info_find_symbol(runtime->debug_info, "PyDict_Type", NULL, &chooser->dict_type, &size))
        chooser->dict_type = 0;
    if (!hc_debug_info_find_symbol(runtime->debug_info, "_PyRuntime", NULL, &chooser->address, &size) &&
        !hc_debug_info_find_symbol(runtime->debug_info, "_PyThreadState_Current", NULL, &chooser->address,
                                   &size))
        chooser->address = 0;
}

struct hc_error *hc_runtime_choose_table(struct hc_runtime *runtime, const struct hc_debug_options *options,
                                         struct hc_error *missing)
{
    _cleanup_(hc_error_destroyp) struct hc_error *why = missing;
    _cleanup_(chooser_deinit) struct chooser chooser = {.runtime = runtime};
    hc_reader_init(&chooser.reader, runtime->image);
    find_by_symbols(&chooser);
    hc_signature_version(runtime, &chooser.reader, &chooser.signs);
    if (chooser.signs.has_offsets)
        chooser.address = runtime->address;
    forget(&chooser);
    if (options && options->layouts)
        return try_given(&chooser, options->layouts);
    return try_shipped(&chooser, hc_take(why));
}
