// What an emulated function sees: windows of the image, mapped when they are first touched, and private
// copies of the pages that it writes.
#pragma once

#include "base/vector.h"
#include "emulator/library.h"
#include "image/image.h"

struct hc_window {
    uint64_t address, size;
    uint8_t *bytes;  // the image's, never written; or a copy of one page
    bool is_private; // a copy
};

HC_DEFINE_VECTOR(hc_window_vector, struct hc_window)

struct hc_preset {
    uint64_t address, value;
};

enum { HC_MEMORY_PRESETS = 8 };

struct hc_pages {
    const struct hc_unicorn *unicorn;
    uc_engine *engine;
    struct hc_reader reader;
    struct hc_window_vector windows; // by address; they do not overlap
    size_t private_count;
    struct hc_preset presets[HC_MEMORY_PRESETS];
    size_t preset_count;
};

void hc_pages_init(struct hc_pages *memory, const struct hc_unicorn *unicorn, uc_engine *engine,
                   const struct hc_image *image);
void hc_pages_deinit(struct hc_pages *memory);

// Makes the image's bytes around `address` readable; false for a hole. May be called from a hook.
bool hc_pages_map(struct hc_pages *memory, uint64_t address);
// Makes the page at `address` writable. Not from a hook: what is mapped is replaced.
bool hc_pages_make_private(struct hc_pages *memory, uint64_t address);
// Before a call: rather all private pages go than that it copies all that any call ever wrote.
void hc_pages_thin_out(struct hc_pages *memory);
// Everything as the image has it, with the presets.
void hc_pages_reset(struct hc_pages *memory);
bool hc_pages_preset(struct hc_pages *memory, uint64_t address, uint64_t value);
bool hc_pages_read(struct hc_pages *memory, uint64_t address, void *bytes, size_t length);
// Writes to private pages; false if there is another among them: *ret_missing is its address.
bool hc_pages_write(struct hc_pages *memory, uint64_t address, const void *bytes, size_t length,
                    uint64_t *ret_missing);
// `size` bytes of addresses that the image does not use, at a page's start.
uint64_t hc_pages_find_gap(const struct hc_image *image, uint64_t size);
