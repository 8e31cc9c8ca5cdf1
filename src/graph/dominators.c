// Lengauer and Tarjan 1979, with path compression alone: O(m log n) however the graph is made. Semi-NCA's
// last step is simpler, but takes n²/2 steps for a linked list whose payloads stand in a list, too; so it is
// not used here.
//
// Most objects are leaves that one object refers to: that one dominates them, and they take no part.
#include "graph/dominators.h"

#include "base/interrupt.h"
#include "base/parallel.h"

#include <stdlib.h>
#include <string.h>

enum {
    UNREACHED = 0,
    SOLE_LEAF = UINT32_MAX, // in place of a number: only its referrer leads to it, and it leads nowhere
};

// Objects are numbered in the order in which a depth-first search meets them, from 1; 0 is the roots.
struct search {
    struct hc_graph *graph;
    unsigned threads;
    uint32_t count;       // of numbers, 0 included
    uint32_t *numbers;    // by object
    uint32_t *objects;    // by number, as all that follow
    uint32_t *ancestors;  // in the search's tree; paths are compressed
    uint32_t *semi;       // while searching: the next edge to follow
    uint32_t *labels;     // of least semi on the compressed path
    uint32_t *dominators; // while in a bucket: the next one in it
    uint32_t *buckets;    // the first of those with this semi
    uint32_t last_linked; // numbers from here on are linked to their ancestors
    struct hc_id_vector path;
};

static void search_deinit(struct search *search)
{
    free(search->numbers);
    free(search->objects);
    free(search->ancestors);
    free(search->semi);
    free(search->labels);
    free(search->dominators);
    free(search->buckets);
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
    free(dominators->child_starts);
    free(dominators->children);
    free(dominators);
}

enum { OBJECTS_PER_TASK = HC_INTERRUPT_STRIDE };

static uint32_t task_end(const struct hc_graph *graph, uint32_t first)
{
    return graph->count - first < OBJECTS_PER_TASK ? graph->count : first + OBJECTS_PER_TASK;
}

static struct hc_error *run_tasks(const struct search *search, hc_task_fn *run, void *argument)
{
    size_t tasks = ((size_t)search->graph->count + OBJECTS_PER_TASK - 1) / OBJECTS_PER_TASK;
    return hc_parallel_run(search->threads, tasks, run, argument);
}

static struct hc_error *find_sole_leaves(void *argument, unsigned worker, size_t task)
{
    (void)worker;
    struct search *search = argument;
    const struct hc_graph *graph = search->graph;
    uint32_t first = (uint32_t)(task * OBJECTS_PER_TASK), end = task_end(graph, first);
    HC_TRY(hc_interrupt_check());
    for (uint32_t object = first; object < end; object++) {
        uint32_t begin = graph->referrer_starts[object], after = graph->referrer_starts[object + 1];
        if (graph->edge_starts[object] == graph->edge_starts[object + 1] && begin < after &&
            graph->referrers[begin] == graph->referrers[after - 1])
            search->numbers[object] = SOLE_LEAF;
    }
    return NULL;
}

static struct hc_error *allocate(struct search *search)
{
    const struct hc_graph *graph = search->graph;
    search->numbers = calloc(graph->count + 1ull, sizeof(uint32_t));
    if (!search->numbers)
        return hc_error_out_of_memory();
    HC_TRY(run_tasks(search, find_sole_leaves, search));
    for (size_t i = 0; i < graph->roots.count; i++)
        search->numbers[graph->roots.items[i]] = UNREACHED; // roots are met, whatever refers to them
    size_t most = 1;
    for (uint32_t object = 0; object < graph->count; object++)
        most += search->numbers[object] == UNREACHED && graph->states[object] != HC_STATE_NONE;
    uint32_t **arrays[] = {&search->objects, &search->ancestors,  &search->semi,
                           &search->labels,  &search->dominators, &search->buckets};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
        if (!(*arrays[i] = malloc(most * sizeof(uint32_t))))
            return hc_error_out_of_memory();
    return NULL;
}

static uint32_t meet(struct search *search, uint32_t object, uint32_t parent)
{
    uint32_t number = search->count++;
    search->numbers[object] = number;
    search->objects[number] = object;
    search->ancestors[number] = parent;
    search->semi[number] = search->graph->edge_starts[object];
    return number;
}

