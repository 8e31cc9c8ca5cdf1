// retained-check CORE: takes away one thing after the other (objects, kinds, variables, frames, threads),
// walks the whole heap from the roots, and holds what is not reached any more against what heapcore says
// would go. Prints how many of each were taken away.
#include "base/cleanup.h"
#include "graph/holds.h"
#include "graph/session.h"
#include "python/frames.h"
#include "python/threads.h"
#include "sets/retained.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTHING = UINT32_MAX, MOST = 150, MOST_OF_A_KIND = 12, MOST_KINDS = 60 };

// What is taken away; NOTHING where a member plays no part.
struct loss {
    uint32_t object;
    uint32_t source, target;        // one reference of an object to another
    uint32_t frame, variable;       // one reference of a running frame's variable to an object
    uint32_t cleared;               // a running frame: all that it refers to
    uint64_t thread;                // or all frames of a thread; 0: none
    uint32_t second, second_target; // all such references: a generator's, of what its frame has, too
};

static const struct loss no_loss = {
    .object = NOTHING, .source = NOTHING, .frame = NOTHING, .cleared = NOTHING, .second = NOTHING};

struct check {
    struct hc_graph *graph;
    struct hc_holds holds;
    bool *seen;
    uint32_t *stack;
    uint32_t *owned; // of each object the frame whose references it has, or HC_NO_FRAME
    uint64_t whole;  // bytes reached when nothing is lost
    unsigned wrong;
};

static bool is_cleared(const struct check *check, const struct loss *loss, uint32_t frame)
{
    return frame != HC_NO_FRAME &&
           (frame == loss->cleared ||
            (loss->thread && check->holds.running.items[frame].thread == loss->thread));
}

static void find_owners(struct check *check)
{
    hc_object_id owner;
    for (uint32_t i = 0; i < check->graph->count; i++)
        check->owned[i] = HC_NO_FRAME;
    for (uint32_t i = check->holds.running.count; i--;)
        if (check->holds.running.items[i].owner &&
            hc_graph_find(check->graph, check->holds.running.items[i].owner, &owner))
            check->owned[owner.i] = i;
}

static bool frame_mentions(const struct check *check, uint32_t frame, uint32_t object)
{
    for (size_t i = 0; i < check->holds.mentions.count; i++)
        if (check->holds.mentions.items[i].frame == frame && check->holds.mentions.items[i].object == object)
            return true;
    return false;
}

// A reference that is a cleared frame's, though an object has it; or up to 3.10 one of a frame to its caller,
// which is there anyway.
static bool goes_with_frame(const struct check *check, const struct loss *loss, uint32_t frame,
                            uint32_t target)
{
    const struct hc_running_frame *running = &check->holds.running.items[frame];
    if (running->owner == running->address && check->owned[target] != HC_NO_FRAME)
        return true;
    return is_cleared(check, loss, frame) &&
           (running->owner == running->address || frame_mentions(check, frame, target));
}

static size_t push(const struct check *check, const struct loss *loss, uint32_t object, size_t height)
{
    if (object == loss->object || check->seen[object])
        return height;
    check->seen[object] = true;
    check->stack[height] = object;
    return height + 1;
}

// Bytes that the roots reach without what is lost; check->seen says which objects.
static uint64_t reach(const struct check *check, const struct loss *loss)
{
    const struct hc_graph *graph = check->graph;
    bool is_frame_lost = loss->cleared != NOTHING || loss->thread, has_lost = false;
    uint64_t bytes = 0;
    size_t height = 0;
    memset(check->seen, 0, graph->count);
    for (size_t i = 0; i < check->holds.mentions.count; i++) {
        const struct hc_mention *mention = &check->holds.mentions.items[i];
        bool is_lost = !has_lost && loss->frame == mention->frame && loss->frame != NOTHING &&
                       mention->part == HC_PART_VARIABLE && loss->variable == mention->object;
        has_lost |= is_lost;
        if (!is_lost && !is_cleared(check, loss, mention->frame))
            height = push(check, loss, mention->object, height);
    }
    // Whoever refers to a frame object does not keep in use what the frame loses.
    for (has_lost = false; height;) {
        uint32_t source = check->stack[--height], frame = is_frame_lost ? check->owned[source] : HC_NO_FRAME;
        bytes += hc_graph_size(graph, (hc_object_id){source});
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++) {
            uint32_t target = graph->edges[edge];
            bool is_lost = source == loss->source && target == loss->target && !has_lost;
            has_lost |= is_lost;
            if (is_lost || (source == loss->second && target == loss->second_target) ||
                (frame != HC_NO_FRAME && goes_with_frame(check, loss, frame, target)))
                continue;
            height = push(check, loss, target, height);
        }
    }
    return bytes;
}

