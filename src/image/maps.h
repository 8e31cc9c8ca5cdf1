// The memory of a stopped process: what is mapped, and a copy of what a core of it would hold. For capture,
// too.
#pragma once

#include "image/internal.h"

enum hc_map_plan {
    HC_MAP_LEAVE,   // not copied: devices, shared files, what cannot be read
    HC_MAP_FILE,    // unchanged pages of a file: taken from the file, but for the first page
    HC_MAP_TOUCHED, // anonymous: pages never touched are zero and cost nothing
    HC_MAP_SHARED,  // shared and anonymous: pages that this process never touched stay holes
    HC_MAP_WHOLE,   // all of it
};

struct hc_map {
    uint64_t start;
    uint64_t end;
    uint64_t offset;
    const char *path; // belongs to the image; "" for none
    bool readable;
    bool writable;
    bool executable;
    bool shared;
    bool has_file;
    enum hc_map_plan plan;
    uint8_t *bytes; // for the copy, room for all of it
};

HC_DEFINE_VECTOR(hc_map_vector, struct hc_map)

struct hc_copier {
    struct hc_image *image;
    pid_t pid;
    const struct hc_image_source *source; // that reads in place of the kernel; NULL: none
    int memory;                           // /proc/PID/mem, or -1
    int pagemap;                          // /proc/PID/pagemap, or -1
    bool use_memory_file;                 // process_vm_readv() is not allowed
    struct hc_map_vector maps;
};

void hc_copier_init(struct hc_copier *copier, struct hc_image *image, pid_t pid);
void hc_copier_init_source(struct hc_copier *copier, struct hc_image *image,
                           const struct hc_image_source *source);
void hc_copier_deinit(struct hc_copier *copier);
struct hc_error *hc_copier_read_maps(struct hc_copier *copier);
// Decides what of each mapping a core holds.
void hc_copier_plan(struct hc_copier *copier);
// Gives the number of bytes read, at most `length`; 0 or less: none. Of a process that has ended: 0.
ssize_t hc_copier_read(struct hc_copier *copier, uint64_t address, void *bytes, uint64_t length);
// Fills `entries` with what the kernel tells of `count` pages; false if it tells nothing.
bool hc_copier_look(const struct hc_copier *copier, uint64_t address, uint64_t count, uint64_t *entries);

// Of an entry: whether the page was ever touched.
static inline bool hc_page_exists(uint64_t entry)
{
    return entry & (UINT64_C(3) << 62); // present, or swapped out: Documentation/admin-guide/mm/pagemap.rst
}

struct hc_error *hc_copier_copy(struct hc_copier *copier);
// After the modules are known: copies the pages that were to come from files which are not there.
struct hc_error *hc_copier_copy_missing_modules(struct hc_copier *copier);
