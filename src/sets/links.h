// References by name, numbered: `.x`, `['x']`, `[3]`. Two that read alike are one, as in heapy: `[3]` is an
// item of a list, and the value of a dict that has the key 3.
#pragma once

#include "python/relate.h"
#include "sets/set.h"

#include <stdint.h>

struct hc_link_name {
    uint8_t kind;    // enum hc_link_kind, of those told apart by number; of others HC_LINK_KIND_COUNT
    uint64_t number; // … or where in `text` it begins
};

HC_DEFINE_VECTOR(hc_link_name_vector, struct hc_link_name)
HC_DEFINE_VECTOR(hc_link_text_vector, char)

// Belongs to the universe.
struct hc_links {
    struct hc_link_name_vector names; // by number
    struct hc_link_text_vector text;  // ended by NULs
    uint32_t *buckets;                // number + 1, open addressing
    size_t bucket_count;
    struct hc_address_map keys; // address of a key object → number of the link to its value
};

void hc_links_destroy(struct hc_links *links);

// The number of the link, whatever object it leads to.
struct hc_error *hc_universe_intern_link(struct hc_universe *universe, struct hc_tracer *tracer,
                                         const struct hc_link *link, uint32_t *ret);
// … of the one that reads `text`; `*ret_is_link` false: none can.
struct hc_error *hc_universe_intern_link_text(struct hc_universe *universe, const char *text, uint32_t *ret,
                                              bool *ret_is_link);
// heapy's text: `.x`, `['x']`, `.keys()[3]`, `list(_)[3]`. Free it; NULL: out of memory.
char *hc_universe_link_text(const struct hc_universe *universe, uint32_t number);
// As Python would write that text: `'.x'`, `"['x']"`. Free it; NULL: out of memory.
char *hc_universe_link_repr(const struct hc_universe *universe, uint32_t number);
// Any text as a string of Python and of the query language. Free it; NULL: out of memory.
char *hc_text_repr(const char *text);