static void expect(struct check *check, const struct loss *loss, uint64_t said, const char *what,
                   uint64_t which)
{
    uint64_t found = check->whole - reach(check, loss);
    if (found == said)
        return;
    check->wrong++;
    printf("wrong %s 0x%" PRIx64 ": %" PRIu64 " bytes go, but %" PRIu64 " are said\n", what, which, found,
           said);
}

static uint64_t address_of(const struct check *check, uint32_t object)
{
    hc_object_id owner, id = {object};
    if (hc_graph_is_virtual(check->graph, id))
        return hc_graph_dict_owner(check->graph, id, &owner) ? hc_graph_address(check->graph, owner) : 0;
    return hc_graph_address(check->graph, id);
}

static void check_objects(struct check *check)
{
    const struct hc_graph *graph = check->graph;
    unsigned count = 0;
    uint32_t step = graph->count / MOST + 1;
    for (uint32_t object = step / 2; object < graph->count; object += step) {
        if (graph->states[object] != HC_STATE_REACHABLE)
            continue;
        struct loss loss = no_loss;
        loss.object = object;
        expect(check, &loss, hc_graph_retained(graph, (hc_object_id){object}), "object",
               address_of(check, object));
        count++;
    }
    printf("objects %u\n", count);
}

// Of those that few objects are of.
static struct hc_error *check_kinds(struct check *check, struct hc_universe *universe, unsigned *ret)
{
    _cleanup_(hc_retained_deinit) struct hc_retained retained = {0};
    const struct hc_graph *graph = check->graph;
    *ret = 0;
    HC_TRY(hc_retained_find(universe, SIZE_MAX / 4, &retained));
    for (size_t i = 0; i < retained.kinds.count && *ret < MOST_KINDS; i++) {
        const struct hc_retained_kind *kind = &retained.kinds.items[i];
        uint32_t members[MOST_OF_A_KIND], count = 0;
        uint64_t sum = 0;
        if (kind->count > MOST_OF_A_KIND)
            continue;
        for (uint32_t object = 0; object < graph->count; object++)
            if (graph->states[object] == HC_STATE_REACHABLE &&
                hc_universe_kind(universe, object) == kind->kind)
                members[count++] = object;
        uint64_t losses[MOST_OF_A_KIND];
        bool is_below[MOST_OF_A_KIND] = {false}; // another of the kind
        for (uint32_t k = 0; k < count; k++) {
            struct loss loss = no_loss;
            loss.object = members[k];
            losses[k] = check->whole - reach(check, &loss);
            for (uint32_t other = 0; other < count; other++)
                is_below[other] |= other != k && !check->seen[members[other]];
        }
        for (uint32_t k = 0; k < count; k++)
            sum += is_below[k] ? 0 : losses[k];
        if (sum != kind->retained || count != kind->count) {
            check->wrong++;
            printf("wrong kind %u: %" PRIu64 " bytes go, but %" PRIu64 " are said\n", kind->kind, sum,
                   kind->retained);
        }
        ++*ret;
    }
    return NULL;
}

static uint64_t said_of_variable(const struct hc_retained *retained, uint32_t holder, uint32_t object)
{
    for (size_t i = 0; i < retained->variables.count; i++)
        if (retained->variables.items[i].holder == holder && retained->variables.items[i].object == object)
            return retained->variables.items[i].retained;
    return 0;
}

// Every variable of every module that has one in the list, and of as many classes.
static struct hc_error *check_variables(struct check *check, struct hc_universe *universe)
{
    _cleanup_(hc_retained_deinit) struct hc_retained retained = {0};
    const struct hc_graph *graph = check->graph;
    unsigned freed = 0, kept = 0;
    HC_TRY(hc_retained_find(universe, SIZE_MAX / 4, &retained));
    size_t step = retained.variables.count / MOST + 1;
    for (size_t i = 0; i < retained.variables.count; i += step) {
        uint32_t holder = retained.variables.items[i].holder;
        uint32_t span = graph->edge_starts[holder + 1] - graph->edge_starts[holder];
        for (uint32_t k = 0; k < span && k < 4; k++) {
            // The one itself, and some others of the same namespace.
            uint32_t object = k ? graph->edges[graph->edge_starts[holder] + (k * 7919u) % span]
                                : retained.variables.items[i].object;
            struct loss loss = no_loss;
            loss.source = holder;
            loss.target = object;
            uint64_t said = said_of_variable(&retained, holder, object);
            expect(check, &loss, said, "variable", address_of(check, object));
            freed += said != 0;
            kept += said == 0;
        }
    }
    printf("variables %u\nkept %u\n", freed, kept);
    return NULL;
}

