// Heap definitions as they were read: what a file says, before any process is known.
// Everything belongs to the file; pointers between its parts stay valid with it.
#pragma once

#include "base/error.h"
#include "base/vector.h"
#include "python/relate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where something lies in a C struct: a member by its name, or so many bytes at an offset.
struct hc_definition_place {
    char *member; // path, "table.used"; NULL: see offset
    uint64_t offset;
    uint8_t width; // 1, 2, 4, 8; 0: a word
};

HC_DEFINE_VECTOR(hc_definition_places, struct hc_definition_place)

enum hc_definition_operation {
    HC_DEFINITION_NUMBER,
    HC_DEFINITION_PLACE,     // the integer there
    HC_DEFINITION_BASICSIZE, // tp_basicsize of the object's class
    HC_DEFINITION_ITEMSIZE,  // tp_itemsize
    HC_DEFINITION_LENGTH,    // ob_size
    HC_DEFINITION_SIZEOF,    // of the block's struct
    HC_DEFINITION_ADD,
    HC_DEFINITION_SUBTRACT,
    HC_DEFINITION_MULTIPLY,
    HC_DEFINITION_DIVIDE,
    HC_DEFINITION_AND,   // bit by bit
    HC_DEFINITION_EQUAL, // comparisons give 1 or 0
    HC_DEFINITION_UNEQUAL,
    HC_DEFINITION_LESS,
    HC_DEFINITION_GREATER,
};

struct hc_definition_step {
    enum hc_definition_operation operation;
    uint64_t value; // NUMBER: it; PLACE: its index
};

// In postfix order. Checked when it was read: the steps leave one value and need no deeper stack.
HC_DEFINE_VECTOR(hc_definition_expression, struct hc_definition_step)
enum { HC_DEFINITION_STACK = 16 };

// How an object refers to another through an item.
enum hc_definition_naming {
    HC_NAMING_DEFAULT, // the members on the way to it
    HC_NAMING_NAME,    // .name, ->name; the first * in it stands for the position in the array or list
    HC_NAMING_NUMBER,  // [*], .keys()[*]
    HC_NAMING_KEY,     // [member]: the value of the object that this member points to
};

struct hc_definition_relation {
    enum hc_definition_naming naming;
    enum hc_link_kind kind;
    char *name;   // of NAME
    uint32_t key; // of KEY: a place
};

enum hc_definition_item_kind {
    HC_ITEM_VISITED,  // a reference that tp_traverse visits
    HC_ITEM_HELD,     // one that it does not visit
    HC_ITEM_BORROWED, // not a reference
    HC_ITEM_NESTED,   // a block, in place or behind a pointer
    HC_ITEM_ARRAY,    // of references or blocks
    HC_ITEM_LIST,     // of blocks, linked
    HC_ITEM_BUFFER,   // memory that belongs to the object
};

struct hc_definition_block;

struct hc_definition_item {
    enum hc_definition_item_kind kind;
    unsigned line;
    bool is_pointer;                       // what is meant lies where the place points to, not there itself
    bool are_pointers;                     // an array of pointers to blocks
    uint32_t place;                        // of the block that the item stands in
    char *element_name;                    // of the blocks; NULL: references
    struct hc_definition_place next_place; // LIST: what in each block points to the next
    const struct hc_definition_block *element;
    uint32_t next; // LIST: the place of that in the element
    struct hc_definition_expression count;
    struct hc_definition_relation relation;
};

HC_DEFINE_VECTOR(hc_definition_items, struct hc_definition_item)

// A C struct: of a type's instances, or one that they point to.
struct hc_definition_block {
    char *name;
    unsigned line;
    size_t index;    // among the blocks of the file
    char *structure; // its name in the debug information, or NULL
    struct hc_definition_places places;
    struct hc_definition_items items;
    struct hc_definition_expression size; // of a type: __sizeof__; of a block: its length. Empty: none
};

HC_DEFINE_VECTOR(hc_definition_blocks, struct hc_definition_block *)
HC_DEFINE_VECTOR(hc_definition_names, char *)

struct heapdef_type;

struct hc_definition {
    const struct hc_definition_file *file;
    struct hc_definition_names names; // patterns
    unsigned line;
    struct hc_definition_block *block; // NULL: of a plugin
    const struct heapdef_type *plugin; // NULL: of a text file
    char *base;                        // the definition that this one goes on from; NULL: see no_base
    bool no_base;                      // not even from its tp_base
    bool hides_class;                  // its tp_traverse does not visit the class
    uint64_t basicsize;                // made for types of this size; 0: any
};

HC_DEFINE_VECTOR(hc_definition_vector, struct hc_definition *)

struct hc_definition_file {
    char *path;
    struct hc_definition_vector definitions; // in their order
    struct hc_definition_blocks blocks;      // those of the definitions among them
    void *library;                           // of a plugin
};

struct hc_error *hc_definition_file_read(const char *path, struct hc_definition_file **ret);
// A shared object after heapcore/heapdef.h.
struct hc_error *hc_definition_plugin_open(const char *path, struct hc_definition_file **ret);
void hc_definition_file_destroy(struct hc_definition_file *file);
HC_DEFINE_POINTER_CLEANUP(hc_definition_file_destroy, struct hc_definition_file)

void hc_definition_block_destroy(struct hc_definition_block *block);
void hc_definition_destroy(struct hc_definition *definition);
HC_DEFINE_POINTER_CLEANUP(hc_definition_destroy, struct hc_definition)

// Whether `pattern`, where * stands for any characters, fits all of `name`.
bool hc_definition_matches(const char *pattern, const char *name);
