#include "sets/findex.h"

#include "sets/derived.h"

#include <stdlib.h>
#include <string.h>

// Parts are passes over a set, those of findexes within counted each time.
enum { MOST_FINDEXES = 1000, MOST_DEPTH = 8, MOST_PARTS = 2000 };

void hc_findex_deinit(struct hc_findex *findex)
{
    for (size_t i = 0; i < findex->count; i++) {
        hc_kind_release(findex->kinds[i]);
        free(findex->names[i]);
    }
    free(findex->kinds);
    free(findex->names);
}

static unsigned parts_of(const struct hc_universe *universe, const struct hc_kind *kind)
{
    unsigned parts = 0;
    for (; kind && parts <= MOST_PARTS; kind = kind->left) {
        unsigned relation = kind->relation & HC_DERIVED_BASE;
        parts++;
        if (kind->operation == HC_KIND_CLASS && relation >= HC_RELATION_COUNT)
            parts += universe->findexes.items[relation - HC_RELATION_COUNT].parts;
        parts += kind->right ? parts_of(universe, kind->right) : 0;
    }
    return parts;
}

// How deep findexes stand within the kind.
static unsigned depth_of(const struct hc_universe *universe, const struct hc_kind *kind)
{
    unsigned depth = 0, other;
    for (; kind; kind = kind->left) {
        unsigned relation = kind->relation & HC_DERIVED_BASE;
        if (kind->operation == HC_KIND_CLASS && relation >= HC_RELATION_COUNT)
            depth = universe->findexes.items[relation - HC_RELATION_COUNT].depth;
        other = kind->right ? depth_of(universe, kind->right) : 0;
        depth = other > depth ? other : depth;
    }
    return depth;
}

struct hc_error *hc_universe_add_findex(struct hc_universe *universe, struct hc_kind *const *kinds,
                                        const char *const *names, size_t count, uint16_t *ret)
{
    _cleanup_(hc_findex_deinit) struct hc_findex findex = {.depth = 1};
    for (size_t i = 0; i < count; i++) {
        unsigned depth = 1 + depth_of(universe, kinds[i]);
        findex.depth = depth > findex.depth ? depth : findex.depth;
        if (findex.parts <= MOST_PARTS)
            findex.parts += parts_of(universe, kinds[i]);
    }
    if (universe->findexes.count >= MOST_FINDEXES || findex.depth > MOST_DEPTH || findex.parts > MOST_PARTS)
        return hc_error_create("there are %d findexes at most, within each other %d, of %d parts in all",
                               MOST_FINDEXES, MOST_DEPTH, MOST_PARTS);
    findex.kinds = calloc(count + 1, sizeof(*findex.kinds));
    findex.names = calloc(count + 1, sizeof(*findex.names));
    if (!findex.kinds || !findex.names)
        return hc_error_out_of_memory();
    for (; findex.count < count; findex.count++) {
        if (!(findex.names[findex.count] = strdup(names[findex.count])))
            return hc_error_out_of_memory();
        findex.kinds[findex.count] = hc_kind_keep(kinds[findex.count]);
    }
    struct hc_findex_vector *all = &universe->findexes;
    if (!hc_vector_grow((void **)&all->items, &all->capacity, all->count + 1, sizeof(*all->items)))
        return hc_error_out_of_memory();
    all->items[all->count++] = findex;
    findex = (struct hc_findex){0};
    *ret = (uint16_t)(HC_RELATION_COUNT + universe->findexes.count - 1);
    return NULL;
}
