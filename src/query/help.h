// What each name of the query language is for, out of the tables that define it. Gives text; prints nothing.
#pragma once

#include "base/error.h"
#include "base/vector.h"

// Strings belong to the program.
struct hc_help_entry {
    const char *group; // what it is asked of: "a set"
    const char *name;
    const char *usage; // of a function: "iso(address, …)"; else NULL
    const char *help;  // two sentences
    const char *example;
};

HC_DEFINE_VECTOR(hc_help_vector, struct hc_help_entry)

// Every name, group by group, sorted within a group.
struct hc_error *hc_help_entries(struct hc_help_vector *ret);
// All names with a line each. Free it.
struct hc_error *hc_help_overview(char **ret);
// All that is known of one name. Free it. An error if there is no such name, with one that is near.
struct hc_error *hc_help_name(const char *name, char **ret);
