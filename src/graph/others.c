// Objects outside of pymalloc's pools: large, static, or from another allocator.
#include "graph/build.h"

#include <stdlib.h>

void hc_others_deinit(struct hc_others *others)
{
    hc_finding_deinit(&others->finding);
    free(others->records);
    *others = (struct hc_others){0};
}

struct hc_error *hc_others_add(struct hc_others *others, const struct hc_pools *pools,
                               struct hc_tracer *tracer, uint64_t address)
{
    uint32_t number;
    if (hc_pools_find(pools, address))
        return NULL;
    return hc_finding_foreign(&others->finding, tracer, address, &number);
}

struct hc_error *hc_others_trace(struct hc_others *others, const struct hc_pools *pools,
                                 struct hc_tracer *tracer)
{
    const struct hc_word_vector *addresses = &others->finding.foreign_addresses;
    for (; others->traced < addresses->count; others->traced++) {
        if (!hc_vector_grow((void **)&others->records, &others->record_capacity, others->traced + 1,
                            sizeof(*others->records)))
            return hc_error_out_of_memory();
        struct hc_object_view object;
        if (!hc_tracer_view(tracer, addresses->items[others->traced], &object))
            return hc_error_create("the image changed while it was read");
        HC_TRY(hc_finding_add(&others->finding, pools, tracer, &object,
                              hc_tagged(HC_TAG_FOREIGN, (uint32_t)others->traced),
                              &others->records[others->traced]));
    }
    return NULL;
}
