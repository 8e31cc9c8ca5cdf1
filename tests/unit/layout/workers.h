// Structs that the functions of workers.c work on. Things are what begins with a Thing.
#pragma once

#include "shapes.h"

struct extra {
    Thing *first;
    size_t length;
    Thing **children;
    Thing *few[2];
};

typedef struct {
    Thing base;
    Thing *function;
    Thing *arguments;
    struct hidden *opaque;
    void *anything;
    double weight;
    const char *text;
} Partial;

struct derived {
    Partial base;
    Thing *own;
    const Tuple *fixed[3];
    struct {
        struct thing *inner;
        int number;
    } nested[2];
    union {
        Thing *one;
        long other;
    } either;
    struct extra *extra;
    Thing **items;
    unsigned count;
    struct derived *next;
    Link link;
};

// Two of one size.
struct left {
    Thing base;
    Thing *left;
    long sevens[7];
};

struct right {
    Thing base;
    long sevens[7];
    Thing *right;
};

struct state {
    Thing *exception;
    Tuple *cache;
    long padding[99];
};

void derived_visit(struct derived *self, Thing **ret);
void derived_free(Thing *thing);
void derived_inlined(Thing *thing);
void left_visit(struct left *self);
void left_free(Thing *thing);
void right_visit(struct right *self);
void tuple_visit(Tuple *self);
void state_visit(Thing *module);
