#include "report/damage.h"

#include <inttypes.h>

bool hc_report_damage(struct hc_report *report, const struct hc_damage *damage)
{
    const struct {
        const char *key, *label;
        uint64_t number;
        const char *meaning;
    } rows[] = {
        {"being_collected", "in collection", damage->being_collected,
         "objects: the garbage collector was at work"},
        {"collector_breaks", "collector's lists", damage->collector_breaks,
         "places where they do not lead back"},
        {"bounded_sizes", "impossible sizes", damage->bounded_sizes,
         "objects claim more than their blocks hold: counted by these"},
        {"contradictory", "contradictions", damage->contradictory,
         "containers whose counts are not those of their contents"},
        {"freed_referents", "freed too early", damage->freed_referents,
         "blocks are free, and objects still refer to them"},
        {"damaged_referents", "damaged objects", damage->damaged_referents,
         "are referred to, and their headers make no sense: not listed"},
        {"unreadable_types", "unreadable types", damage->unreadable_types, "make no sense as types"},
        {"untyped_objects", "without a type", damage->untyped_objects,
         "objects are instances of these: not listed"},
    };
    bool any = false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        hc_report_number(report, rows[i].key, rows[i].number);
        any |= rows[i].number != 0;
        if (rows[i].number)
            hc_report_line(report, rows[i].label, "%" PRIu64 " %s", rows[i].number, rows[i].meaning);
    }
    return any;
}
