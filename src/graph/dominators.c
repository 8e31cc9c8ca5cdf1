// Lengauer and Tarjan 1979, with path compression alone: O(m log n) however the graph is made. Semi-NCA's
// last step is simpler, but takes n²/2 steps for a linked list whose payloads stand in a list, too; so it is
// not used here.
//
// It runs over the joints and forks (graph/joints.h) only, which are few of the objects as a rule.
#include "graph/dominators.h"

#include "base/interrupt.h"
#include "graph/joints.h"

#include <stdlib.h>
#include <string.h>

enum { UNMET = 0 }; // in place of a number; the roots', too, which are node 0

// Nodes are numbered in the order in which a depth-first search from the roots meets them.
struct search {
    const struct hc_joints *joints;
    uint32_t count;       // of numbers
    uint32_t *starts;     // of each node's ends
    uint32_t *ends;       // nodes: while searching those that lead on from a node, then those that lead to it
    uint32_t *numbers;    // by node
    uint32_t *nodes;      // by number, as all that follow
    uint32_t *ancestors;  // in the search's tree; paths are compressed. Then, of the dominators' tree: places
                          // where it is walked from above
    uint32_t *semi;       // while searching: the next edge to follow. Then: nodes in the dominators' tree
    uint32_t *labels;     // of least semi on the compressed path
    uint32_t *dominators; // while in a bucket: the next one in it
    uint32_t *buckets;    // the first of those with this semi
    uint32_t last_linked; // numbers from here on are linked to their ancestors
    struct hc_id_vector path;
};

static void release(uint32_t **array)
{
    free(*array);
    *array = NULL;
}

static void search_deinit(struct search *search)
{
    uint32_t **arrays[] = {&search->starts, &search->ends,       &search->numbers,
                           &search->nodes,  &search->ancestors,  &search->semi,
                           &search->labels, &search->dominators, &search->buckets};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
        release(arrays[i]);
    hc_id_vector_deinit(&search->path);
}

void hc_dominators_destroy(struct hc_dominators *dominators)
{
    if (!dominators)
        return;
    free(dominators->parents);
    free(dominators->inner);
    free(dominators->ranks);
    free(dominators->retained);
    free(dominators->held_once);
    free(dominators->held_more);
    free(dominators->child_starts);
    free(dominators->children);
    free(dominators);
}

static struct hc_error *allocate(uint32_t **ret, size_t count)
{
    *ret = malloc((count + 1) * sizeof(**ret));
    return *ret ? NULL : hc_error_out_of_memory();
}

// Row i + 1 counts, then says where the next end of row i goes, and ends as the start of row i + 1.
static void count_forth(void *argument, uint32_t from, uint32_t to)
{
    (void)to;
    ((struct search *)argument)->starts[from + 2]++;
}

static void count_back(void *argument, uint32_t from, uint32_t to)
{
    (void)from;
    ((struct search *)argument)->starts[to + 2]++;
}

static void add_forth(void *argument, uint32_t from, uint32_t to)
{
    struct search *search = argument;
    search->ends[search->starts[from + 1]++] = to;
}

static void add_back(void *argument, uint32_t from, uint32_t to)
{
    struct search *search = argument;
    search->ends[search->starts[to + 1]++] = from;
}

static struct hc_error *lay_out(struct search *search, hc_joints_edge_fn *count, hc_joints_edge_fn *add)
{
    size_t rows = search->joints->count + 1ull;
    release(&search->starts);
    release(&search->ends);
    search->starts = calloc(rows + 2, sizeof(*search->starts));
    if (!search->starts)
        return hc_error_out_of_memory();
    HC_TRY(hc_joints_each_edge(search->joints, count, search));
    for (size_t row = 2; row < rows + 2; row++)
        search->starts[row] += search->starts[row - 1];
    HC_TRY(allocate(&search->ends, search->starts[rows + 1]));
    return hc_joints_each_edge(search->joints, add, search);
}

static void meet(struct search *search, uint32_t node, uint32_t parent)
{
    uint32_t number = search->count++;
    search->numbers[node] = number;
    search->nodes[number] = node;
    search->ancestors[number] = parent;
    search->semi[number] = search->starts[node];
}

