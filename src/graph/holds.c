#include "graph/holds.h"

#include "base/address_map.h"
#include "base/interrupt.h"
#include "python/frames.h"

#include <stdlib.h>
#include <string.h>

// A label says who leads to an object: nobody, one frame, several frames of one thread, or others as well.
enum { NOBODY = 0, ANYBODY = UINT32_MAX };

struct labelling {
    struct hc_holds *holds;
    const struct hc_graph *graph;
    uint32_t *thread_of;       // by frame: index into holds->threads
    uint64_t *shared;          // bitmap over the objects: something else than frames leads there
    uint64_t *held;            // only frames do. These have labels, by rank:
    uint32_t *ranks;           // held objects before each 64
    uint32_t *labels;          // frame + 1, or number of frames + thread + 1
    uint64_t *owners;          // bitmap: objects whose own references are a running frame's
    struct hc_address_map map; // of these, by number: the frame
    struct hc_id_vector stack;
};

static void labelling_deinit(struct labelling *labelling)
{
    free(labelling->thread_of);
    free(labelling->shared);
    free(labelling->held);
    free(labelling->ranks);
    free(labelling->labels);
    free(labelling->owners);
    hc_address_map_deinit(&labelling->map);
    hc_id_vector_deinit(&labelling->stack);
}

void hc_holds_deinit(struct hc_holds *holds)
{
    hc_running_frame_vector_deinit(&holds->running);
    hc_hold_vector_deinit(&holds->frames);
    hc_hold_vector_deinit(&holds->threads);
    hc_mention_vector_deinit(&holds->mentions);
    *holds = (struct hc_holds){0};
}

static bool bit(const uint64_t *bits, uint32_t object)
{
    return bits[object / 64] >> (object % 64) & 1;
}

