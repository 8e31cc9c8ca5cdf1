// What the parts of the accounting hand to each other. Other folders see memory.h only.
//
// Walks (pymalloc's arenas, malloc's heaps) settle memory that is all here and that no other walk has
// settled, so what they count byte by byte stays true. The rest are plain claims; a sweep decides between
// them.
#pragma once

#include "memory/memory.h"
#include "memory/sweep.h"
#include "python/trace.h"

// Of claims that overlap the first in this list wins.
enum hc_claim_rank {
    HC_RANK_WALK,
    HC_RANK_OBJECT, // outside of all allocators: static ones
    HC_RANK_MAPPED_OBJECT,
    HC_RANK_INTERPRETER,
    HC_RANK_STACK,
    HC_RANK_BROKEN, // what a walk could not settle
    HC_RANK_MODULE,
    HC_RANK_FILE,
    HC_RANK_KERNEL,
    HC_RANK_RESERVED, // what an allocator may grow into
};

// What a walked range is made of.
struct hc_parts {
    uint64_t bytes[HC_MEMORY_COUNT], count[HC_MEMORY_COUNT], zero[HC_MEMORY_COUNT];
};

enum { HC_NOTHING = UINT32_MAX };

// Behind a claim's index.
struct hc_record {
    enum hc_memory_category category; // of walks: of what is lost to another claim
    uint32_t parts;                   // HC_NOTHING: all of it is of the category
    uint32_t place;                   // HC_NOTHING: none
    uint32_t type;                    // of an object; HC_NOTHING: none
    bool is_counted;
};

static inline struct hc_record hc_record_of(enum hc_memory_category category)
{
    return (struct hc_record){category, HC_NOTHING, HC_NOTHING, HC_NOTHING, false};
}

enum hc_owner_kind {
    HC_OWNER_BUFFER,      // a buffer of an object whose layout is known
    HC_OWNER_DATA,        // … of an extension's object
    HC_OWNER_WORD,        // a word in an extension's object: a buffer if a block begins there
    HC_OWNER_INTERPRETER, // a word in the interpreter's own data: the same
};

struct hc_owned {
    uint64_t address;
    uint32_t type;
    uint32_t kind;
};

HC_DEFINE_VECTOR(hc_parts_vector, struct hc_parts)
HC_DEFINE_VECTOR(hc_record_vector, struct hc_record)
HC_DEFINE_VECTOR(hc_owned_vector, struct hc_owned)

struct hc_account {
    const struct hc_session *session;
    const struct hc_graph *graph;
    const struct hc_image *image;
    const struct hc_runtime *runtime;
    struct hc_memory *memory;
    struct hc_reader reader;
    uint64_t page_size;
    const char *other_allocator; // than glibc's; NULL: none
    unsigned threads;
    struct hc_memory_kind *kinds; // by type index
    size_t kind_count;
    uint64_t *buffer_slots, *data_slots;  // bitmaps over the pools' slots, a word for each of theirs
    struct hc_word_vector python_threads; // PyThreadState addresses
    struct hc_owned_vector owned;         // outside of the pools, ascending
    struct hc_claim_vector bounds;        // what the core holds
    struct hc_claim_vector taken;         // by walks; disjoint, ascending
    struct hc_claim_vector claims;
    struct hc_record_vector records;
    struct hc_parts_vector parts;
};

// ---- account.c

// Is all of it in the core?
bool hc_account_holds(const struct hc_account *account, uint64_t start, uint64_t end);
// Is some of it?
bool hc_account_touches(const struct hc_account *account, uint64_t start, uint64_t end);
// The piece of the core's memory that has `address`; NULL: none.
const struct hc_claim *hc_account_bound(const struct hc_account *account, uint64_t address);
// Where after `address` the next walk's range begins, UINT64_MAX if nowhere; `address` itself if it is in
// one.
uint64_t hc_account_next_taken(const struct hc_account *account, uint64_t address);
// Adds a plain claim.
struct hc_error *hc_account_claim(struct hc_account *account, uint64_t start, uint64_t end,
                                  enum hc_claim_rank rank, struct hc_record record);
// Adds what a walk has settled: it must be in the core, and not taken.
struct hc_error *hc_account_settle(struct hc_account *account, uint64_t start, uint64_t end,
                                   enum hc_memory_category remains, const struct hc_parts *parts);
// `*ret` = the number of a new place.
struct hc_error *hc_account_add_place(struct hc_account *account, const struct hc_memory_place *place,
                                      uint32_t *ret);
// The bytes of pages that hold nothing but zeros.
struct hc_error *hc_account_count_zero(struct hc_account *account, uint64_t start, uint64_t end,
                                       uint64_t *ret);
// What nobody has claimed so far.
struct hc_error *hc_account_find_gaps(struct hc_account *account, struct hc_claim_vector *ret);
static inline void hc_parts_add(struct hc_parts *parts, enum hc_memory_category category, uint64_t bytes,
                                uint64_t count)
{
    parts->bytes[category] += bytes;
    parts->count[category] += count;
}

enum hc_memory_category hc_account_object_category(const struct hc_account *account, uint32_t object);

// ---- the rest, a file each

// Who owns which block: fills the bitmaps and `owned`.
struct hc_error *hc_account_owners(struct hc_account *account);
struct hc_error *hc_account_pymalloc(struct hc_account *account);
// glibc's heaps; then chunks with a mapping of their own, in what is left when all but objects is claimed.
struct hc_chunk_sizes;
struct hc_error *hc_account_heaps(struct hc_account *account, struct hc_chunk_sizes *others);
struct hc_error *hc_account_mapped_chunks(struct hc_account *account, struct hc_chunk_sizes *others);
struct hc_error *hc_account_places(struct hc_account *account);
// Stacks that the C library keeps of threads that have ended: in what is left then.
struct hc_error *hc_account_ended_stacks(struct hc_account *account);
// Objects that no walk came to: static ones, and those of other allocators.
struct hc_error *hc_account_objects(struct hc_account *account);
