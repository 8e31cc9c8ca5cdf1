// collections.deque: a list of blocks. Modules/_collectionsmodule.c.
#include "python/types/families.h"

struct cursor {
    struct hc_tracer *tracer;
    uint64_t block;
    uint64_t index; // in the block
    uint64_t left;  // items
};

static uint64_t block_length(const struct hc_offsets *at, unsigned word)
{
    return at->deque_block_right > at->deque_block_data
               ? (at->deque_block_right - at->deque_block_data) / word
               : 0;
}

static bool cursor_init(struct cursor *cursor, struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    int64_t count = hc_view_signed(tracer, object, at->var_size);
    *cursor = (struct cursor){
        .tracer = tracer,
        .block = hc_view_word(tracer, object, at->deque_left),
        .index = hc_view_word(tracer, object, at->deque_left_index),
        .left = count > 0 ? (uint64_t)count : 0,
    };
    return hc_is_present(at->deque_block_data) &&
           cursor->index < block_length(at, tracer->reader.target.word_size);
}

// The items of one block, as far as they can be read; false past the last.
static bool cursor_next(struct cursor *cursor, uint64_t *ret_address, uint64_t *ret_count)
{
    const struct hc_offsets *at = cursor->tracer->at;
    struct hc_reader *reader = &cursor->tracer->reader;
    unsigned word = reader->target.word_size;
    uint64_t room = block_length(at, word) - cursor->index;
    if (!cursor->left || !cursor->block)
        return false;
    *ret_address = cursor->block + at->deque_block_data + cursor->index * word;
    *ret_count = cursor->left < room ? cursor->left : room;
    cursor->left -= *ret_count;
    cursor->index = 0;
    if (!hc_reader_word(reader, cursor->block + at->deque_block_right, &cursor->block)) {
        cursor->tracer->unreadable++;
        return false;
    }
    return true;
}

static void deque_traverse(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    struct cursor cursor;
    uint64_t items, count;
    if (!cursor_init(&cursor, tracer, object) || !hc_trace_afford(tracer, cursor.left))
        return;
    hc_trace_buffer(tracer, cursor.block);
    while (cursor_next(&cursor, &items, &count)) {
        hc_trace_visit_array(tracer, items, count);
        if (cursor.left) // the last block's right link was never set
            hc_trace_buffer(tracer, cursor.block);
    }
}

static void deque_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    struct cursor cursor;
    uint64_t items, count, number = 0;
    if (!cursor_init(&cursor, relater->tracer, object) || !hc_trace_afford(relater->tracer, cursor.left))
        return;
    while (cursor_next(&cursor, &items, &count))
        for (uint64_t i = 0; i < count; i++, number++) {
            uint64_t item;
            if (hc_reader_word(&relater->tracer->reader, items + i * relater->tracer->reader.target.word_size,
                               &item))
                hc_relate_numbered(relater, HC_LINK_ITEM, item, number);
        }
}

// deque_sizeof()
static uint64_t deque_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_offsets *at = tracer->at;
    uint64_t length = block_length(at, tracer->reader.target.word_size);
    int64_t count = hc_view_signed(tracer, object, at->var_size);
    uint64_t end = hc_view_word(tracer, object, at->deque_left_index) + (count > 0 ? (uint64_t)count : 0);
    uint64_t blocks = length ? (end + length - 1) / length : 0;
    return object->type->basicsize + blocks * (at->deque_block_right + tracer->reader.target.word_size);
}

const struct hc_type_row hc_deque_types[] = {
    {.names = "collections.deque",
     .traverse = deque_traverse,
     .relate = deque_relate,
     .size = deque_size,
     .fits_blocks = true},
    {.names = "_collections._deque_iterator|_collections._deque_reverse_iterator",
     .structure = "dequeiterobject",
     .unit = "Modules/_collectionsmodule.c",
     .visits = "deque"},
    {0},
};
