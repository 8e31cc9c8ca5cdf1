// Words of C memory that may be the references that are missing.
#include "base/address_map.h"
#include "base/interrupt.h"
#include "graph/audit_parts.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 1 << 20,   // bytes a task
    RED_ZONE = 128,    // below the stack pointer, in use by functions that call none
    FILTER_LEAST = 16, // log2 of bits
    FILTER_MOST = 24,
};

// Stand in place of an object.
enum {
    OUTSIDE = UINT32_MAX,
    NOWHERE = UINT32_MAX - 1, // memory that holds no references at all
};

struct piece {
    const struct hc_segment *segment;
    uint64_t offset;
};

HC_DEFINE_VECTOR(piece_vector, struct piece)

struct range {
    uint64_t start, end;
};

HC_DEFINE_VECTOR(range_vector, struct range)

struct HC_ALONE part {
    struct hc_holder_vector holders;
};

struct search {
    struct hc_audit_walk *walk;
    const struct hc_graph *graph;
    const struct hc_runtime *runtime;
    struct hc_audit *audit;
    struct hc_address_map objects; // address → item
    struct hc_address_map slots;   // of the roots, which are counted
    struct range_vector data_stacks;
    uint64_t least, most; // addresses of the objects
    uint64_t *filter;     // bits of hashes of the objects' addresses
    unsigned filter_shift;
    struct piece_vector pieces;
    struct part *parts; // one a piece
};

static void search_deinit(struct search *search)
{
    for (size_t i = 0; search->parts && i < search->pieces.count; i++)
        hc_holder_vector_deinit(&search->parts[i].holders);
    free(search->parts);
    free(search->filter);
    hc_address_map_deinit(&search->objects);
    hc_address_map_deinit(&search->slots);
    range_vector_deinit(&search->data_stacks);
    piece_vector_deinit(&search->pieces);
}

static uint64_t filter_bit(const struct search *search, uint64_t address)
{
    return (address >> 3) * 0x9e3779b97f4a7c15u >> search->filter_shift;
}

static struct hc_error *index_objects(struct search *search)
{
    unsigned bits = FILTER_LEAST;
    while (bits < FILTER_MOST && search->audit->high.count >> (bits - 5))
        bits++;
    search->filter_shift = 64 - bits;
    search->filter = calloc((1ull << bits) / 64, sizeof(*search->filter));
    if (!search->filter)
        return hc_error_out_of_memory();
    search->least = UINT64_MAX;
    for (size_t i = 0; i < search->audit->high.count; i++) {
        bool inserted;
        uint64_t address =
            hc_graph_address(search->graph, (hc_object_id){search->audit->high.items[i].object});
        if (!hc_address_map_insert(&search->objects, address, (uint32_t)i, &inserted))
            return hc_error_out_of_memory();
        uint64_t bit = filter_bit(search, address);
        search->filter[bit / 64] |= 1ull << (bit % 64);
        search->least = address < search->least ? address : search->least;
        search->most = address > search->most ? address : search->most;
    }
    return NULL;
}

static struct hc_error *index_roots(struct search *search, struct hc_tracer *tracer,
                                    const struct hc_owned_root_vector *roots)
{
    struct range last = {0};
    for (size_t i = 0; i < roots->count; i++) {
        const struct hc_owned_root *root = &roots->items[i];
        bool inserted;
        uint32_t item;
        if (root->slot && !hc_address_map_insert(&search->slots, root->slot, 0, &inserted))
            return hc_error_out_of_memory();
        if (root->place > HC_ROOT_IN_LOCALS && hc_address_map_find(&search->objects, root->object, &item) &&
            !hc_holder_vector_push(&search->audit->holders,
                                   (struct hc_holder){item, HC_HOLDER_FRAME, root->slot, UINT32_MAX}))
            return hc_error_out_of_memory();
        bool is_frames = root->place >= HC_ROOT_IN_LOCALS && root->slot;
        if (is_frames && root->slot - last.start >= last.end - last.start &&
            hc_data_stack_chunk(tracer, root->slot, &last.start, &last.end) &&
            !range_vector_push(&search->data_stacks, last))
            return hc_error_out_of_memory();
    }
    return NULL;
}

