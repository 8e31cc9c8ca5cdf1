// Types of the process under study, and the registry of decoders for the common built-in ones.
#pragma once

#include "base/error.h"
#include "base/vector.h"
#include "image/image.h"
#include "python/runtime.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// tp_flags, Include/object.h.
enum hc_type_flag {
    HC_TYPE_INLINE_VALUES = 1u << 2,   // since 3.13: attribute values follow the object
    HC_TYPE_MANAGED_WEAKREF = 1u << 3, // since 3.12: weak reference list in the pre-header
    HC_TYPE_MANAGED_DICT = 1u << 4,    // since 3.11: dict in the pre-header
    HC_TYPE_HEAPTYPE = 1u << 9,
    HC_TYPE_HAVE_GC = 1u << 14,
    HC_TYPE_BASE_EXC_SUBCLASS = 1u << 30,
    HC_TYPE_TYPE_SUBCLASS = 1u << 31,
};

enum hc_how {
    HC_HOW_DECODER,    // a decoder of ours
    HC_HOW_DEFINITION, // a heap definition that the user gave
    HC_HOW_DWARF,      // the struct that the type's own debug information describes
    HC_HOW_EMULATED,   // its tp_traverse, run over the image
    HC_HOW_WORDS,      // each aligned word that points to the start of a known object
    HC_HOW_COUNT
};

const char *hc_how_name(enum hc_how how);

struct hc_tracer;
struct hc_definition_use;
struct hc_object_view;
struct hc_relater;
struct hc_native_structs;

typedef void hc_traverse_fn(struct hc_tracer *tracer, const struct hc_object_view *object);
typedef void hc_relate_fn(struct hc_relater *relater, const struct hc_object_view *object);
typedef bool hc_own_code_fn(struct hc_tracer *tracer, const struct hc_object_view *object);
typedef uint64_t hc_size_fn(struct hc_tracer *tracer, const struct hc_object_view *object);

// One row per built-in type with a layout of its own. Member lists are names divided by blanks; a member that
// a version does not have is left out there. `member=name`: Python code sees it as that attribute, `member=`:
// by the same name.
struct hc_type_row {
    const char *names;        // tp_name of the static types, alternatives divided by '|'
    const char *structure;    // the C struct of its instances
    const char *unit;         // source file that has it
    const char *visits;       // members that tp_traverse visits
    const char *holds;        // owned references that it does not visit
    hc_traverse_fn *traverse; // what no member list can say; runs after the lists
    hc_own_code_fn *own_code; // does its tp_traverse run code that no row can know? NULL: no
    hc_traverse_fn *guess;    // … what that may visit, where it cannot be emulated
    hc_relate_fn *relate;     // how it refers to what no member list says
    hc_size_fn *size;         // __sizeof__; NULL: object.__sizeof__
    bool fits_blocks;         // the size is at most that of its block and of its buffers
    bool has_shared_values;   // … but for values that are not its own
};

extern const struct hc_type_row
    *const hc_type_families[]; // arrays ended by a row without names; ended by NULL

enum { HC_ROW_MEMBERS = 16 };

struct hc_member_name {
    const char *name;  // belongs to the layouts
    bool is_attribute; // what Python code calls it, not what C code does
};

// A row's members, resolved.
struct hc_row_layout {
    const struct hc_type_row *row;
    uint32_t size; // of the struct
    uint8_t visit_count, hold_count;
    uint32_t visits[HC_ROW_MEMBERS];
    uint32_t holds[HC_ROW_MEMBERS];
    struct hc_member_name visit_names[HC_ROW_MEMBERS];
    struct hc_member_name hold_names[HC_ROW_MEMBERS];
};

