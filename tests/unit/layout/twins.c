// The same static names as in shapes.c, and a struct of its own.
#include "shapes.h"

static int twin = 2;

__attribute__((noinline)) static int traverse(int value)
{
    return value - twin;
}

struct only_in_twins {
    long first;
    short second;
} twins_only;

Link twins_link;

int twins_use(int value);
int twins_use(int value)
{
    twin -= value;
    return traverse(value);
}

int *twins_twin(void);
int *twins_twin(void)
{
    return &twin;
}
