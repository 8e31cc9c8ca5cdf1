// Structs of every form that layouts have to understand. Compiled into shapes.so with several kinds of debug
// information, and into the tests, whose offsetof() is the truth.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct hidden; // never defined

typedef struct thing {
    intptr_t references;
    struct thing *kind;
} Thing;

// A typedef of an anonymous struct, with an array of unknown size at its end.
typedef struct {
    Thing base;
    ptrdiff_t count;
    Thing *items[];
} Tuple;

struct link {
    struct link *next, *previous;
};

typedef struct link Link;
typedef const Link ConstLink;
typedef uint8_t Digit;
enum color { RED, GREEN = 1000 };

struct bits {
    char first;
    unsigned int interned : 2;
    unsigned int kind : 3;
    unsigned int compact : 1;
    unsigned int : 0;
    unsigned long long wide : 40;
    unsigned long long rest : 24;
    unsigned char flag : 1;
    unsigned char more : 7;
    int negative : 5;
};

struct __attribute__((packed)) packed_bits {
    char first;
    unsigned int low : 7;
    unsigned int across : 11;
    unsigned long long far : 33;
    unsigned int last : 5;
};

struct big {
    char tag;
    union {
        struct {
            uint32_t hash;
            union {
                uint64_t key;
                double number;
            };
        };
        Thing *whole;
    };
    volatile ConstLink generations[3];
    Digit matrix[2][3][4];
    struct {
        Link heads[2];
        enum color color;
        struct bits bits;
    } nested;
    void (*call)(struct big *, int);
    Thing *single;
    struct thing *by_tag;
    const Thing *constant;
    Thing **indirect;
    Thing *row[4];
    Thing *grid[2][5];
    struct {
        Thing *inside;
        int padding;
    } table[3];
    struct {
        Thing *lost;
    } crowd[600];
    union {
        Thing *overlaid;
        long number_instead;
    } either;
    struct {
        Thing *seen_through;
    };
    struct hidden *opaque;
    int32_t empty[0];
    char last;
};