enum hc_dict_place {
    HC_DICT_NONE,      // no __dict__, or its base's decoder knows it
    HC_DICT_AT_OFFSET, // tp_dictoffset > 0
    HC_DICT_AT_END,    // tp_dictoffset < 0: counted from the end of a variable-sized object
    HC_DICT_OR_VALUES, // 3.11: two words before the GC head
    HC_DICT_TAGGED,    // 3.12: one word, its lowest bit tells values from dict
    HC_DICT_MANAGED,   // 3.13: one word; values may be inline, after the object
};

// A type object. Owned by the table; immutable once published.
struct hc_type {
    uint64_t address;
    uint32_t index; // in the table
    uint32_t flags;
    uint64_t basicsize;
    uint64_t least_size; // what an instance surely takes behind its header
    uint64_t itemsize;
    int64_t dictoffset;
    int64_t weaklistoffset;
    uint64_t cached_keys;           // of a heap type, or 0
    const struct hc_type *metatype; // NULL: itself
    const struct hc_type *base;     // NULL for object
    unsigned height;                // longest way to a type without base and metatype
    const struct hc_type *native; // the first on the tp_base chain that is not of a class statement; or NULL
    uint64_t traverse;            // its tp_traverse, or 0
    const struct hc_row_layout
        *layout; // how the native part is traced; with words left: that of a base of it
    const struct hc_definition_use *definition; // what the user says of the native part, or NULL
    hc_size_fn *size;
    bool has_row;             // of its own in the registry
    bool has_own_sizeof;      // a __sizeof__ that no decoder stands for …
    uint64_t sizeof_function; // … and the C function behind it, or 0
    uint64_t sizeof_class;    // … its second argument: the class that defines it, or 0
    uint8_t header_size;      // GC head and pre-header
    bool is_gc;
    bool visits_type;        // instances visit their type (subtype_traverse, since 3.9)
    bool native_visits_type; // … its tp_traverse does, where it cannot be emulated
    bool native_has_dict;    // the tp_traverse that is emulated visits the managed dict
    bool is_dict;            // exactly dict
    bool has_items;          // tuple, bytes and what derives from them: ob_size items follow
    bool is_leaf;            // instances refer to nothing and own no buffer
    enum hc_how how;
    enum hc_dict_place dict_place;
    uint64_t words_from, words_to; // the part that is traced by words; empty if from == to
    bool words_visited;            // … by a tp_traverse; else what is found there is merely held
    uint32_t hidden_items;         // of a struct sequence: fields beyond the visible ones
    uint32_t *slots;               // offsets of __slots__ members
    size_t slot_count;
    char *module;   // "builtins", "collections"
    char *name;     // __name__
    char *qualname; // __qualname__
};

HC_DEFINE_VECTOR(hc_type_vector, struct hc_type *)

struct hc_pools;

struct hc_type_table {
    const struct hc_runtime *runtime;
    const struct hc_pools *pools; // where the objects of these types lie; NULL until they are known
    pthread_mutex_t lock;
    struct hc_type_vector types;              // by index
    uint64_t *buckets;                        // address → index + 1, open addressing
    size_t bucket_count;                      // a power of two
    uint64_t slots_left;                      // slots of all types together, bounded by the size of the image
    struct hc_native_structs *native_structs; // see python/native_struct.h
};

struct hc_error *hc_type_table_init(struct hc_type_table *table, const struct hc_runtime *runtime);
void hc_type_table_deinit(struct hc_type_table *table);

// The type object at `address`, or NULL when there is no plausible one. Thread-safe. `depth` guards metatype
// chains: pass 0.
const struct hc_type *hc_type_table_find(struct hc_type_table *table, struct hc_reader *reader,
                                         uint64_t address, unsigned depth);

bool hc_type_is_heap(const struct hc_type *type);
// True if `base` is in the method resolution order of `type`.
bool hc_type_is_subtype(const struct hc_type_table *table, const struct hc_type *type,
                        const struct hc_type *base);
// True if `base` is on the tp_base chain of `type`.
bool hc_type_derives_from(const struct hc_type *type, const struct hc_type *base);