// The way back up is the ancestors.
static struct hc_error *search_all(struct search *search)
{
    size_t nodes = search->joints->count + 1ull;
    HC_TRY(lay_out(search, count_forth, add_forth));
    HC_TRY(allocate(&search->nodes, nodes));
    HC_TRY(allocate(&search->ancestors, nodes));
    HC_TRY(allocate(&search->semi, nodes));
    search->numbers = calloc(nodes, sizeof(*search->numbers));
    if (!search->numbers)
        return hc_error_out_of_memory();
    uint32_t number = 0, steps = 0;
    meet(search, 0, 0);
    for (;;) {
        if (++steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        uint32_t end = search->starts[search->nodes[number] + 1], edge = search->semi[number], below = 0;
        while (edge < end && !below) {
            uint32_t node = search->ends[edge++];
            below = search->numbers[node] == UNMET ? node : 0;
        }
        search->semi[number] = edge;
        if (!below && !number)
            break;
        if (below)
            meet(search, below, number);
        number = below ? search->count - 1 : search->ancestors[number];
    }
    return NULL;
}

static struct hc_error *prepare(struct search *search)
{
    HC_TRY(lay_out(search, count_back, add_back));
    HC_TRY(allocate(&search->labels, search->count));
    HC_TRY(allocate(&search->dominators, search->count));
    search->buckets = calloc(search->count + 1ull, sizeof(*search->buckets));
    if (!search->buckets)
        return hc_error_out_of_memory();
    // The ancestor refers to it, and no semidominator is above it that no other referrer shows.
    memcpy(search->semi, search->ancestors, search->count * sizeof(uint32_t));
    for (uint32_t number = 0; number < search->count; number++)
        search->labels[number] = number;
    search->last_linked = search->count;
    return NULL;
}

// The number of least semi among the linked ones from `number` up.
static struct hc_error *evaluate(struct search *search, uint32_t number, uint32_t *ret)
{
    uint32_t *ancestors = search->ancestors, *labels = search->labels;
    uint32_t linked = search->last_linked;
    search->path.count = 0;
    if (number >= linked) {
        for (uint32_t at = number; ancestors[at] >= linked; at = ancestors[at])
            if (!hc_id_vector_push(&search->path, at))
                return hc_error_out_of_memory();
        while (search->path.count) {
            uint32_t at = search->path.items[--search->path.count], above = ancestors[at];
            if (search->semi[labels[above]] < search->semi[labels[at]])
                labels[at] = labels[above];
            ancestors[at] = ancestors[above];
        }
    }
    *ret = labels[number];
    return NULL;
}

static struct hc_error *find_semidominator(struct search *search, uint32_t number)
{
    uint32_t node = search->nodes[number], parent = search->ancestors[number];
    uint32_t least = search->semi[number], end = search->starts[node + 1];
    for (uint32_t i = search->starts[node]; i < end && least; i++) {
        uint32_t referrer = search->numbers[search->ends[i]], label;
        if (referrer == parent || (referrer == UNMET && search->ends[i]))
            continue;
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (referrer < number) { // not linked yet: no path leads up from it
            least = referrer < least ? referrer : least;
            continue;
        }
        HC_TRY(evaluate(search, referrer, &label));
        if (search->semi[label] < least)
            least = search->semi[label];
    }
    search->semi[number] = least;
    // The parent, or no object at all, dominates at once; the others wait for the path up there.
    search->dominators[number] = least;
    if (least && least != parent) {
        search->dominators[number] = search->buckets[least];
        search->buckets[least] = number;
    }
    return NULL;
}

static struct hc_error *find_dominators(struct search *search)
{
    uint32_t *semi = search->semi, *dominators = search->dominators;
    for (uint32_t number = search->count - 1; number; number--) {
        if (number % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        for (uint32_t waiting = search->buckets[number]; waiting;) {
            uint32_t next = dominators[waiting], label;
            HC_TRY(evaluate(search, waiting, &label));
            dominators[waiting] = semi[label] < number ? label : number;
            waiting = next;
        }
        HC_TRY(find_semidominator(search, number));
        search->last_linked = number;
    }
    dominators[0] = 0;
    for (uint32_t number = 1; number < search->count; number++)
        if (dominators[number] != semi[number])
            dominators[number] = dominators[dominators[number]];
    return NULL;
}

// Where each number stands when the dominators' tree is walked from above, and how many are in its subtree: a
// dominator has a lower number than what it dominates.
static void find_places(struct search *search)
{
    uint32_t *places = search->ancestors, *sizes = search->semi, *next = search->labels;
    for (uint32_t number = 0; number < search->count; number++)
        sizes[number] = 1;
    for (uint32_t number = search->count - 1; number; number--)
        sizes[search->dominators[number]] += sizes[number];
    places[0] = 0;
    next[0] = 1;
    for (uint32_t number = 1; number < search->count; number++) {
        uint32_t dominator = search->dominators[number];
        places[number] = next[dominator];
        next[dominator] += sizes[number];
        next[number] = places[number] + 1;
    }
}

// The references to a joint from what does not live on it.
static void hold(const struct search *search, uint32_t source, uint32_t joint, uint64_t *spread,
                 struct hc_dominators *ret)
{
    uint32_t *parents = search->joints->parents;
    uint32_t above = search->numbers[hc_joints_node(search->joints, joint)];
    uint32_t number = search->numbers[hc_joints_node(search->joints, source)];
    if (above == UNMET || number == UNMET ||
        search->ancestors[number] - search->ancestors[above] < search->semi[above])
        return;
    if (!hc_joints_bit(ret->held_once, joint)) {
        hc_joints_set(ret->held_once, joint);
        parents[joint] = source;
        return;
    }
    hc_joints_set(ret->held_more, joint);
    if (parents[joint] != source)
        hc_joints_set(spread, joint);
}

static struct hc_error *hold_all(const struct search *search, uint64_t *spread, struct hc_dominators *ret)
{
    const struct hc_joints *joints = search->joints;
    const struct hc_graph *graph = joints->graph;
    for (uint32_t object = 0; object < graph->count; object++) {
        if (object % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (hc_joints_bit(joints->joints, object) || joints->parents[object] == HC_DOMINATOR_NONE)
            continue;
        hc_joints_set(ret->held_once, object);
        if (hc_joints_bit(joints->twice, object))
            hc_joints_set(ret->held_more, object);
    }
    for (uint32_t source = 0; source < graph->count; source++) {
        if (source % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (graph->states[source] != HC_STATE_REACHABLE)
            continue;
        for (uint32_t edge = graph->edge_starts[source]; edge < graph->edge_starts[source + 1]; edge++)
            if (hc_joints_bit(joints->joints, graph->edges[edge]) && graph->edges[edge] != source)
                hold(search, source, graph->edges[edge], spread, ret);
    }
    return NULL;
}

// One reference alone leads to a joint, or references of one object: that object dominates it. If two objects
// do, a node dominates it: below what is none, all ways go on by one reference.
static struct hc_error *find_parents(struct search *search, struct hc_dominators *ret)
{
    const struct hc_joints *joints = search->joints;
    const struct hc_graph *graph = joints->graph;
    size_t words = (size_t)graph->count / 64 + 1;
    _cleanup_(hc_freep) uint64_t *spread = calloc(words, sizeof(*spread));
    _cleanup_(hc_freep) uint32_t *objects = NULL; // by node
    ret->held_once = calloc(words, sizeof(*ret->held_once));
    ret->held_more = calloc(words, sizeof(*ret->held_more));
    if (!spread || !ret->held_once || !ret->held_more)
        return hc_error_out_of_memory();
    HC_TRY(allocate(&objects, joints->count));
    objects[0] = HC_DOMINATOR_ROOTS;
    HC_TRY(hold_all(search, spread, ret));
    uint32_t node = 0;
    for (uint32_t object = 0; object < graph->count; object++)
        if (hc_joints_bit(joints->nodes, object))
            objects[++node] = object;
    for (node = 1; node <= joints->count; node++) {
        uint32_t object = objects[node], number = search->numbers[node];
        if (number == UNMET)
            joints->parents[object] = HC_DOMINATOR_NONE;
        else if (hc_joints_bit(joints->rooted, object))
            joints->parents[object] = HC_DOMINATOR_ROOTS;
        else if (hc_joints_bit(spread, object))
            joints->parents[object] = objects[search->nodes[search->dominators[number]]];
    }
    return NULL;
}

static struct hc_error *find_inner(const struct hc_graph *graph, struct hc_dominators *ret)
{
    size_t words = (size_t)graph->count / 64 + 1;
    ret->inner = calloc(words, sizeof(*ret->inner));
    ret->ranks = malloc(words * sizeof(*ret->ranks));
    if (!ret->inner || !ret->ranks)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < graph->count; object++)
        if (ret->parents[object] < HC_DOMINATOR_NONE)
            hc_joints_set(ret->inner, ret->parents[object]);
    for (size_t word = 0; word < words; word++) {
        ret->ranks[word] = ret->inner_count;
        ret->inner_count += (uint32_t)__builtin_popcountll(ret->inner[word]);
    }
    return hc_interrupt_check();
}

// From the leaves upwards: whoever is the last below its parent goes on with that.
static struct hc_error *add_up(const struct hc_graph *graph, struct hc_dominators *ret)
{
    _cleanup_(hc_freep) uint32_t *pending = calloc(ret->inner_count + 1ull, sizeof(*pending));
    ret->retained = calloc(ret->inner_count + 1ull, sizeof(*ret->retained));
    if (!pending || !ret->retained)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < graph->count; object++)
        if (ret->parents[object] < HC_DOMINATOR_NONE)
            pending[hc_dominators_rank(ret, ret->parents[object])]++;
    for (uint32_t object = 0; object < graph->count; object++) {
        if (object % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (hc_dominators_is_inner(ret, object))
            continue;
        uint64_t bytes = hc_graph_size(graph, (hc_object_id){object});
        for (uint32_t above = ret->parents[object]; above < HC_DOMINATOR_NONE; above = ret->parents[above]) {
            uint32_t rank = hc_dominators_rank(ret, above);
            ret->retained[rank] += bytes;
            if (--pending[rank])
                break;
            bytes = ret->retained[rank] += hc_graph_size(graph, (hc_object_id){above});
        }
    }
    return NULL;
}

static struct hc_error *find_tree(const struct hc_graph *graph, struct hc_dominators *ret)
{
    _cleanup_(hc_joints_deinit) struct hc_joints joints = {0};
    _cleanup_(search_deinit) struct search search = {.joints = &joints};
    HC_TRY(hc_joints_find(graph, &joints));
    HC_TRY(search_all(&search));
    HC_TRY(prepare(&search));
    HC_TRY(find_dominators(&search));
    release(&search.starts);
    release(&search.ends);
    release(&search.buckets);
    hc_id_vector_deinit(&search.path);
    find_places(&search);
    release(&search.labels);
    HC_TRY(find_parents(&search, ret));
    ret->parents = hc_take(joints.parents);
    return NULL;
}

struct hc_error *hc_graph_find_dominators(struct hc_graph *graph)
{
    if (graph->dominators)
        return NULL;
    _cleanup_(hc_dominators_destroyp) struct hc_dominators *dominators = calloc(1, sizeof(*dominators));
    if (!dominators)
        return hc_error_out_of_memory();
    HC_TRY(find_tree(graph, dominators));
    HC_TRY(find_inner(graph, dominators));
    HC_TRY(add_up(graph, dominators));
    graph->dominators = hc_take(dominators);
    return NULL;
}

void hc_graph_forget_dominators(struct hc_graph *graph)
{
    hc_dominators_destroy(graph->dominators);
    graph->dominators = NULL;
}

unsigned hc_dominators_holders(const struct hc_dominators *dominators, uint32_t object)
{
    return hc_joints_bit(dominators->held_once, object) + hc_joints_bit(dominators->held_more, object);
}

// The row of a parent in child_starts; inner_count + 1 for none.
static uint32_t child_row(const struct hc_dominators *dominators, uint32_t parent)
{
    if (parent == HC_DOMINATOR_NONE)
        return dominators->inner_count + 1;
    return parent == HC_DOMINATOR_ROOTS ? dominators->inner_count : hc_dominators_rank(dominators, parent);
}

struct hc_error *hc_graph_find_dominated(struct hc_graph *graph)
{
    HC_TRY(hc_graph_find_dominators(graph));
    struct hc_dominators *dominators = graph->dominators;
    if (dominators->children)
        return NULL;
    uint32_t rows = dominators->inner_count + 1;
    // Row i + 1 counts, then says where the next child of row i goes, and ends as the start of row i + 1.
    _cleanup_(hc_freep) uint32_t *starts = calloc(rows + 2ull, sizeof(*starts));
    if (!starts)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < graph->count; object++)
        starts[child_row(dominators, dominators->parents[object]) + 1]++;
    HC_TRY(hc_interrupt_check());
    uint32_t sum = 0;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t length = starts[row + 1];
        starts[row + 1] = sum;
        sum += length;
    }
    _cleanup_(hc_freep) uint32_t *children = malloc((sum + 1ull) * sizeof(*children));
    if (!children)
        return hc_error_out_of_memory();
    for (uint32_t object = 0; object < graph->count; object++)
        if (dominators->parents[object] != HC_DOMINATOR_NONE)
            children[starts[child_row(dominators, dominators->parents[object]) + 1]++] = object;
    dominators->child_starts = hc_take(starts);
    dominators->children = hc_take(children);
    return hc_interrupt_check();
}

uint64_t hc_graph_retained(const struct hc_graph *graph, hc_object_id object)
{
    const struct hc_dominators *dominators = graph->dominators;
    if (dominators->parents[object.i] == HC_DOMINATOR_NONE)
        return 0;
    if (!hc_dominators_is_inner(dominators, object.i))
        return hc_graph_size(graph, object);
    return dominators->retained[hc_dominators_rank(dominators, object.i)];
}

const uint32_t *hc_dominators_children(const struct hc_dominators *dominators, uint32_t object,
                                       uint32_t *ret_count)
{
    *ret_count = 0;
    if (object != HC_DOMINATOR_ROOTS && !hc_dominators_is_inner(dominators, object))
        return NULL;
    uint32_t row = child_row(dominators, object);
    *ret_count = dominators->child_starts[row + 1] - dominators->child_starts[row];
    return &dominators->children[dominators->child_starts[row]];
}
