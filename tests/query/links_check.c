// links-check CORE: of every object of a core, do the links lead to just what it refers to? Prints how many
// objects, links, and links of an unknown kind there are, and how many objects of each type have unknown
// ones.
#include "base/cleanup.h"
#include "graph/session.h"
#include "python/relate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST_COMPLAINTS = 20 };

struct tally {
    uint64_t objects, links, unknown, wrong;
    uint64_t *by_type; // objects with links of an unknown kind
};

static int by_value(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void sort_unique(struct hc_word_vector *words)
{
    size_t kept = 0;
    if (words->count > 1)
        qsort(words->items, words->count, sizeof(*words->items), by_value);
    for (size_t i = 0; i < words->count; i++)
        if (!i || words->items[i] != words->items[i - 1])
            words->items[kept++] = words->items[i];
    words->count = kept;
}

static bool push(struct hc_word_vector *words, uint64_t word)
{
    return hc_word_vector_push(words, word);
}

// Targets of the one sort, of the virtual dict or of the object itself, by tracing.
static bool find_referents(struct hc_tracer *tracer, const struct hc_object_view *object, bool is_virtual,
                           struct hc_word_vector *ret)
{
    const struct hc_references *references = &tracer->references;
    hc_tracer_trace(tracer, object);
    for (size_t i = 0; i < references->visited.count; i++) {
        bool is_value =
            i >= references->values_first && i < references->values_first + references->values_count;
        if (is_value == is_virtual && !push(ret, references->visited.items[i]))
            return false;
    }
    for (size_t i = 0; i < references->held.count; i++)
        if (!is_virtual && !push(ret, references->held.items[i]))
            return false;
    sort_unique(ret);
    return true;
}

static bool is_well_formed(const struct hc_link *link)
{
    bool is_named = link->kind == HC_LINK_ATTRIBUTE || link->kind == HC_LINK_INTERNAL ||
                    link->kind == HC_LINK_LOCAL || link->kind == HC_LINK_CELL;
    return link->kind < HC_LINK_ROOT && link->target && is_named == (link->name != NULL) &&
           (link->kind == HC_LINK_VALUE) == (link->key != 0) && (!is_named || link->name[0]);
}

// The links of `object`, in the other relater, so that this is not only a matter of what was asked before.
static bool agree(struct hc_relater *relater, struct hc_tracer *tracer, const struct hc_object_view *object,
                  bool is_virtual, struct tally *tally)
{
    _cleanup_(hc_word_vector_deinit) struct hc_word_vector referents = {0}, targets = {0}, unknown = {0};
    if (!find_referents(tracer, object, is_virtual, &referents))
        return false;
    for (size_t i = 0; i < relater->links.count; i++) {
        const struct hc_link *link = &relater->links.items[i];
        if (link->is_virtual != is_virtual)
            continue;
        if (!is_well_formed(link) || !push(&targets, link->target) ||
            (link->kind == HC_LINK_UNKNOWN && !push(&unknown, link->target)))
            return false;
    }
    tally->links += targets.count;
    tally->unknown += unknown.count;
    tally->by_type[object->type->index] += unknown.count > 0;
    size_t all_unknown = unknown.count;
    sort_unique(&targets);
    sort_unique(&unknown);
    return all_unknown == unknown.count && targets.count == referents.count &&
           !memcmp(targets.items ? targets.items : (uint64_t[]){0},
                   referents.items ? referents.items : (uint64_t[]){0},
                   targets.count * sizeof(*targets.items));
}

static struct hc_error *check(const struct hc_graph *graph, struct hc_tracer *tracers, struct tally *tally)
{
    _cleanup_(hc_relater_deinit) struct hc_relater relater = {.tracer = &tracers[0]};
    for (uint32_t i = 0; i < graph->real_count; i++) {
        struct hc_object_view object, other;
        uint64_t address = hc_graph_address(graph, (hc_object_id){i});
        if (graph->states[i] == HC_STATE_NONE || !hc_tracer_view(&tracers[0], address, &object) ||
            !hc_tracer_view(&tracers[1], address, &other))
            continue;
        tally->objects++;
        hc_relate(&relater, &object);
        if (relater.out_of_memory)
            return hc_error_out_of_memory();
        if (agree(&relater, &tracers[1], &other, false, tally) &&
            agree(&relater, &tracers[1], &other, true, tally))
            continue;
        if (tally->wrong++ < MOST_COMPLAINTS)
            printf("links and referents differ: %s at 0x%" PRIx64 "\n", object.type->name, address);
    }
    return NULL;
}

static struct hc_error *run(const char *core, struct tally *tally)
{
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    const char *sysroot = getenv("HEAPCORE_SYSROOT");
    const struct hc_session_options options = {
        .core = core, .image.sysroot = sysroot, .debug.sysroot = sysroot};
    struct hc_tracer tracers[2] = {0};
    HC_TRY(hc_session_open(&options, &session));
    struct hc_type_table *types = &session->graph->types;
    _cleanup_(hc_freep) uint64_t *by_type = calloc(types->types.count + 4096, sizeof(*by_type));
    if (!by_type)
        return hc_error_out_of_memory();
    tally->by_type = by_type;
    HC_TRY(hc_tracer_init(&tracers[0], types));
    HC_TRY(hc_tracer_init(&tracers[1], types));
    struct hc_error *error = check(session->graph, tracers, tally);
    for (size_t i = 0; i < types->types.count; i++)
        if (by_type[i])
            printf("unknown: %" PRIu64 " %s.%s\n", by_type[i], types->types.items[i]->module,
                   types->types.items[i]->qualname);
    hc_tracer_deinit(&tracers[0]);
    hc_tracer_deinit(&tracers[1]);
    return error;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    if (argc != 2)
        return 2;
    struct hc_error *error = run(argv[1], &tally);
    if (error) {
        fprintf(stderr, "%s\n", hc_error_message(error));
        hc_error_destroy(error);
        return 1;
    }
    printf("objects: %" PRIu64 ", links: %" PRIu64 ", unknown: %" PRIu64 ", wrong: %" PRIu64 "\n",
           tally.objects, tally.links, tally.unknown, tally.wrong);
    return tally.wrong != 0;
}
