// Eclipse MAT's way of finding what keeps most alive: the largest trees below the roots, each followed down
// to where what it holds piles up; and what is left, by kind.
#include "suspects/kinds.h"

#include "base/interrupt.h"
#include "base/size_text.h"
#include "graph/dominators.h"
#include "sets/brief.h"
#include "sets/kind.h"
#include "sets/kind_text.h"
#include "sets/paths.h"
#include "sets/roots.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char NAME[] = "large holder";

// docs/suspects.md
enum {
    SHARE = 10,       // per cent of the heap
    GROUP_SHARE = 20, // of many that no one object holds
    LEAST = 1 << 20,  // bytes: a share of a small heap is nothing
    PILE = 70,        // per cent of an object's that one below must have, for the pile to be there
    FEW = 1000,       // what has more than one in so many of the heap is not one of many
};

struct search {
    const struct hc_inquiry *inquiry;
    const struct hc_graph *graph;
    const struct hc_dominators *dominators;
    const struct hc_roots *roots;
    struct hc_id_vector structure; // what is still to be looked into
    uint64_t least, *groups;       // by kind: bytes that what the structure holds retains
    uint32_t *group_counts;
};

static void search_deinit(struct search *search)
{
    hc_id_vector_deinit(&search->structure);
    free(search->groups);
    free(search->group_counts);
}

static uint64_t retained(const struct search *search, uint32_t object)
{
    return hc_graph_retained(search->graph, (hc_object_id){object});
}

static bool is_program(const struct hc_type *type)
{
    return type->flags & HC_TYPE_TYPE_SUBCLASS ||
           (!strcmp(type->name, "module") && type->how == HC_HOW_DECODER);
}

static bool is_interpreters_own(const struct search *search, uint32_t object)
{
    size_t count;
    const struct hc_root_link *links = hc_roots_of(search->roots, object, &count);
    for (size_t i = 0; i < count; i++)
        if (!hc_root_link_is_frames(&links[i]))
            return true;
    return false;
}

// Modules, classes, their dicts, and what the interpreter itself holds: that these hold much is no news.
static bool is_structure(const struct search *search, uint32_t object)
{
    hc_object_id owner;
    if (is_program(hc_graph_type(search->graph, (hc_object_id){object})) ||
        is_interpreters_own(search, object))
        return true;
    return search->inquiry->universe->is_dict[search->graph->type_indexes[object]] &&
           hc_graph_dict_owner(search->graph, (hc_object_id){object}, &owner) &&
           is_program(hc_graph_type(search->graph, owner));
}

static uint32_t largest_child(const struct search *search, uint32_t object)
{
    uint32_t count, largest = object;
    uint64_t most = 0;
    const uint32_t *children = hc_dominators_children(search->dominators, object, &count);
    for (uint32_t i = 0; i < count; i++)
        if (retained(search, children[i]) > most) {
            largest = children[i];
            most = retained(search, children[i]);
        }
    return largest;
}

// Where what `object` holds piles up: no one object below has most of it.
static uint32_t find_pile(const struct search *search, uint32_t object)
{
    for (;;) {
        uint32_t child =
            hc_dominators_is_inner(search->dominators, object) ? largest_child(search, object) : object;
        if (child == object || retained(search, child) * 100 < retained(search, object) * PILE)
            return object;
        object = child;
    }
}

static double share_of(const struct search *search, uint64_t bytes)
{
    return 100.0 * (double)bytes / (double)search->inquiry->heap->size;
}

// ", as a part of the 51.7 MiB that App: 0x… keeps", where that is more.
static struct hc_error *write_whole(const struct search *search, uint32_t pile, uint32_t top, char **ret)
{
    _cleanup_(hc_freep) char *brief = NULL;
    hc_size_buffer size;
    bool is_more = retained(search, top) - retained(search, pile) > retained(search, pile) / 100;
    HC_TRY(hc_universe_brief(search->inquiry->universe, top, &brief));
    bool is_written = is_more ? asprintf(ret, ", as a part of the %s that %s keeps",
                                         hc_size_text(retained(search, top), size), brief) >= 0
                              : (*ret = strdup("")) != NULL;
    return is_written ? NULL : hc_error_out_of_memory();
}

static struct hc_error *report_holder(const struct search *search, uint32_t top)
{
    const struct hc_inquiry *inquiry = search->inquiry;
    _cleanup_(hc_freep) char *brief = NULL, *whole = NULL;
    uint32_t pile = find_pile(search, top), below = 0;
    uint64_t bytes = retained(search, top), piled = retained(search, pile);
    hc_size_buffer size;
    HC_TRY(hc_universe_brief(inquiry->universe, pile, &brief));
    HC_TRY(write_whole(search, pile, top, &whole));
    if (hc_dominators_is_inner(search->dominators, pile))
        hc_dominators_children(search->dominators, pile, &below);
    struct hc_suspect *suspect =
        below ? hc_suspect_add(inquiry, NAME, bytes,
                               "%s keeps %s alive, %.0f %% of the heap%s; it holds %" PRIu32
                               " objects directly",
                               brief, hc_size_text(piled, size), share_of(search, piled), whole, below)
              : hc_suspect_add(inquiry, NAME, bytes, "%s alone takes %s, %.0f %% of the heap%s", brief,
                               hc_size_text(piled, size), share_of(search, piled), whole);
    if (!suspect)
        return hc_error_out_of_memory();
    hc_suspect_bytes(suspect, "retained", bytes);
    hc_suspect_bytes(suspect, "retained_by_pile", piled);
    hc_suspect_figure(suspect, "held_directly", below);
    return hc_suspect_about(inquiry, suspect, pile);
}

