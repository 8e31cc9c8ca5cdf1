// Functions as a type has them. Each works on its struct in another way.
#include "workers.h"

#define EXPORTED __attribute__((visibility("default"), noinline))

volatile int workers_sink;

EXPORTED void derived_visit(struct derived *self, Thing **ret)
{
    *ret = self->own;
}

EXPORTED void derived_free(Thing *thing)
{
    struct derived *self = (struct derived *)thing;
    if (self->count) {
        struct left *other = (struct left *)self->own;
        workers_sink = other->left != NULL;
    }
    workers_sink = (int)self->count;
}

static inline __attribute__((always_inline)) struct derived *cast(Thing *thing)
{
    workers_sink++; // so that the call leaves code of its own
    return (struct derived *)thing;
}

EXPORTED void derived_inlined(Thing *thing)
{
    workers_sink = (int)cast(thing)->count;
}

EXPORTED void left_visit(struct left *self)
{
    workers_sink = self->left != NULL;
}

EXPORTED void left_free(Thing *thing)
{
    struct left *self = (struct left *)thing;
    struct right *other = (struct right *)self->left;
    workers_sink = other->right != NULL;
}

EXPORTED void right_visit(struct right *self)
{
    workers_sink = self->right != NULL;
}

EXPORTED void tuple_visit(Tuple *self)
{
    workers_sink = self->items[0] != NULL;
}

EXPORTED void state_visit(Thing *module)
{
    struct state *state = (struct state *)module->kind;
    workers_sink = state->exception != NULL;
}
