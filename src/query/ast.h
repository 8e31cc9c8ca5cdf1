// What a line of the query language says, as a tree. Knows nothing of heaps.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HC_AST_MAX_DEPTH = 200,           // of a tree and of nested brackets: a recursive walk is safe
    HC_AST_MAX_STATEMENT = 64 * 1024, // bytes
};

// A byte range of the source.
struct hc_span {
    size_t offset;
    size_t length;
};

// UTF-8; a lone surrogate is U+FFFD, as in every string that is read from a heap. Ends in a NUL beyond
// `length`, and holds no other.
struct hc_text {
    const char *bytes; // NULL: absent
    size_t length;
};

enum hc_node_kind {
    HC_NODE_NAME,      // h; .text
    HC_NODE_STRING,    // 'a'; .text, unescaped
    HC_NODE_INTEGER,   // 0x10; .integer, never negative
    HC_NODE_BOOLEAN,   // True; .boolean
    HC_NODE_NONE,      // None
    HC_NODE_SEQUENCE,  // (a, b), [a], (); .sequence
    HC_NODE_ATTRIBUTE, // a.b; .attribute
    HC_NODE_CALL,      // a(b, c=d); .call
    HC_NODE_INDEX,     // a[b]; .index
    HC_NODE_SLICE,     // a[b:c]; .slice
    HC_NODE_UNARY,     // ~a; .unary
    HC_NODE_BINARY,    // a & b, a < b; .binary
};

enum hc_operator {
    HC_OPERATOR_INVERT,        // ~a
    HC_OPERATOR_NEGATE,        // -a
    HC_OPERATOR_ADD,           // a + b
    HC_OPERATOR_SUBTRACT,      // a - b
    HC_OPERATOR_AND,           // a & b
    HC_OPERATOR_XOR,           // a ^ b
    HC_OPERATOR_OR,            // a | b
    HC_OPERATOR_EQUAL,         // a == b
    HC_OPERATOR_NOT_EQUAL,     // a != b
    HC_OPERATOR_LESS,          // a < b
    HC_OPERATOR_LESS_EQUAL,    // a <= b
    HC_OPERATOR_GREATER,       // a > b
    HC_OPERATOR_GREATER_EQUAL, // a >= b
    HC_OPERATOR_IN,            // a in b
    HC_OPERATOR_NOT_IN,        // a not in b
};

struct hc_argument {
    struct hc_text name; // absent: positional; named ones come last, each name once
    struct hc_span name_span;
    struct hc_node *value;
};

// Everything that a node points to belongs to its hc_ast.
struct hc_node {
    enum hc_node_kind kind;
    unsigned depth;      // 1: a leaf
    struct hc_span span; // with the parentheses around it
    union {
        struct hc_text text;
        int64_t integer;
        bool boolean;
        struct {
            struct hc_node **items;
            size_t count;
        } sequence;
        struct {
            struct hc_node *object;
            struct hc_text name;
            struct hc_span name_span; // without the dot
        } attribute;
        struct {
            struct hc_node *function;
            struct hc_argument *arguments;
            size_t count;
        } call;
        struct {
            struct hc_node *object;
            struct hc_node *key;
        } index;
        struct {
            struct hc_node *object;
            struct hc_node *start; // NULL: from the first
            struct hc_node *stop;  // NULL: to the last
        } slice;
        struct {
            enum hc_operator op;
            struct hc_node *operand;
        } unary;
        struct {
            enum hc_operator op;
            struct hc_span operator_span;
            struct hc_node *left;
            struct hc_node *right;
        } binary;
    };
};

struct hc_statement {
    struct hc_text target; // `target = expression`; absent: the expression alone
    struct hc_span target_span;
    struct hc_span span; // from the first to the last token, comments left out
    struct hc_node *expression;
};

struct hc_ast {
    const char *source; // a copy of what was parsed; spans point into it
    struct hc_statement *statements;
    size_t count;
    struct hc_arena *arena; // holds all of the above
};

// As Python writes it: "not in".
const char *hc_operator_text(enum hc_operator op);