static bool is_of_kind(const struct search *search, uint32_t object, uint32_t kind)
{
    return search->dominators->parents[object] != HC_DOMINATOR_NONE &&
           hc_universe_kind(search->inquiry->universe, object) == kind;
}

static struct hc_error *report_group(const struct search *search, uint32_t kind)
{
    const struct hc_inquiry *inquiry = search->inquiry;
    uint64_t bytes = search->groups[kind];
    _cleanup_(hc_freep) char *name = hc_universe_kind_name(inquiry->universe, kind), *expression = NULL;
    _cleanup_(hc_kind_releasep) struct hc_kind *symbolic = hc_kind_of_clodo(inquiry->universe, kind);
    uint32_t object = 0;
    hc_size_buffer size;
    if (!name || !symbolic)
        return hc_error_out_of_memory();
    HC_TRY(hc_kind_text(inquiry->universe, symbolic, &expression));
    while (object < search->graph->count && !is_of_kind(search, object, kind))
        object++;
    struct hc_suspect *suspect = hc_suspect_add(
        inquiry, NAME, bytes,
        "%" PRIu32 " objects of the kind %s keep %s alive, %.0f %% of the heap; no one object holds them",
        search->group_counts[kind], name, hc_size_text(bytes, size), share_of(search, bytes));
    if (!suspect || !hc_suspect_query(suspect, "(h & %s).rp", expression))
        return hc_error_out_of_memory();
    hc_suspect_bytes(suspect, "retained", bytes);
    hc_suspect_figure(suspect, "objects", search->group_counts[kind]);
    return object < search->graph->count ? hc_suspect_about(inquiry, suspect, object) : NULL;
}

// What every program has plenty of.
static bool is_ordinary(const struct search *search, uint32_t kind)
{
    static const char *const names[] = {"function", "code", "str", "bytes", "int", "float", "tuple"};
    const struct hc_universe *universe = search->inquiry->universe;
    if (kind >= universe->type_count)
        return is_program(search->graph->types.types.items[kind - universe->type_count]);
    const struct hc_type *type = search->graph->types.types.items[kind];
    if (is_program(type))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(type->name, names[i]) && type->how == HC_HOW_DECODER)
            return true;
    return false;
}

static struct hc_error *look_into(struct search *search, uint32_t holder)
{
    uint32_t count;
    const uint32_t *children = hc_dominators_children(search->dominators, holder, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (is_structure(search, children[i])) {
            if (hc_dominators_is_inner(search->dominators, children[i]) &&
                !hc_id_vector_push(&search->structure, children[i]))
                return hc_error_out_of_memory();
            continue;
        }
        uint64_t bytes = retained(search, children[i]);
        if (bytes >= search->least) {
            HC_TRY(report_holder(search, children[i]));
            continue;
        }
        if (bytes > search->inquiry->heap->size / FEW)
            continue;
        uint32_t kind = hc_universe_kind(search->inquiry->universe, children[i]);
        search->groups[kind] += bytes;
        search->group_counts[kind]++;
    }
    return NULL;
}

struct hc_error *hc_find_large_holders(const struct hc_inquiry *inquiry)
{
    struct hc_universe *universe = inquiry->universe;
    size_t kinds = 2 * (size_t)universe->type_count;
    uint64_t share = inquiry->heap->size / 100;
    HC_TRY(hc_graph_find_dominated(universe->graph));
    _cleanup_(search_deinit) struct search search = {
        .inquiry = inquiry,
        .graph = universe->graph,
        .dominators = universe->graph->dominators,
        .least = share * SHARE > LEAST ? share * SHARE : LEAST,
        .groups = calloc(kinds + 1, sizeof(*search.groups)),
        .group_counts = calloc(kinds + 1, sizeof(*search.group_counts)),
    };
    if (!search.groups || !search.group_counts)
        return hc_error_out_of_memory();
    HC_TRY(hc_universe_roots(universe, &search.roots));
    HC_TRY(look_into(&search, HC_DOMINATOR_ROOTS));
    while (search.structure.count)
        HC_TRY(look_into(&search, search.structure.items[--search.structure.count]));
    for (uint32_t kind = 0; kind < kinds; kind++)
        if (search.groups[kind] >= share * GROUP_SHARE && search.groups[kind] >= LEAST &&
            !is_ordinary(&search, kind))
            HC_TRY(report_group(&search, kind));
    return NULL;
}
