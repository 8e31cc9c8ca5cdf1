// One object at a time: its type, its size, what it refers to. Works on untrusted memory: whatever cannot be
// read is counted and left out.
#pragma once

#include "base/parallel.h"
#include "base/vector.h"
#include "emulator/emulator.h"
#include "python/types.h"

#include <stdint.h>

struct hc_object_view {
    const struct hc_type *type;
    uint64_t address;
    const uint8_t *bytes; // at address
    uint64_t available;   // bytes readable from there on
};

// What hc_tracer_trace() found, valid until its next call.
struct hc_references {
    struct hc_word_vector visited;   // what tp_traverse visits: gc.get_referents(), as a multiset
    struct hc_word_vector held;      // owned, but not visited (code constants, names, a dict's str keys …)
    struct hc_word_vector buffers;   // heap blocks that belong to the object (list items, dict keys …)
    uint64_t dict;                   // the dict in its dict slot, or 0
    size_t items_first, items_count; // in `visited`: what the row's own function found
    // Attribute values that live in the object or in a block of their own, and never were made a dict: they
    // stand in `visited` from values_first on. values_address is 0 if there are none.
    uint64_t values_address;
    uint64_t values_size; // bytes that they really take
    size_t values_first, values_count;
    enum hc_how how;
    enum hc_emulation emulation; // why its tp_traverse was not emulated; DONE: it was, or had not to be
};

// A per-thread working set.
struct HC_ALONE hc_tracer {
    const struct hc_runtime *runtime;
    const struct hc_offsets *at;
    struct hc_type_table *types;
    struct hc_reader object_reader; // follows the objects
    struct hc_reader reader;        // follows what they point to
    struct hc_references references;
    bool has_short_refcount; // the count is half a word, flags are the other half: 64-bit builds since 3.14
    uint64_t unreadable;     // pointers followed into holes
    bool is_contradictory;   // what was traced last has counts that are not those of its contents
    bool out_of_memory;
    bool size_is_exact;           // what hc_tracer_size() gave last
    struct hc_emulated *emulated; // NULL until the first function is emulated
    struct hc_type_cache_line *type_cache;
    _Atomic uint64_t *allowance; // words that may still be read; NULL: without limit
};

// For tracers that walk the whole heap together. Every word belongs to one object, so an honest heap is read
// a few times at most; forged counts could have every object read all of it.
uint64_t hc_tracer_allowance(const struct hc_image *image);

struct hc_error *hc_tracer_init(struct hc_tracer *tracer, struct hc_type_table *types);
void hc_tracer_deinit(struct hc_tracer *tracer);

// hc_type_table_find() through a small cache, for yes as well as for no.
const struct hc_type *hc_tracer_find_type(struct hc_tracer *tracer, uint64_t address);
// Is there a live object at `address`? Fills `ret`.
bool hc_tracer_view(struct hc_tracer *tracer, uint64_t address, struct hc_object_view *ret);
// The reference count of the object that begins at `bytes`; 0, which no live one has, where flags that stand
// beside it since 3.14 make no sense.
uint64_t hc_tracer_load_refcount(const struct hc_tracer *tracer, const uint8_t *bytes);
// A reference count that a live object may have.
bool hc_tracer_refcount_is_plausible(uint64_t refcount);
// Programs that are not position-independent have addresses below 4 GiB: what seems to be a count may be the
// first of two pointers, the second of them to a type.
bool hc_tracer_refcount_is_pointer(struct hc_tracer *tracer, uint64_t refcount);
uint64_t hc_tracer_refcount(struct hc_tracer *tracer, const struct hc_object_view *object);

// tracer->references = what `object` refers to.
void hc_tracer_trace(struct hc_tracer *tracer, const struct hc_object_view *object);
// sys.getsizeof(object); tracer->size_is_exact is false if only code that cannot be run knows it, or memory
// that is not there.
uint64_t hc_tracer_size(struct hc_tracer *tracer, const struct hc_object_view *object);
// tp_is_gc: static types and such are not, though their type is.
bool hc_tracer_is_gc(const struct hc_tracer *tracer, const struct hc_object_view *object);
// On a garbage collector's list.
bool hc_tracer_is_tracked(struct hc_tracer *tracer, const struct hc_object_view *object);
// The collector keeps flags in the lowest bits of its links.
enum { HC_LINK_FLAGS = 7 };

// Do the links of the collector's list before the object, or what stands in their place, lead to a neighbour
// whose own link leads back? In a block with a dead object's header they do not. Where both neighbours may
// have gone with the core's end: true.
bool hc_tracer_is_linked(struct hc_tracer *tracer, uint64_t address);
// Before an object that the collector may know stand such links, or none. Before 3.7: true, for what is not
// tracked keeps its old ones.
bool hc_tracer_has_sound_head(struct hc_tracer *tracer, uint64_t address);
// Is it what is left of a freed object, as far as the collector's links tell? For what only a doubtful
// pointer leads to.
bool hc_tracer_is_left_over(struct hc_tracer *tracer, const struct hc_object_view *object);

// For decoders.
uint64_t hc_view_word(const struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t offset);
int64_t hc_view_signed(const struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t offset);
void hc_trace_visit(struct hc_tracer *tracer, uint64_t address);
void hc_trace_hold(struct hc_tracer *tracer, uint64_t address);
void hc_trace_buffer(struct hc_tracer *tracer, uint64_t address);
// May `words` more be read? What small objects need is always granted.
bool hc_trace_afford(struct hc_tracer *tracer, uint64_t words);
// Visits each non-NULL word of an array of pointers; stops at a hole.
void hc_trace_visit_array(struct hc_tracer *tracer, uint64_t address, uint64_t count);
// ob_size of the variable-sized object at `address`; 0 for none, and for a hole, where no size is exact.
uint64_t hc_trace_length(struct hc_tracer *tracer, uint64_t address);
uint64_t hc_object_size_default(struct hc_tracer *tracer, const struct hc_object_view *object);

// Interpreter frames (3.11 and later), shared by frames, generators and threads.
// What tp_traverse would visit.
void hc_trace_interpreter_frame(struct hc_tracer *tracer, uint64_t address);
// The code object that it runs, or 0.
uint64_t hc_interpreter_frame_code(struct hc_tracer *tracer, uint64_t address);
// How many of its slots are in use; false while only a register of its thread tells.
bool hc_interpreter_frame_depth(struct hc_tracer *tracer, uint64_t address, uint64_t *ret);
// Since 3.14 the lowest bits of what stands in a frame are a tag (Include/internal/pycore_stackref.h): 1 has
// a reference that is not counted, NULL among them; 3 an int that is no object. Addresses have neither.
static inline uint64_t hc_stack_reference(uint64_t slot)
{
    return (slot & 3) == 3 ? 0 : slot & ~(uint64_t)3;
}
static inline bool hc_stack_is_borrowed(uint64_t slot)
{
    return (slot & 3) == 1;
}
// What the slot at `address` refers to, of frames of any version. False for a hole.
static inline bool hc_read_stack_slot(struct hc_tracer *tracer, uint64_t address, uint64_t *ret)
{
    if (!hc_reader_word(&tracer->reader, address, ret))
        return false;
    *ret = hc_stack_reference(*ret);
    return true;
}
// Slots of locals, cells, free variables and value stack.
uint64_t hc_code_frame_slots(struct hc_tracer *tracer, uint64_t code, bool with_stack);
// Address of the str that names the variable in a slot; 0 if it is not known.
uint64_t hc_code_variable(struct hc_tracer *tracer, uint64_t code, uint64_t slot);