// The way back up is the ancestors.
static struct hc_error *search_from(struct search *search, uint32_t root, uint32_t *steps)
{
    const struct hc_graph *graph = search->graph;
    uint32_t *const next = search->semi;
    uint32_t number = meet(search, root, 0);
    while (number) {
        if (++*steps % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        uint32_t end = graph->edge_starts[search->objects[number] + 1], edge = next[number];
        uint32_t below = 0;
        while (edge < end && !below) {
            uint32_t referent = graph->edges[edge++];
            if (search->numbers[referent] == UNREACHED && graph->states[referent] != HC_STATE_NONE)
                below = referent + 1;
        }
        next[number] = edge;
        number = below ? meet(search, below - 1, number) : search->ancestors[number];
    }
    return NULL;
}

static struct hc_error *search_all(struct search *search)
{
    const struct hc_graph *graph = search->graph;
    uint32_t steps = 0;
    search->count = 1;
    search->objects[0] = HC_DOMINATOR_ROOTS;
    search->ancestors[0] = 0;
    for (size_t i = 0; i < graph->roots.count; i++)
        if (search->numbers[graph->roots.items[i]] == UNREACHED)
            HC_TRY(search_from(search, graph->roots.items[i], &steps));
    // The ancestor is a referrer, and no semidominator is above it that no other referrer shows.
    memcpy(search->semi, search->ancestors, search->count * sizeof(uint32_t));
    memset(search->buckets, 0, search->count * sizeof(uint32_t));
    for (uint32_t number = 0; number < search->count; number++)
        search->labels[number] = number;
    for (size_t i = 0; i < graph->roots.count; i++)
        search->semi[search->numbers[graph->roots.items[i]]] = 0;
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
    const struct hc_graph *graph = search->graph;
    uint32_t object = search->objects[number], parent = search->ancestors[number];
    uint32_t least = search->semi[number], end = graph->referrer_starts[object + 1];
    for (uint32_t i = graph->referrer_starts[object]; i < end && least; i++) {
        uint32_t referrer = search->numbers[graph->referrers[i]], label;
        if (referrer == UNREACHED || referrer == parent || referrer == SOLE_LEAF)
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

static void free_arrays(struct search *search)
{
    uint32_t **arrays[] = {&search->ancestors, &search->semi, &search->labels, &search->buckets};
    for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
        free(*arrays[i]);
        *arrays[i] = NULL;
    }
    hc_id_vector_deinit(&search->path);
}

// Its referrer, if that is reached.
static bool sole_leaf_referrer(const struct search *search, uint32_t leaf, uint32_t *ret)
{
    *ret = search->graph->referrers[search->graph->referrer_starts[leaf]];
    return search->graph->states[leaf] != HC_STATE_NONE && search->numbers[*ret] != UNREACHED &&
           search->numbers[*ret] != SOLE_LEAF;
}

static void set_inner(struct hc_dominators *ret, uint32_t object)
{
    ret->inner[object / 64] |= 1ull << (object % 64);
}

// Bytes by number: every object's own are added to those above, which have lower numbers.
static struct hc_error *add_up(const struct search *search, uint64_t *retained, struct hc_dominators *ret)
{
    const struct hc_graph *graph = search->graph;
    for (uint32_t object = 0; object < graph->count; object++) {
        if (object % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        uint32_t number = search->numbers[object], referrer = object;
        if (number == UNREACHED || (number == SOLE_LEAF && !sole_leaf_referrer(search, object, &referrer))) {
            ret->parents[object] = HC_DOMINATOR_NONE;
            continue;
        }
        retained[search->numbers[referrer]] += hc_graph_size(graph, (hc_object_id){object});
        ret->parents[object] = number == SOLE_LEAF ? referrer : search->objects[search->dominators[number]];
        if (ret->parents[object] != HC_DOMINATOR_ROOTS)
            set_inner(ret, ret->parents[object]);
    }
    for (uint32_t number = search->count - 1; number; number--)
        retained[search->dominators[number]] += retained[number];
    return NULL;
}

static struct hc_error *keep_results(const struct search *search, struct hc_dominators *ret)
{
    const struct hc_graph *graph = search->graph;
    size_t words = (size_t)graph->count / 64 + 1;
    _cleanup_(hc_freep) uint64_t *retained = calloc(search->count, sizeof(*retained));
    ret->parents = malloc((graph->count + 1ull) * sizeof(*ret->parents));
    ret->inner = calloc(words, sizeof(*ret->inner));
    ret->ranks = malloc(words * sizeof(*ret->ranks));
    if (!retained || !ret->parents || !ret->inner || !ret->ranks)
        return hc_error_out_of_memory();
    HC_TRY(add_up(search, retained, ret));
    for (size_t word = 0; word < words; word++) {
        ret->ranks[word] = ret->inner_count;
        ret->inner_count += (uint32_t)__builtin_popcountll(ret->inner[word]);
    }
    ret->retained = malloc((ret->inner_count + 1ull) * sizeof(*ret->retained));
    if (!ret->retained)
        return hc_error_out_of_memory();
    size_t rank = 0;
    for (size_t word = 0; word < words; word++)
        for (uint64_t bits = ret->inner[word]; bits; bits &= bits - 1)
            ret->retained[rank++] = retained[search->numbers[word * 64 + (unsigned)__builtin_ctzll(bits)]];
    return NULL;
}

struct hc_error *hc_graph_find_dominators(struct hc_graph *graph, unsigned threads)
{
    if (graph->dominators)
        return NULL;
    _cleanup_(search_deinit) struct search search = {.graph = graph, .threads = hc_parallel_threads(threads)};
    HC_TRY(hc_graph_find_referrers(graph, threads));
    HC_TRY(allocate(&search));
    HC_TRY(search_all(&search));
    HC_TRY(find_dominators(&search));
    free_arrays(&search);
    _cleanup_(hc_dominators_destroyp) struct hc_dominators *dominators = calloc(1, sizeof(*dominators));
    if (!dominators)
        return hc_error_out_of_memory();
    HC_TRY(keep_results(&search, dominators));
    graph->dominators = hc_take(dominators);
    return NULL;
}

// The row of a parent in child_starts; inner_count + 1 for none.
static uint32_t child_row(const struct hc_dominators *dominators, uint32_t parent)
{
    if (parent == HC_DOMINATOR_NONE)
        return dominators->inner_count + 1;
    return parent == HC_DOMINATOR_ROOTS ? dominators->inner_count : hc_dominators_rank(dominators, parent);
}

struct hc_error *hc_graph_find_dominated(struct hc_graph *graph, unsigned threads)
{
    HC_TRY(hc_graph_find_dominators(graph, threads));
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