// Address space of many gigabytes may be there that nobody wrote to.
static bool is_written(const struct search *search, const struct hc_segment *segment, uint64_t offset)
{
    bool is_unwritten;
    uint64_t length = segment->length - offset > PIECE ? PIECE : segment->length - offset;
    return hc_image_sparse_run(search->runtime->image, segment->address + offset, length, &is_unwritten) <
               length ||
           !is_unwritten;
}

static struct hc_error *cut_pieces(struct search *search)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(search->runtime->image, &count);
    for (size_t i = 0; i < count; i++)
        for (uint64_t offset = 0; segments[i].writable && offset < segments[i].length; offset += PIECE)
            if (is_written(search, &segments[i], offset) &&
                !piece_vector_push(&search->pieces, (struct piece){&segments[i], offset}))
                return hc_error_out_of_memory();
    search->parts = hc_calloc_alone(search->pieces.count + 1, sizeof(*search->parts));
    return search->parts ? NULL : hc_error_out_of_memory();
}

// The object whose memory, with what stands before it, `address` lies in.
static uint32_t find_in_pool(const struct hc_graph *graph, const struct hc_pool *pool, uint64_t address)
{
    uint32_t block = hc_pool_block(&graph->pools, pool, address);
    if (block == UINT32_MAX)
        return NOWHERE;
    const struct hc_slot_word *word = &graph->pools.words[pool->first_word + block / 64];
    uint64_t below = word->objects & ((1ull << (block % 64)) - 1);
    uint32_t object = word->first_object + (uint32_t)__builtin_popcountll(below);
    bool is_object = word->objects >> (block % 64) & 1 && graph->states[object] != HC_STATE_NONE;
    return is_object ? object : OUTSIDE;
}

// sys.getsizeof() counts blocks of their own, too; malloc's header tells what the object's takes.
static uint64_t own_size(const struct hc_graph *graph, struct hc_tracer *tracer, uint32_t object)
{
    uint64_t address = graph->others[object - graph->pool_count];
    uint64_t size = hc_graph_size(graph, (hc_object_id){object});
    uint32_t header = hc_graph_type(graph, (hc_object_id){object})->header_size;
    if (hc_image_find_module(graph->types.runtime->image, address))
        return size;
    uint64_t block = hc_block_size(tracer, address - header);
    return block > header && block - header < size ? block - header : size;
}

static uint32_t find_outside(const struct hc_graph *graph, struct hc_tracer *tracer, uint64_t address)
{
    uint32_t count = graph->real_count - graph->pool_count;
    uint32_t low = 0, high = count; // the first that begins after `address`
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->others[middle] <= address)
            low = middle + 1;
        else
            high = middle;
    }
    hc_object_id before = {graph->pool_count + low - 1}, after = {graph->pool_count + low};
    if (low && address - graph->others[low - 1] < own_size(graph, tracer, before.i))
        return before.i;
    if (low < count && graph->others[low] - address <= hc_graph_type(graph, after)->header_size)
        return after.i;
    return OUTSIDE;
}

// Bytes of an instance that a decoder knows.
static uint64_t known_size(const struct hc_type *type)
{
    while (type && !type->has_row)
        type = type->base;
    return type ? type->basicsize : 0;
}