static void check_holds(struct check *check)
{
    const struct hc_hold_vector *frames = &check->holds.frames, *threads = &check->holds.threads;
    for (uint32_t i = 0; i < frames->count; i++) {
        struct loss loss = no_loss;
        loss.cleared = i;
        expect(check, &loss, frames->items[i].size, "frame", frames->items[i].frame);
    }
    for (size_t i = 0; i < threads->count; i++) {
        struct loss loss = no_loss;
        loss.thread = threads->items[i].thread;
        expect(check, &loss, threads->items[i].size, "thread", threads->items[i].thread);
    }
    printf("frames %zu\nthreads %zu\n", frames->count, threads->count);
}

static void check_local(struct check *check, const struct hc_frame *frame, const struct hc_variable *variable)
{
    struct loss loss = no_loss;
    hc_object_id value, owner;
    uint64_t holder =
        variable->holder ? variable->holder : hc_frame_owner(check->holds.tracer, frame->address);
    bool are_objects = holder == frame->address;
    if (!hc_graph_find(check->graph, variable->value, &value))
        return;
    bool has_owner = holder && hc_graph_find(check->graph, holder, &owner);
    if (has_owner && (variable->holder || are_objects)) {
        loss.source = owner.i;
        loss.target = value.i;
    } else {
        for (uint32_t i = 0; i < check->holds.running.count; i++)
            if (check->holds.running.items[i].address == frame->address)
                loss.frame = i;
        loss.variable = value.i;
        if (has_owner) {
            loss.second = owner.i;
            loss.second_target = value.i;
        }
    }
    uint64_t said = hc_holds_of_variable(&check->holds, frame->address, variable->holder, variable->value);
    expect(check, &loss, said, variable->name, variable->value);
}

static struct hc_error *check_locals(struct check *check)
{
    struct hc_tracer *tracer = check->holds.tracer;
    _cleanup_(hc_threads_deinit) struct hc_thread_vector threads = {0};
    size_t count = 0;
    bool is_cut;
    HC_TRY(hc_threads_find(tracer, &threads, &is_cut));
    for (size_t i = 0; i < threads.count; i++) {
        _cleanup_(hc_frame_vector_deinit) struct hc_frame_vector frames = {0};
        enum hc_frames_end end;
        HC_TRY(hc_thread_frames(tracer, threads.items[i].address, MOST, &frames, &end));
        for (size_t k = 0; k < frames.count; k++) {
            _cleanup_(hc_variables_deinit) struct hc_variable_vector variables = {0};
            HC_TRY(hc_frame_variables(tracer, &frames.items[k], &variables));
            for (size_t n = 0; n < variables.count; n++)
                check_local(check, &frames.items[k], &variables.items[n]);
            count += variables.count;
        }
    }
    printf("locals %zu\n", count);
    return NULL;
}

static struct hc_error *run(const char *core, struct check *check)
{
    const char *sysroot = getenv("HEAPCORE_SYSROOT");
    const struct hc_session_options options = {
        .core = core, .image.sysroot = sysroot, .debug.sysroot = sysroot};
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_universe_deinit) struct hc_universe universe = {0};
    struct hc_tracer *tracer;
    unsigned kinds;
    HC_TRY(hc_session_open(&options, &session));
    check->graph = session->graph;
    HC_TRY(hc_universe_init(&universe, session->graph, 0));
    HC_TRY(hc_universe_tracer(&universe, &tracer));
    HC_TRY(hc_holds_find(session->graph, tracer, &check->holds));
    check->seen = malloc(session->graph->count + 1ull);
    check->stack = malloc((session->graph->count + 1ull) * sizeof(*check->stack));
    check->owned = malloc((session->graph->count + 1ull) * sizeof(*check->owned));
    if (!check->seen || !check->stack || !check->owned)
        return hc_error_out_of_memory();
    find_owners(check);
    check->whole = reach(check, &no_loss);
    check_objects(check);
    HC_TRY(check_kinds(check, &universe, &kinds));
    printf("kinds %u\n", kinds);
    HC_TRY(check_variables(check, &universe));
    check_holds(check);
    return check_locals(check);
}

int main(int count, char **arguments)
{
    struct check check = {0};
    if (count != 2)
        return 2;
    struct hc_error *error = run(arguments[1], &check);
    if (error)
        fprintf(stderr, "%s\n", hc_error_message(error));
    bool is_right = !error && !check.wrong;
    hc_error_destroy(error);
    hc_holds_deinit(&check.holds);
    free(check.seen);
    free(check.stack);
    free(check.owned);
    return is_right ? 0 : 1;
}