static void set_bit(uint64_t *bits, uint32_t object)
{
    bits[object / 64] |= 1ull << (object % 64);
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static int by_object(const void *a, const void *b)
{
    const struct hc_mention *left = a, *right = b;
    if (left->object != right->object)
        return left->object < right->object ? -1 : 1;
    return (left->frame > right->frame) - (left->frame < right->frame);
}

static void sort_numbers(struct hc_id_vector *numbers)
{
    if (numbers->count > 1)
        qsort(numbers->items, numbers->count, sizeof(*numbers->items), by_number);
}

static size_t first_from(const struct hc_id_vector *numbers, uint64_t number)
{
    size_t low = 0, high = numbers->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (numbers->items[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t times(const struct hc_id_vector *numbers, uint32_t number)
{
    return first_from(numbers, number + 1ull) - first_from(numbers, number);
}

// The first mention of `object` by `frame` or, where there is none, the one that would follow it.
static size_t first_mention(const struct hc_holds *holds, uint32_t object, uint32_t frame)
{
    const struct hc_mention sought = {.object = object, .frame = frame};
    size_t low = 0, high = holds->mentions.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (by_object(&holds->mentions.items[middle], &sought) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Those doubtful references that are roots of the graph are among them: it has dropped the others.
static struct hc_error *find_mentions(struct hc_holds *holds, const struct hc_found_roots *found)
{
    const struct hc_graph *graph = holds->graph;
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector certain = {0}, roots = {0};
    hc_object_id object;
    for (size_t i = 0; i < found->certain.count; i++)
        if (hc_graph_find(graph, found->certain.items[i], &object) && !hc_id_vector_push(&certain, object.i))
            return hc_error_out_of_memory();
    for (size_t i = 0; i < graph->roots.count; i++)
        if (!hc_id_vector_push(&roots, graph->roots.items[i]))
            return hc_error_out_of_memory();
    sort_numbers(&certain);
    sort_numbers(&roots);
    for (size_t i = 0; i < found->references.count; i++) {
        const struct hc_root_reference *reference = &found->references.items[i];
        if (!hc_graph_find(graph, reference->target, &object) ||
            (reference->is_doubtful && times(&roots, object.i) <= times(&certain, object.i)))
            continue;
        struct hc_mention mention = {object.i, reference->frame, reference->part};
        if (!hc_mention_vector_push(&holds->mentions, mention))
            return hc_error_out_of_memory();
    }
    if (holds->mentions.count > 1)
        qsort(holds->mentions.items, holds->mentions.count, sizeof(*holds->mentions.items), by_object);
    return NULL;
}

static struct hc_error *find_owners(struct labelling *labelling)
{
    struct hc_holds *holds = labelling->holds;
    for (size_t i = 0; i < holds->running.count; i++) {
        const struct hc_running_frame *frame = &holds->running.items[i];
        size_t threads = holds->threads.count;
        bool is_new;
        hc_object_id owner;
        if (!threads || holds->threads.items[threads - 1].thread != frame->thread)
            threads++;
        if (threads > holds->threads.count &&
            !hc_hold_vector_push(&holds->threads, (struct hc_hold){.thread = frame->thread}))
            return hc_error_out_of_memory();
        labelling->thread_of[i] = (uint32_t)threads - 1;
        struct hc_hold hold = {.thread = frame->thread, .frame = frame->address};
        if (!hc_hold_vector_push(&holds->frames, hold))
            return hc_error_out_of_memory();
        if (!frame->owner || !hc_graph_find(labelling->graph, frame->owner, &owner))
            continue;
        set_bit(labelling->owners, owner.i);
        // An address map takes no 0.
        if (!hc_address_map_insert(&labelling->map, owner.i + 1ull, (uint32_t)i, &is_new))
            return hc_error_out_of_memory();
    }
    return NULL;
}

static bool is_mentioned(const struct hc_holds *holds, uint32_t object, uint32_t frame)
{
    size_t first = first_mention(holds, object, frame);
    return first < holds->mentions.count && holds->mentions.items[first].object == object &&
           holds->mentions.items[first].frame == frame;
}

// Is the reference really a running frame's? All of a frame object are; those of a generator that its frame
// has, too.
static bool is_frames_own(const struct labelling *labelling, uint32_t source, uint32_t target)
{
    uint32_t frame;
    if (!bit(labelling->owners, source) || !hc_address_map_find(&labelling->map, source + 1ull, &frame))
        return false;
    const struct hc_running_frame *running = &labelling->holds->running.items[frame];
    return running->owner == running->address || is_mentioned(labelling->holds, target, frame);
}

static uint32_t *label_of(const struct labelling *labelling, uint32_t object)
{
    uint64_t below = labelling->held[object / 64] & ((1ull << (object % 64)) - 1);
    return &labelling->labels[labelling->ranks[object / 64] + (uint32_t)__builtin_popcountll(below)];
}

static uint32_t thread_of(const struct labelling *labelling, uint32_t label)
{
    size_t frames = labelling->holds->frames.count;
    return label > frames ? label - (uint32_t)frames - 1 : labelling->thread_of[label - 1];
}

static uint32_t join(const struct labelling *labelling, uint32_t left, uint32_t right)
{
    if (left == right || right == NOBODY)
        return left;
    if (left == NOBODY)
        return right;
    if (left == ANYBODY || right == ANYBODY || thread_of(labelling, left) != thread_of(labelling, right))
        return ANYBODY;
    return (uint32_t)labelling->holds->frames.count + thread_of(labelling, left) + 1;
}

// Is the object to be visited (again), now that `label` leads there? Without labels: the first time, and not
// if it is shared.
static bool touch(struct labelling *labelling, uint64_t *marks, uint32_t object, uint32_t label)
{
    if (labelling->labels) {
        if (bit(labelling->shared, object))
            return false;
        uint32_t *own = label_of(labelling, object), joined = join(labelling, *own, label);
        bool is_changed = joined != *own;
        *own = joined;
        return is_changed;
    }
    if (bit(labelling->shared, object) || bit(marks, object))
        return false;
    set_bit(marks, object);
    return true;
}

static struct hc_error *flood(struct labelling *labelling, uint64_t *marks, uint32_t object, uint32_t label)
{
    const struct hc_graph *graph = labelling->graph;
    uint32_t steps = 0;
    if (!touch(labelling, marks, object, label))
        return NULL;
    if (!hc_id_vector_push(&labelling->stack, object))
        return hc_error_out_of_memory();
    while (labelling->stack.count) {
        uint32_t source = labelling->stack.items[--labelling->stack.count];
        label = labelling->labels ? *label_of(labelling, source) : NOBODY;
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++) {
            uint32_t target = graph->edges[edge];
            if (!is_frames_own(labelling, source, target) && touch(labelling, marks, target, label) &&
                !hc_id_vector_push(&labelling->stack, target))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

// Up to 3.10 the frame object refers to what is the frame's. Its caller stands there, too.
static struct hc_error *flood_from_frame_object(struct labelling *labelling, uint32_t frame)
{
    const struct hc_graph *graph = labelling->graph;
    const struct hc_running_frame *running = &labelling->holds->running.items[frame];
    hc_object_id object;
    if (running->owner != running->address || !hc_graph_find(graph, running->owner, &object))
        return NULL;
    for (uint32_t edge = graph->edge_starts[object.i]; edge < graph->edge_starts[object.i + 1]; edge++)
        if (!bit(labelling->owners, graph->edges[edge]))
            HC_TRY(flood(labelling, labelling->held, graph->edges[edge], frame + 1));
    return NULL;
}

static struct hc_error *flood_from_frames(struct labelling *labelling)
{
    const struct hc_mention_vector *mentions = &labelling->holds->mentions;
    for (size_t i = 0; i < mentions->count; i++)
        if (mentions->items[i].frame != HC_NO_FRAME)
            HC_TRY(
                flood(labelling, labelling->held, mentions->items[i].object, mentions->items[i].frame + 1));
    for (uint32_t frame = 0; frame < labelling->holds->running.count; frame++)
        HC_TRY(flood_from_frame_object(labelling, frame));
    return NULL;
}

static struct hc_error *label_all(struct labelling *labelling)
{
    const struct hc_mention_vector *mentions = &labelling->holds->mentions;
    size_t words = (size_t)labelling->graph->count / 64 + 1;
    uint32_t held = 0;
    for (size_t i = 0; i < mentions->count; i++)
        if (mentions->items[i].frame == HC_NO_FRAME)
            HC_TRY(flood(labelling, labelling->shared, mentions->items[i].object, NOBODY));
    HC_TRY(flood_from_frames(labelling));
    for (size_t word = 0; word < words; word++) {
        labelling->ranks[word] = held;
        held += (uint32_t)__builtin_popcountll(labelling->held[word]);
    }
    labelling->labels = calloc(held + 1ull, sizeof(*labelling->labels));
    if (!labelling->labels)
        return hc_error_out_of_memory();
    return flood_from_frames(labelling);
}

static void add_to(struct hc_hold *hold, uint64_t size)
{
    hold->count++;
    hold->size += size;
}

static void add_up(const struct labelling *labelling)
{
    struct hc_holds *holds = labelling->holds;
    for (uint32_t object = 0; object < labelling->graph->count; object++) {
        if (!bit(labelling->held, object))
            continue;
        uint32_t label = *label_of(labelling, object);
        uint64_t size = hc_graph_size(labelling->graph, (hc_object_id){object});
        if (label == ANYBODY)
            continue;
        if (label <= holds->frames.count)
            add_to(&holds->frames.items[label - 1], size);
        add_to(&holds->threads.items[thread_of(labelling, label)], size);
    }
}

static struct hc_error *find(struct hc_holds *holds)
{
    size_t words = (size_t)holds->graph->count / 64 + 1;
    _cleanup_(labelling_deinit) struct labelling labelling = {
        .holds = holds,
        .graph = holds->graph,
        .thread_of = calloc(holds->running.count + 1, sizeof(*labelling.thread_of)),
        .shared = calloc(words, sizeof(*labelling.shared)),
        .held = calloc(words, sizeof(*labelling.held)),
        .ranks = calloc(words, sizeof(*labelling.ranks)),
        .owners = calloc(words, sizeof(*labelling.owners)),
    };
    if (!labelling.thread_of || !labelling.shared || !labelling.held || !labelling.ranks || !labelling.owners)
        return hc_error_out_of_memory();
    HC_TRY(find_owners(&labelling));
    HC_TRY(label_all(&labelling));
    add_up(&labelling);
    return NULL;
}

struct hc_error *hc_holds_find(struct hc_graph *graph, struct hc_tracer *tracer, struct hc_holds *ret)
{
    _cleanup_(hc_found_roots_deinit) struct hc_found_roots found = {0};
    _cleanup_(hc_holds_deinit) struct hc_holds holds = {.graph = graph, .tracer = tracer};
    HC_TRY(hc_graph_find_dominators(graph));
    HC_TRY(hc_roots_find(tracer->runtime, tracer, &found));
    holds.running = found.frames;
    found.frames = (struct hc_running_frame_vector){0};
    HC_TRY(find_mentions(&holds, &found));
    HC_TRY(find(&holds));
    *ret = holds;
    holds = (struct hc_holds){0};
    return NULL;
}

const struct hc_hold *hc_holds_of_thread(const struct hc_holds *holds, uint64_t thread)
{
    for (size_t i = 0; i < holds->threads.count; i++)
        if (holds->threads.items[i].thread == thread)
            return &holds->threads.items[i];
    return NULL;
}

static bool refers_to(const struct hc_graph *graph, uint32_t source, uint32_t target)
{
    for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++)
        if (graph->edges[edge] == target)
            return true;
    return false;
}

// Does nothing else lead to the value, but what lives on it?
static bool goes_with(const struct hc_holds *holds, uint64_t frame, uint64_t holder, uint32_t value)
{
    const struct hc_dominators *dominators = holds->graph->dominators;
    size_t first = first_mention(holds, value, 0), after = first_mention(holds, value + 1, 0);
    unsigned holders = hc_dominators_holders(dominators, value);
    uint64_t owner = holder ? holder : hc_frame_owner(holds->tracer, frame);
    hc_object_id object;
    bool has_owner = owner && hc_graph_find(holds->graph, owner, &object);
    if (first == after)
        return has_owner && holders == 1 && dominators->parents[value] == object.i;
    const struct hc_mention *mention = &holds->mentions.items[first];
    if (holder || after - first > 1 || mention->frame == HC_NO_FRAME || mention->part != HC_PART_VARIABLE ||
        holds->running.items[mention->frame].address != frame)
        return false;
    // A generator visits what its frame has while that runs, too.
    return !holders || (holders == 1 && has_owner && refers_to(holds->graph, object.i, value));
}

uint64_t hc_holds_of_variable(const struct hc_holds *holds, uint64_t frame, uint64_t holder, uint64_t value)
{
    hc_object_id object;
    if (!hc_graph_find(holds->graph, value, &object) ||
        holds->graph->dominators->parents[object.i] == HC_DOMINATOR_NONE ||
        !goes_with(holds, frame, holder, object.i))
        return 0;
    return hc_graph_retained(holds->graph, object);
}
