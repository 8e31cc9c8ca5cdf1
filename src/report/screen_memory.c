// Where the memory is, in a few lines that add up to what the core holds.
#include "report/screen_parts.h"

#include "base/size_text.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MOST_SHOWN = 8, MUCH = 25 }; // per cent

// Categories that the screen tells as one.
static const struct {
    const char *label;
    enum hc_memory_category first, last;
    bool is_suspicious; // if it is much
} groups[] = {
    {"Python objects and their buffers", HC_MEMORY_OBJECTS, HC_MEMORY_BUFFERS, false},
    {"data of objects: bytearrays, arrays, extensions'", HC_MEMORY_DATA, HC_MEMORY_DATA, false},
    {"the interpreter itself", HC_MEMORY_INTERPRETER, HC_MEMORY_INTERPRETER, false},
    {"pymalloc: in use, not known for what", HC_MEMORY_PYMALLOC_OTHER, HC_MEMORY_PYMALLOC_OTHER, true},
    {"pymalloc: free or lost in pools", HC_MEMORY_PYMALLOC_FREE, HC_MEMORY_PYMALLOC_NOT_WALKED, true},
    {"malloc: in use, and not by Python: C code's", HC_MEMORY_MALLOC_OTHER, HC_MEMORY_MALLOC_MAPPED, true},
    {"malloc: free, headers", HC_MEMORY_MALLOC_CACHED, HC_MEMORY_MALLOC_NOT_WALKED, true},
    {"another allocator's, not walked", HC_MEMORY_OTHER_ALLOCATOR, HC_MEMORY_OTHER_ALLOCATOR, true},
    {"stacks of threads", HC_MEMORY_STACK_USED, HC_MEMORY_STACK_UNUSED, false},
    {"binaries, files, shared memory", HC_MEMORY_MODULE_DATA, HC_MEMORY_KERNEL, false},
    {"unknown", HC_MEMORY_UNKNOWN, HC_MEMORY_UNKNOWN, true},
};

enum { GROUPS = sizeof(groups) / sizeof(*groups) };

struct row {
    size_t group;
    uint64_t bytes; // without pages of zeros, which are mostly no memory at all
};

static uint64_t group_bytes(const struct hc_memory *memory, size_t group)
{
    uint64_t bytes = 0;
    for (int category = (int)groups[group].first; category <= (int)groups[group].last; category++)
        bytes += memory->sums[category].bytes - memory->sums[category].zero;
    return bytes;
}

uint64_t hc_screen_zero_bytes(const struct hc_memory *memory)
{
    uint64_t sum = 0;
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        sum += memory->sums[category].zero;
    return sum;
}

static int most_first(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->bytes != right->bytes)
        return left->bytes < right->bytes ? 1 : -1;
    return (left->group > right->group) - (left->group < right->group);
}

static void write_row(struct hc_screen *screen, uint64_t bytes, const char *label, bool is_suspicious)
{
    hc_size_buffer size;
    unsigned share = hc_screen_percent(bytes, screen->memory.total - hc_screen_zero_bytes(&screen->memory));
    hc_report_line(screen->report, NULL, "%10s %3u %%  %s", hc_size_text(bytes, size), share, label);
    if (is_suspicious && share >= MUCH)
        hc_report_tone(screen->report, HC_TONE_WARNING);
}

struct hc_error *hc_screen_memory(struct hc_screen *screen)
{
    const struct hc_memory *memory = &screen->memory;
    struct row rows[GROUPS];
    uint64_t zero = hc_screen_zero_bytes(memory), rest = 0;
    hc_size_buffer touched, dumped;
    size_t count = 0;
    for (size_t group = 0; group < GROUPS; group++) {
        rows[count] = (struct row){group, group_bytes(memory, group)};
        count += rows[count].bytes != 0;
    }
    qsort(rows, count, sizeof(*rows), most_first);
    size_t most = screen->room < MOST_SHOWN + 2 ? screen->room - 2 : MOST_SHOWN;
    size_t shown = count <= most ? count : most - 1;
    hc_report_section(screen->report, "memory", NULL);
    if (zero)
        hc_report_title(screen->report, "Memory: %s; %s more are pages of zeros, mostly never touched",
                        hc_size_text(memory->total - zero, touched), hc_size_text(zero, dumped));
    else
        hc_report_title(screen->report, "Memory: %s", hc_size_text(memory->total, touched));
    for (size_t i = 0; i < shown; i++)
        write_row(screen, rows[i].bytes, groups[rows[i].group].label, groups[rows[i].group].is_suspicious);
    for (size_t i = shown; i < count; i++)
        rest += rows[i].bytes;
    if (rest)
        write_row(screen, rest, "the rest: heapcore memory has it", false);
    return NULL;
}
