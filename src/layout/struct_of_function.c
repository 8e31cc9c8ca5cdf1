#include "layout/struct_of_function.h"

#include "layout/functions.h"
#include "layout/struct_members.h"

#include <dwarf.h>
#include <string.h>

enum {
    MOST_CANDIDATES = 32,
    MOST_NESTED = 64, // blocks and inlined calls within a function
    ELECTION_STEPS = 4 * HC_TYPE_STEPS,
};

// Votes: what a function is given is likelier what it is for than what it comes across, and that likelier
// than what a function that it calls does.
enum {
    OF_PARAMETER = 4,
    OF_VARIABLE = 2,
    OF_INLINED = 1,
};

struct candidate {
    Dwarf_Die type;
    const char *name; // of the struct itself, or of the typedef that a struct without name has
    const char *shown;
    unsigned votes;
    unsigned in_function; // of the function at hand
};

struct election {
    const struct hc_struct_request *request;
    struct hc_type_walk walk;
    struct candidate candidates[MOST_CANDIDATES];
    size_t count;
};

static bool is_size(const struct hc_struct_request *request, uint64_t size)
{
    uint64_t word = request->word_size;
    return size == request->size || (request->item_size && size > request->size &&
                                     size <= (request->size + request->item_size + word - 1) / word * word);
}

// From what a pointer leads to, through the names that it is given. False for void and for what is only
// declared.
static bool name_struct(struct hc_type_walk *walk, Dwarf_Die type, struct candidate *ret)
{
    Dwarf_Attribute attribute;
    *ret = (struct candidate){0};
    while (hc_type_step(walk) && !hc_type_is_aggregate(&type)) {
        int tag = dwarf_tag(&type);
        if (tag == DW_TAG_typedef)
            ret->shown = hc_entry_name(&type);
        else if (tag != DW_TAG_const_type && tag != DW_TAG_volatile_type)
            return false;
        if (!dwarf_attr(&type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type))
            return false;
    }
    if (!hc_type_peel(walk, type, &ret->type) || dwarf_tag(&ret->type) == DW_TAG_union_type)
        return false;
    ret->name = hc_entry_name(&ret->type);
    if (!ret->name)
        ret->name = ret->shown;
    if (!ret->shown)
        ret->shown = ret->name;
    return ret->name != NULL;
}

static void vote(struct election *election, const struct candidate *voted, unsigned votes)
{
    size_t i = 0;
    while (i < election->count && strcmp(election->candidates[i].name, voted->name) != 0)
        i++;
    if (i == MOST_CANDIDATES)
        return;
    struct candidate *candidate = &election->candidates[i];
    if (i == election->count) {
        *candidate = *voted;
        election->count++;
    }
    if (candidate->in_function < votes)
        candidate->in_function = votes;
}

static void hear_variable(struct election *election, Dwarf_Die *variable, unsigned votes)
{
    struct hc_type_walk *walk = &election->walk;
    Dwarf_Attribute attribute;
    Dwarf_Die type;
    struct candidate candidate;
    uint64_t size;
    if (!dwarf_attr_integrate(variable, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type) ||
        !hc_type_peel(walk, type, &type) || dwarf_tag(&type) != DW_TAG_pointer_type ||
        !dwarf_attr(&type, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, &type) ||
        !name_struct(walk, type, &candidate) || !hc_type_size(walk, &candidate.type, &size) ||
        !is_size(election->request, size) ||
        hc_struct_has_head(walk, candidate.type, election->request->head) == election->request->is_headless)
        return;
    vote(election, &candidate, votes);
}

// Blocks and inlined calls are entered as they come; what waits to be entered is bounded.
static void hear_function(struct election *election, Dwarf_Die function)
{
    struct {
        Dwarf_Die entry;
        unsigned of_parameter, of_variable;
    } waiting[MOST_NESTED], block;
    size_t count = 0;
    waiting[count].entry = function;
    waiting[count].of_parameter = OF_PARAMETER;
    waiting[count++].of_variable = OF_VARIABLE;
    while (count > 0) {
        block = waiting[--count];
        Dwarf_Die entry;
        if (dwarf_child(&block.entry, &entry) != 0)
            continue;
        do {
            int tag = dwarf_tag(&entry);
            bool is_call = tag == DW_TAG_inlined_subroutine;
            if (tag == DW_TAG_formal_parameter)
                hear_variable(election, &entry, block.of_parameter);
            else if (tag == DW_TAG_variable)
                hear_variable(election, &entry, block.of_variable);
            else if (is_call)
                hear_variable(election, &entry, OF_INLINED); // what it returns
            if ((is_call || tag == DW_TAG_lexical_block) && count < MOST_NESTED) {
                waiting[count].entry = entry;
                waiting[count].of_parameter = OF_INLINED;
                waiting[count++].of_variable = is_call ? OF_INLINED : block.of_variable;
            }
        } while (hc_type_step(&election->walk) && dwarf_siblingof(&entry, &entry) == 0);
    }
    for (size_t i = 0; i < election->count; i++) {
        election->candidates[i].votes += election->candidates[i].in_function;
        election->candidates[i].in_function = 0;
    }
}

// NULL if nobody has more votes than all others.
static const struct candidate *winner(const struct election *election)
{
    const struct candidate *best = NULL;
    bool is_tie = false;
    for (size_t i = 0; i < election->count; i++) {
        const struct candidate *candidate = &election->candidates[i];
        if (!best || candidate->votes > best->votes) {
            best = candidate;
            is_tie = false;
        } else if (candidate->votes == best->votes) {
            is_tie = true;
        }
    }
    return is_tie ? NULL : best;
}

struct hc_error *hc_debug_info_find_struct(struct hc_debug_info *info,
                                           const struct hc_struct_request *request, struct hc_struct *ret)
{
    *ret = (struct hc_struct){0};
    struct election election = {.request = request, .walk = {.steps = ELECTION_STEPS}};
    for (size_t i = 0; i < request->function_count; i++) {
        Dwarf_Die function;
        if (hc_debug_info_find_function(info, request->functions[i], &function))
            hear_function(&election, function);
    }
    const struct candidate *elected = winner(&election);
    return elected ? hc_struct_gather_members(request, elected->type, elected->shown, ret) : NULL;
}
