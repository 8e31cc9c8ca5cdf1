#include "report/dump.h"

#include "report/clean.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

// Lines are made by hand in a buffer: a heap of ten million objects has a few gigabytes of them. A line but
// for its referents and the name of its type fits in LINE_ROOM, a referent in REFERENT_ROOM.
enum { BUFFER_SIZE = 1 << 18, LINE_ROOM = 256, REFERENT_ROOM = 24 };

struct dump {
    struct hc_graph *graph;
    struct hc_tracer tracer;
    FILE *file;
    char *buffer;
    size_t used;
    uint64_t left;     // lines that may still be written; 0 once writing failed
    char **type_texts; // by type index: the name as JSON, made when first needed
    size_t type_count; // when the graph was complete; tracing may add types, but no object has these
};

static void dump_deinit(struct dump *dump)
{
    for (size_t i = 0; dump->type_texts && i < dump->type_count; i++)
        free(dump->type_texts[i]);
    free(dump->type_texts);
    free(dump->buffer);
    hc_tracer_deinit(&dump->tracer);
}

static void flush(struct dump *dump)
{
    fwrite(dump->buffer, 1, dump->used, dump->file);
    dump->used = 0;
    if (ferror(dump->file))
        dump->left = 0;
}

static void need(struct dump *dump, size_t room)
{
    if (BUFFER_SIZE - dump->used < room)
        flush(dump);
}

// The put functions rely on need().
static void put(struct dump *dump, const char *text, size_t length)
{
    memcpy(dump->buffer + dump->used, text, length);
    dump->used += length;
}

#define PUT_LITERAL(dump, literal) put(dump, literal, sizeof(literal) - 1)

static void put_string(struct dump *dump, const char *text)
{
    put(dump, text, strlen(text));
}

static void put_number(struct dump *dump, uint64_t number)
{
    char digits[20], *end = digits + sizeof(digits), *at = end;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    put(dump, at, (size_t)(end - at));
}

static void put_address(struct dump *dump, uint64_t address)
{
    char digits[20], *end = digits + sizeof(digits), *at = end;
    *--at = '"';
    do
        *--at = "0123456789abcdef"[address % 16];
    while (address /= 16);
    *--at = 'x';
    *--at = '0';
    *--at = '"';
    put(dump, at, (size_t)(end - at));
}

static void put_long(struct dump *dump, const char *text, size_t length)
{
    need(dump, length);
    if (length <= BUFFER_SIZE - dump->used)
        put(dump, text, length);
    else
        fwrite(text, 1, length, dump->file);
}

static char *type_text(const struct hc_type *type)
{
    char *text;
    if (asprintf(&text, "%s.%s", type->module, type->qualname) < 0)
        return NULL;
    _cleanup_(hc_freep) char *clean = hc_clean_utf8(text);
    free(text);
    json_object *string = clean ? json_object_new_string(clean) : NULL;
    const char *json = string ? json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
    char *kept = json ? strdup(json) : NULL;
    json_object_put(string);
    return kept;
}

// What a line needs beside its referents.
struct line {
    uint64_t address, size, refcount;
    uint32_t type_index;
    enum hc_state state;
    enum hc_how how;
    bool is_virtual;
    bool is_size_inexact;
};

static struct hc_error *begin_line(struct dump *dump, const struct line *line)
{
    char **type = &dump->type_texts[line->type_index];
    if (!*type && !(*type = type_text(dump->graph->types.types.items[line->type_index])))
        return hc_error_out_of_memory();
    need(dump, LINE_ROOM);
    PUT_LITERAL(dump, "{\"address\":");
    put_address(dump, line->address);
    PUT_LITERAL(dump, ",\"type\":");
    put_long(dump, *type, strlen(*type));
    need(dump, LINE_ROOM);
    PUT_LITERAL(dump, ",\"size\":");
    put_number(dump, line->size);
    PUT_LITERAL(dump, ",\"refcount\":");
    put_number(dump, line->refcount);
    PUT_LITERAL(dump, ",\"state\":\"");
    put_string(dump, hc_state_name(line->state));
    PUT_LITERAL(dump, "\",\"how\":\"");
    put_string(dump, hc_how_name(line->how));
    PUT_LITERAL(dump, "\"");
    if (line->is_size_inexact)
        PUT_LITERAL(dump, ",\"size_exact\":false");
    if (line->is_virtual)
        PUT_LITERAL(dump, ",\"virtual\":true");
    PUT_LITERAL(dump, ",\"referents\":[");
    return NULL;
}

// What words found is a referent only if the graph knows an object there.
static void put_referents(struct dump *dump, const uint64_t *addresses, size_t count, bool *first)
{
    bool is_guess = dump->tracer.references.how == HC_HOW_WORDS;
    hc_object_id found;
    for (size_t i = 0; i < count; i++) {
        if (is_guess && !hc_graph_find(dump->graph, addresses[i], &found))
            continue;
        need(dump, REFERENT_ROOM);
        if (!*first)
            PUT_LITERAL(dump, ",");
        *first = false;
        put_address(dump, addresses[i]);
    }
}