// May the word at `address`, in `object`, be a reference of it that was not traced? Decoders know all of the
// structs that they are for, but not what a type of C code puts behind them.
static bool is_untraced(const struct search *search, uint32_t object, uint64_t address, uint32_t item)
{
    const struct hc_graph *graph = search->graph;
    uint64_t offset = address - hc_graph_address(graph, (hc_object_id){object});
    const struct hc_type *type = hc_graph_type(graph, (hc_object_id){object});
    if (offset <= search->runtime->layouts.at.object_type || offset >= type->basicsize ||
        (int64_t)offset == type->weaklistoffset || (int64_t)offset == type->dictoffset)
        return false;
    if (type->how == HC_HOW_DECODER) {
        bool is_known = offset < known_size(type);
        for (size_t i = 0; i < type->slot_count && !is_known; i++)
            is_known = type->slots[i] == offset;
        return !is_known;
    }
    for (uint32_t e = graph->edge_starts[object]; e < graph->edge_starts[object + 1]; e++)
        if (graph->edges[e] == search->audit->high.items[item].object)
            return false;
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return (left->start > right->start) - (left->start < right->start);
}

static bool is_in_data_stack(const struct search *search, uint64_t address)
{
    size_t low = 0, high = search->data_stacks.count; // the first that begins after `address`
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->data_stacks.items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low && address < search->data_stacks.items[low - 1].end;
}

static bool is_in_interpreter(const struct search *search, uint64_t address)
{
    for (size_t i = 0; i < search->runtime->interpreters.count; i++)
        if (address - search->runtime->interpreters.items[i] < search->runtime->layouts.at.sizeof_interpreter)
            return true;
    return false;
}

// The thread whose stack is in this segment up to `address`; false in `*ret_live` where the stack ended
// before.
static uint32_t find_thread(const struct search *search, const struct hc_segment *segment, uint64_t address,
                            bool *ret_live)
{
    const struct hc_process_info *process = hc_image_process(search->runtime->image);
    uint32_t found = UINT32_MAX;
    uint64_t nearest = 0;
    *ret_live = true;
    for (size_t i = 0; i < process->thread_count; i++) {
        uint64_t pointer = hc_image_stack_in_use(search->runtime->image, &process->threads[i]);
        if (pointer - segment->address >= segment->length)
            continue;
        if (pointer - RED_ZONE <= address && pointer > nearest) {
            nearest = pointer;
            found = (uint32_t)i;
        }
        *ret_live = false;
    }
    *ret_live |= found != UINT32_MAX;
    return found;
}

