#include "shapes.h"

struct big shapes_big;
Tuple shapes_tuple;
struct packed_bits shapes_packed;
Digit shapes_digit;
struct hidden *shapes_hidden;

static int twin = 1;

__attribute__((noinline)) static int traverse(int value)
{
    return value * twin;
}

int shapes_use(int value);
int shapes_use(int value)
{
    twin += value;
    return traverse(value);
}

__attribute__((visibility("default"))) int *shapes_twin(void);
int *shapes_twin(void)
{
    return &twin;
}