static void end_line(struct dump *dump)
{
    need(dump, LINE_ROOM);
    PUT_LITERAL(dump, "]}\n");
    if (dump->left)
        dump->left--;
}

static bool is_shown(const struct dump *dump, uint32_t object)
{
    return dump->graph->states[object] != HC_STATE_NONE;
}

static bool is_size_inexact(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    if (!object->type->has_own_sizeof && !object->type->size)
        return false;
    hc_tracer_size(tracer, object);
    return !tracer->size_is_exact;
}

static struct hc_error *dump_object(struct dump *dump, uint32_t object, uint64_t address)
{
    struct hc_tracer *tracer = &dump->tracer;
    const struct hc_references *references = &tracer->references;
    hc_object_id id = {object};
    struct hc_object_view view;
    if (!is_shown(dump, object) || !hc_tracer_view(tracer, address, &view))
        return NULL;
    hc_tracer_trace(tracer, &view);
    if (tracer->out_of_memory)
        return hc_error_out_of_memory();
    struct line line = {
        .address = address,
        .size = hc_graph_size(dump->graph, id),
        .refcount = hc_tracer_refcount(tracer, &view),
        .type_index = dump->graph->type_indexes[object],
        .state = hc_graph_state(dump->graph, id),
        .how = references->how,
        .is_size_inexact = is_size_inexact(tracer, &view) || hc_graph_size_is_bounded(dump->graph, id),
    };
    HC_TRY(begin_line(dump, &line));
    bool first = true;
    put_referents(dump, references->visited.items, references->visited.count, &first);
    if (!hc_tracer_is_gc(tracer, &view))
        put_referents(dump, references->held.items, references->held.count, &first);
    end_line(dump);
    return NULL;
}

static struct hc_error *dump_virtual_dict(struct dump *dump, uint32_t object)
{
    struct hc_tracer *tracer = &dump->tracer;
    const struct hc_references *references = &tracer->references;
    hc_object_id id = {object}, owner;
    struct hc_object_view view;
    if (!is_shown(dump, object) || !hc_graph_dict_owner(dump->graph, id, &owner) ||
        !hc_tracer_view(tracer, hc_graph_address(dump->graph, owner), &view))
        return NULL;
    hc_tracer_trace(tracer, &view);
    if (tracer->out_of_memory)
        return hc_error_out_of_memory();
    struct line line = {
        .address = references->values_address,
        .size = hc_graph_size(dump->graph, id),
        .refcount = 1,
        .type_index = dump->graph->type_indexes[object],
        .state = hc_graph_state(dump->graph, owner),
        .how = references->how,
        .is_virtual = true,
    };
    HC_TRY(begin_line(dump, &line));
    bool first = true;
    if (references->values_count)
        put_referents(dump, references->visited.items + references->values_first, references->values_count,
                      &first);
    end_line(dump);
    return NULL;
}

static struct hc_error *dump_word(struct dump *dump, size_t index)
{
    const struct hc_pools *pools = &dump->graph->pools;
    const struct hc_slot_word *word = &pools->words[index];
    const struct hc_pool *pool = &pools->pools[word->pool];
    uint32_t object = word->first_object;
    for (uint64_t bits = word->objects; bits && dump->left; bits &= bits - 1, object++) {
        unsigned bit = (unsigned)__builtin_ctzll(bits);
        uint32_t block = (uint32_t)(index - pool->first_word) * 64 + bit;
        uint64_t address = hc_pool_block_address(pools, pool, block) + hc_slot_header(pools, word, bit);
        HC_TRY(dump_object(dump, object, address));
    }
    return NULL;
}

static struct hc_error *dump_all(struct dump *dump)
{
    const struct hc_graph *graph = dump->graph;
    for (size_t i = 0; i < graph->pools.word_count && dump->left; i++)
        HC_TRY(dump_word(dump, i));
    for (uint32_t i = graph->pool_count; i < graph->real_count && dump->left; i++)
        HC_TRY(dump_object(dump, i, graph->others[i - graph->pool_count]));
    for (uint32_t i = graph->real_count; i < graph->count && dump->left; i++)
        HC_TRY(dump_virtual_dict(dump, i));
    flush(dump);
    return NULL;
}

struct hc_error *hc_dump_write(const struct hc_session *session, const struct hc_render_options *options,
                               FILE *file)
{
    _cleanup_(dump_deinit) struct dump dump = {
        .graph = session->graph,
        .file = file,
        .type_count = session->graph->types.types.count,
        .left = options->limit == HC_NO_LIMIT ? UINT64_MAX : (uint64_t)options->limit,
    };
    dump.type_texts = calloc(dump.type_count + 1, sizeof(*dump.type_texts));
    dump.buffer = malloc(BUFFER_SIZE);
    if (!dump.type_texts || !dump.buffer)
        return hc_error_out_of_memory();
    HC_TRY(hc_tracer_init(&dump.tracer, &session->graph->types));
    _Atomic uint64_t allowance = hc_tracer_allowance(session->image);
    dump.tracer.allowance = &allowance;
    return dump_all(&dump);
}
