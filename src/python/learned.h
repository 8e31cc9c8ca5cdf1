// A tp_traverse that reads nothing of its object but words, and visits those that are not NULL, need not be
// run for each object: after some objects that bear it out, its words are read in its stead.
#pragma once

#include "emulator/emulator.h"
#include "image/image.h"

#include <stdbool.h>
#include <stdint.h>

enum { HC_LEARNED_WORDS = 32, HC_LOADED_WORDS = 512 };

enum hc_learning {
    HC_LEARNING,
    HC_LEARNED,   // it visits the words at `offsets`
    HC_UNLEARNED, // it does more than that
};

struct hc_learned {
    enum hc_learning state;
    uint32_t samples;
    uint32_t count;
    uint32_t offsets[HC_LEARNED_WORDS]; // ascending
    uint32_t visited;                   // bit i: offsets[i] was not NULL in some object
};

// What one call loaded. Loads that are the same for every object (code, static data, thread-local variables)
// do not count.
struct hc_loads {
    const struct hc_image *image;
    uint64_t object, size;
    unsigned word_size;
    bool is_plain; // nothing but words of the object
    uint64_t words[HC_LOADED_WORDS / 64];
    uint64_t last; // the last address that was loaded from
};

void hc_loads_begin(struct hc_loads *loads, uint64_t object, uint64_t size);
hc_emulator_load_fn hc_loads_note;

// Learns from one object: `bytes` are its `loads->size` bytes, `visited` what its tp_traverse visited.
void hc_learn(struct hc_learned *learned, const struct hc_loads *loads, const struct hc_target *target,
              const uint8_t *bytes, const uint64_t *visited, size_t count);
// Is `visited` what the learned words say? Takes note of words that were NULL in all objects before.
bool hc_learned_agrees(struct hc_learned *learned, const struct hc_target *target, const uint8_t *bytes,
                       const uint64_t *visited, size_t count);
