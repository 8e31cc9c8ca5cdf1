// The struct that functions work on: told by the types of their parameters and variables, and by its size.
// Knows C types; knows nothing of Python.
#pragma once

#include "base/vector.h"
#include "layout/layout.h"

#define HC_NO_BLOCK UINT64_MAX

struct hc_struct_request {
    const uint64_t *functions; // where they begin, in the process
    size_t function_count;
    uint64_t size;      // of the struct
    uint64_t item_size; // 0: of just that size; else items of this size follow, one of which it may have
    const char *head;   // what it and its like begin with is a struct that has this member
    bool is_headless;   // … but it itself begins with something else
    unsigned word_size;
};

enum hc_struct_member_kind {
    HC_MEMBER_OBJECT,  // pointer to a struct of the like
    HC_MEMBER_UNTYPED, // pointer that may be one: to void, to what is nowhere complete, or in a union
    HC_MEMBER_ITEMS,   // pointer to an array of pointers to structs of the like
    HC_MEMBER_COUNT,   // integer that may count them
};

struct hc_struct_member {
    char *name;      // path; of a base's member, that alone; of a block's, "extra->children"
    uint64_t offset; // in the struct, or in the block
    uint64_t block;  // offset of the pointer to the block, a struct of another sort; or HC_NO_BLOCK
    uint8_t kind;    // enum hc_struct_member_kind
    uint8_t size;    // in bytes
    bool is_element; // of an array within the struct
    bool is_open;    // the first of an array without end, of pointers to structs of the like
};

HC_DEFINE_VECTOR(hc_struct_member_vector, struct hc_struct_member)

struct hc_struct {
    char *name; // typedef or tag; NULL: none
    uint64_t size;
    struct hc_struct_member_vector members;
};

void hc_struct_deinit(struct hc_struct *structure);

// Each function votes for the structs of the wanted size that its parameters and variables point to, those of
// inlined calls and what these return included. `ret` stays empty if none has more votes than all others.
struct hc_error *hc_debug_info_find_struct(struct hc_debug_info *info,
                                           const struct hc_struct_request *request, struct hc_struct *ret);
