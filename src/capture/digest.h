// A number that tells whether a page has changed.
#pragma once

#include <stdint.h>
#include <string.h>

static inline uint64_t hc_digest_mix(uint64_t lane, uint64_t word)
{
    lane ^= word;
    return (lane << 29 | lane >> 35) * UINT64_C(0x9e3779b97f4a7c15);
}

// Of a whole page. 0 for zeros only. Four lanes, so that four multiplications are under way at once.
static inline uint64_t hc_digest(const uint8_t *page, uint64_t size)
{
    uint64_t lanes[4] = {1, 2, 3, 4}, any = 0, digest = 0;
    for (uint64_t i = 0; i < size; i += sizeof(lanes)) {
        uint64_t words[4];
        memcpy(words, page + i, sizeof(words));
        for (unsigned j = 0; j < 4; j++)
            lanes[j] = hc_digest_mix(lanes[j], words[j]);
        any |= words[0] | words[1] | words[2] | words[3];
    }
    if (!any)
        return 0;
    for (unsigned j = 0; j < 4; j++)
        digest = hc_digest_mix(digest, lanes[j]);
    return digest ? digest : 1;
}