static struct hc_error *add_hit(struct search *search, struct hc_tracer *tracer, struct part *part,
                                const struct hc_segment *segment, uint64_t address, uint32_t item)
{
    uint32_t unused;
    bool is_live;
    const struct hc_pool *pool = hc_pools_find(&search->graph->pools, address);
    uint32_t object =
        pool ? find_in_pool(search->graph, pool, address) : find_outside(search->graph, tracer, address);
    if (object == NOWHERE || (object != OUTSIDE && !is_untraced(search, object, address, item)) ||
        hc_address_map_find(&search->slots, address, &unused) || is_in_data_stack(search, address))
        return NULL;
    struct hc_holder holder = {item, HC_HOLDER_CHUNK, address, UINT32_MAX};
    if (object != OUTSIDE) {
        holder.kind = HC_HOLDER_OBJECT;
    } else if (pool) {
        holder.kind = HC_HOLDER_BLOCK;
    } else if (is_in_interpreter(search, address)) {
        holder.kind = HC_HOLDER_STATE;
    } else if (hc_image_find_module(search->runtime->image, address)) {
        holder.kind = HC_HOLDER_STATIC;
    } else {
        holder.thread = find_thread(search, segment, address, &is_live);
        if (!is_live)
            return NULL;
        if (holder.thread != UINT32_MAX)
            holder.kind = HC_HOLDER_STACK;
    }
    return hc_holder_vector_push(&part->holders, holder) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *search_piece(void *argument, unsigned worker, size_t task)
{
    struct search *search = argument;
    const struct piece *piece = &search->pieces.items[task];
    const struct hc_target *target = hc_image_target(search->runtime->image);
    uint64_t end =
        piece->segment->length - piece->offset > PIECE ? piece->offset + PIECE : piece->segment->length;
    for (uint64_t offset = piece->offset; offset + target->word_size <= end; offset += target->word_size) {
        uint64_t word = hc_load_word(target, piece->segment->bytes + offset);
        if (word - search->least > search->most - search->least)
            continue;
        uint64_t bit = filter_bit(search, word);
        uint32_t item;
        if (search->filter[bit / 64] >> (bit % 64) & 1 && hc_address_map_find(&search->objects, word, &item))
            HC_TRY(add_hit(search, &search->walk->tracers[worker], &search->parts[task], piece->segment,
                           piece->segment->address + offset, item));
    }
    return NULL;
}

static struct hc_error *search_registers(struct search *search)
{
    const struct hc_process_info *process = hc_image_process(search->runtime->image);
    const struct hc_target *target = hc_image_target(search->runtime->image);
    for (size_t i = 0; i < process->thread_count; i++) {
        const struct hc_thread_info *thread = &process->threads[i];
        for (size_t at = 0; thread->registers && at + target->word_size <= thread->registers_size;
             at += target->word_size) {
            uint32_t item;
            if (hc_address_map_find(&search->objects, hc_load_word(target, thread->registers + at), &item) &&
                !hc_holder_vector_push(
                    &search->audit->holders,
                    (struct hc_holder){item, HC_HOLDER_REGISTER, at / target->word_size, (uint32_t)i}))
                return hc_error_out_of_memory();
        }
    }
    return NULL;
}

static struct hc_error *collect(struct search *search)
{
    for (size_t i = 0; i < search->pieces.count; i++) {
        struct hc_holder_vector *from = &search->parts[i].holders, *to = &search->audit->holders;
        if (!from->count)
            continue;
        if (!hc_holder_vector_reserve(to, to->count + from->count))
            return hc_error_out_of_memory();
        memcpy(to->items + to->count, from->items, from->count * sizeof(*from->items));
        to->count += from->count;
        hc_holder_vector_deinit(from);
    }
    return NULL;
}

static int by_item(const void *a, const void *b)
{
    const struct hc_holder *left = a, *right = b;
    if (left->item != right->item)
        return left->item < right->item ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return (left->address > right->address) - (left->address < right->address);
}

// Each word may be one reference; where there are more than are missing, the likelier ones are kept.
static void assign(struct hc_audit *audit)
{
    size_t kept = 0;
    if (audit->holders.count)
        qsort(audit->holders.items, audit->holders.count, sizeof(*audit->holders.items), by_item);
    for (size_t i = 0; i < audit->holders.count; i++) {
        const struct hc_holder *holder = &audit->holders.items[i];
        struct hc_audit_item *item = &audit->high.items[holder->item];
        if (!hc_audit_excess(item))
            continue;
        item->explained++;
        audit->holders.items[kept++] = *holder;
    }
    audit->holders.count = kept;
}

struct hc_error *hc_audit_explain(struct hc_audit_walk *walk, const struct hc_owned_root_vector *roots,
                                  struct hc_audit *audit)
{
    _cleanup_(search_deinit) struct search search = {
        .walk = walk, .graph = walk->graph, .runtime = walk->graph->types.runtime, .audit = audit};
    if (!audit->high.count)
        return NULL;
    HC_TRY(index_objects(&search));
    HC_TRY(index_roots(&search, &walk->tracers[0], roots));
    if (search.data_stacks.count)
        qsort(search.data_stacks.items, search.data_stacks.count, sizeof(*search.data_stacks.items),
              by_start);
    HC_TRY(cut_pieces(&search));
    HC_TRY(hc_parallel_run(walk->threads, search.pieces.count, search_piece, &search));
    HC_TRY(collect(&search));
    HC_TRY(hc_audit_drop_owned(walk, &audit->holders));
    HC_TRY(search_registers(&search));
    assign(audit);
    return NULL;
}
