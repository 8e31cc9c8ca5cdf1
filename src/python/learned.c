#include "python/learned.h"

#include <string.h>

enum { SAMPLES = 32 };

void hc_loads_begin(struct hc_loads *loads, uint64_t object, uint64_t size)
{
    loads->object = object;
    loads->size = size;
    loads->is_plain = size / loads->word_size <= HC_LOADED_WORDS;
    loads->last = 0;
    memset(loads->words, 0, sizeof(loads->words));
}

void hc_loads_note(void *argument, const struct hc_emulator *emulator, uint64_t address, unsigned size)
{
    struct hc_loads *loads = argument;
    if (hc_emulator_owns(emulator, address))
        return;
    loads->last = address;
    uint64_t offset = address - loads->object;
    if (offset >= loads->size)
        loads->is_plain &= hc_emulator_is_of_thread(emulator, address) ||
                           hc_image_find_module(loads->image, address) != NULL;
    else if (size != loads->word_size || offset % size || loads->size - offset < size)
        loads->is_plain = false;
    else if (loads->is_plain)
        loads->words[offset / size / 64] |= 1ul << offset / size % 64;
}

// Each visit uses up one word that has its value. A word that is NULL in every object may be anything: a
// count, say.
bool hc_learned_agrees(struct hc_learned *learned, const struct hc_target *target, const uint8_t *bytes,
                       const uint64_t *visited, size_t count)
{
    uint32_t used = 0;
    size_t expected = 0;
    for (uint32_t i = 0; i < learned->count; i++)
        expected += hc_load_word(target, bytes + learned->offsets[i]) != 0;
    if (count != expected)
        return false;
    for (size_t i = 0; i < count; i++) {
        uint32_t word = 0;
        while (word < learned->count &&
               (used >> word & 1 || hc_load_word(target, bytes + learned->offsets[word]) != visited[i]))
            word++;
        if (word == learned->count)
            return false;
        used |= 1u << word;
    }
    learned->visited |= used;
    return true;
}

static bool take_words(struct hc_learned *learned, const struct hc_loads *loads)
{
    learned->count = 0;
    for (uint32_t i = 0; i < HC_LOADED_WORDS; i++) {
        if (!(loads->words[i / 64] >> i % 64 & 1))
            continue;
        if (learned->count == HC_LEARNED_WORDS)
            return false;
        learned->offsets[learned->count++] = i * loads->word_size;
    }
    return true;
}

void hc_learn(struct hc_learned *learned, const struct hc_loads *loads, const struct hc_target *target,
              const uint8_t *bytes, const uint64_t *visited, size_t count)
{
    struct hc_learned found = {0};
    bool is_regular = loads->is_plain && take_words(&found, loads) &&
                      hc_learned_agrees(&found, target, bytes, visited, count);
    if (is_regular && learned->samples)
        is_regular = found.count == learned->count &&
                     !memcmp(found.offsets, learned->offsets, found.count * sizeof(*found.offsets));
    found.visited |= learned->visited;
    found.samples = learned->samples + 1;
    found.state = !is_regular ? HC_UNLEARNED : found.samples < SAMPLES ? HC_LEARNING : HC_LEARNED;
    *learned = found;
}
