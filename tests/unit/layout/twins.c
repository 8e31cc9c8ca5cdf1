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

// What link-time optimisation and function splitting make of names.
static int renamed __asm__("counted.lto_priv.0") __attribute__((used)) = 3;
static int cold(int value) __asm__("chilled.cold") __attribute__((used, noinline));
static int cold(int value)
{
    return value + renamed;
}
