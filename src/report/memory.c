#include "report/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

enum { PAGE = 20, SHARE = 16 };

static const struct hc_column category_columns[] = {
    {.key = "bytes", .heading = "Bytes", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.key = "zero", .heading = "Zero pages", .kind = HC_COLUMN_RIGHT},
    {.key = "category", .kind = HC_COLUMN_HIDDEN},
    {.key = "name", .heading = "What it is", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column kind_columns[] = {
    {.key = "bytes", .heading = "Objects", .kind = HC_COLUMN_RIGHT},
    {.key = "buffers", .heading = "Buffers", .kind = HC_COLUMN_RIGHT},
    {.heading = "%", .kind = HC_COLUMN_RIGHT},
    {.key = "count", .heading = "Count", .kind = HC_COLUMN_RIGHT},
    {.key = "type", .heading = "Type", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column class_columns[] = {
    {.key = "size", .heading = "Block", .kind = HC_COLUMN_RIGHT},
    {.key = "pools", .heading = "Pools", .kind = HC_COLUMN_RIGHT},
    {.key = "used", .heading = "Used", .kind = HC_COLUMN_RIGHT},
    {.key = "free", .heading = "Free", .kind = HC_COLUMN_RIGHT},
    {.key = "free_bytes", .heading = "Free bytes", .kind = HC_COLUMN_RIGHT},
    {.heading = "% free", .kind = HC_COLUMN_RIGHT},
};

static const struct hc_column heap_columns[] = {
    {.key = "address", .kind = HC_COLUMN_HIDDEN},
    {.heading = "Arena", .kind = HC_COLUMN_LEFT},
    {.key = "heaps", .heading = "Heaps", .kind = HC_COLUMN_RIGHT},
    {.key = "bytes", .heading = "Bytes", .kind = HC_COLUMN_RIGHT},
    {.key = "owned", .heading = "Python's", .kind = HC_COLUMN_RIGHT},
    {.key = "other", .heading = "Other", .kind = HC_COLUMN_RIGHT},
    {.key = "other_count", .heading = "in chunks", .kind = HC_COLUMN_RIGHT},
    {.key = "cached", .heading = "Cached", .kind = HC_COLUMN_RIGHT},
    {.key = "free", .heading = "Free", .kind = HC_COLUMN_RIGHT},
    {.key = "top", .heading = "Top", .kind = HC_COLUMN_RIGHT},
    {.key = "overhead", .heading = "Headers", .kind = HC_COLUMN_RIGHT},
    {.key = "not_walked", .heading = "Not walked", .kind = HC_COLUMN_RIGHT},
};

static const struct hc_column chunk_columns[] = {
    {.heading = "Bytes", .kind = HC_COLUMN_RIGHT},
    {.key = "count", .heading = "Chunks", .kind = HC_COLUMN_RIGHT},
    {.key = "size", .heading = "of bytes", .kind = HC_COLUMN_RIGHT},
    {.key = "example", .heading = "One is at", .kind = HC_COLUMN_LEFT},
};

static const struct hc_column place_columns[] = {
    {.key = "bytes", .heading = "Bytes", .kind = HC_COLUMN_RIGHT},
    {.key = "zero", .heading = "Zero pages", .kind = HC_COLUMN_RIGHT},
    {.key = "category", .kind = HC_COLUMN_HIDDEN},
    {.heading = "What it is", .kind = HC_COLUMN_LEFT},
    {.key = "address", .heading = "From", .kind = HC_COLUMN_LEFT},
    {.key = "path", .heading = "Of", .kind = HC_COLUMN_LEFT},
};

static void add_share(struct hc_report *report, uint64_t part, uint64_t whole)
{
    char text[SHARE];
    snprintf(text, sizeof(text), "%.1f", whole ? 100.0 * (double)part / (double)whole : 0);
    hc_report_cell_text(report, text);
}

static void add_address(struct hc_report *report, uint64_t address)
{
    char text[24];
    snprintf(text, sizeof(text), "0x%" PRIx64, address);
    hc_report_cell_text(report, text);
}

static void add_categories(struct hc_report *report, const struct hc_memory *memory)
{
    hc_report_table(report, category_columns, COUNT_OF(category_columns));
    for (int category = 0; category < HC_MEMORY_COUNT; category++) {
        const struct hc_memory_sum *sum = &memory->sums[category];
        if (!sum->bytes)
            continue;
        hc_report_cell_number(report, sum->bytes);
        add_share(report, sum->bytes, memory->total);
        hc_report_cell_number(report, sum->count);
        hc_report_cell_number(report, sum->zero);
        hc_report_cell_text(report, hc_memory_category_key((enum hc_memory_category)category));
        hc_report_cell_text(report, hc_memory_category_name((enum hc_memory_category)category));
    }
}

static uint64_t zero_bytes(const struct hc_memory *memory)
{
    uint64_t sum = 0;
    for (int category = 0; category < HC_MEMORY_COUNT; category++)
        sum += memory->sums[category].zero;
    return sum;
}

// What was mapped and is no part of the total.
static void add_absent(struct hc_report *report, const struct hc_image *image, uint64_t bytes)
{
    const struct hc_image_losses *losses = hc_image_losses(image);
    const struct {
        uint64_t bytes;
        const char *what;
    } parts[] = {
        {losses->truncated_bytes, "cut off"},
        {losses->not_dumped_bytes, "not dumped"},
        {hc_image_left_out(image), "left out on purpose"},
    };
    char text[160] = "";
    size_t length = 0;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].bytes)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "%" PRIu64 " %s, ",
                                       parts[i].bytes, parts[i].what);
    hc_report_line(report, "Not here",
                   "%" PRIu64 " bytes more were mapped: %s%sfiles' own pages, reserved space", bytes, text,
                   length ? "the rest " : "");
}

static void add_total(struct hc_report *report, const struct hc_session *session,
                      const struct hc_memory *memory)
{
    const char *what = hc_image_process(session->image)->live ? "what a core of the process would hold"
                                                              : "all that the core holds of it";
    uint64_t absent = memory->mapped > memory->total ? memory->mapped - memory->total : 0;
    hc_report_section(report, "memory", "Memory");
    hc_report_number(report, "total", memory->total);
    hc_report_number(report, "zero", zero_bytes(memory));
    hc_report_number(report, "mapped", memory->mapped);
    hc_report_text(report, "allocator", memory->allocator);
    hc_report_line(report, "Total", "%" PRIu64 " bytes of memory: %s. Its parts add up to it:", memory->total,
                   what);
    hc_report_line(report, "Zero", "%" PRIu64 " bytes of it lie in pages of zeros, mostly never touched",
                   zero_bytes(memory));
    add_absent(report, session->image, absent);
    hc_report_line(report, "malloc", "%s", memory->allocator ? memory->allocator : "not recognised");
    add_categories(report, memory);
}

static void add_kinds(struct hc_report *report, const struct hc_memory *memory, size_t page)
{
    hc_report_section(report, "memory_kinds",
                      "Objects by type, as allocated: blocks with what the allocator "
                      "rounds up, and the buffers that they own");
    struct hc_table *table = hc_report_table(report, kind_columns, COUNT_OF(kind_columns));
    for (size_t i = 0; i < memory->kinds.count && i < page; i++) {
        const struct hc_memory_kind *kind = &memory->kinds.items[i];
        char name[256];
        bool is_builtin = !kind->type->module || !strcmp(kind->type->module, "builtins");
        snprintf(name, sizeof(name), "%s%s%s", is_builtin ? "" : kind->type->module, is_builtin ? "" : ".",
                 kind->type->qualname ? kind->type->qualname : "?");
        hc_report_cell_number(report, kind->bytes);
        hc_report_cell_number(report, kind->buffers);
        add_share(report, kind->bytes + kind->buffers, memory->total);
        hc_report_cell_number(report, kind->count);
        hc_report_cell_text(report, name);
    }
    if (table && memory->kinds.count > page)
        table->hidden = memory->kinds.count - page;
}

static void add_classes(struct hc_report *report, const struct hc_memory *memory)
{
    if (!memory->classes.count)
        return;
    hc_report_section(report, "memory_pymalloc",
                      "pymalloc by size of block: free blocks serve only their size");
    hc_report_table(report, class_columns, COUNT_OF(class_columns));
    for (size_t i = 0; i < memory->classes.count; i++) {
        const struct hc_memory_class *class = &memory->classes.items[i];
        hc_report_cell_number(report, class->size);
        hc_report_cell_number(report, class->pools);
        hc_report_cell_number(report, class->used);
        hc_report_cell_number(report, class->free);
        hc_report_cell_number(report, class->free * class->size);
        add_share(report, class->free, class->used + class->free);
    }
}

static void add_heaps(struct hc_report *report, const struct hc_memory *memory, size_t page)
{
    if (!memory->heaps.count)
        return;
    hc_report_section(report, "memory_malloc", "malloc by arena");
    struct hc_table *table = hc_report_table(report, heap_columns, COUNT_OF(heap_columns));
    for (size_t i = 0; i < memory->heaps.count && i < page; i++) {
        const struct hc_memory_heap *heap = &memory->heaps.items[i];
        char name[24];
        snprintf(name, sizeof(name), "0x%" PRIx64, heap->address);
        hc_report_cell_text(report, heap->is_main ? NULL : name);
        hc_report_cell_text(report, heap->is_main ? "main" : name);
        hc_report_cell_number(report, heap->heaps);
        hc_report_cell_number(report, heap->size);
        hc_report_cell_number(report, heap->owned);
        hc_report_cell_number(report, heap->other);
        hc_report_cell_number(report, heap->other_count);
        hc_report_cell_number(report, heap->cached);
        hc_report_cell_number(report, heap->free);
        hc_report_cell_number(report, heap->top);
        hc_report_cell_number(report, heap->overhead);
        hc_report_cell_number(report, heap->not_walked);
    }
    if (table && memory->heaps.count > page)
        table->hidden = memory->heaps.count - page;
}

static void add_chunks(struct hc_report *report, const struct hc_memory *memory, size_t page)
{
    if (!memory->chunks.count)
        return;
    hc_report_section(report, "memory_chunks",
                      "malloc: blocks in use that are not known to be Python's, by size");
    hc_report_table(report, chunk_columns, COUNT_OF(chunk_columns));
    for (size_t i = 0; i < memory->chunks.count && i < page; i++) {
        const struct hc_memory_chunks *chunks = &memory->chunks.items[i];
        hc_report_cell_number(report, chunks->size * chunks->count);
        hc_report_cell_number(report, chunks->count);
        hc_report_cell_number(report, chunks->size);
        add_address(report, chunks->example);
    }
}

static void add_places(struct hc_report *report, const struct hc_memory *memory, size_t page)
{
    size_t rows = 0;
    hc_report_section(report, "memory_places", "Stacks, binaries, files, and what is not known");
    struct hc_table *table = hc_report_table(report, place_columns, COUNT_OF(place_columns));
    for (size_t i = 0, of_category = 0; i < memory->places.count; i++) {
        const struct hc_memory_place *place = &memory->places.items[i];
        of_category = i && place[-1].category == place->category ? of_category + 1 : 0;
        if (of_category >= page)
            continue;
        char thread[32];
        snprintf(thread, sizeof(thread), "thread %" PRIu64, place->tid);
        rows++;
        hc_report_cell_number(report, place->bytes);
        hc_report_cell_number(report, place->zero);
        hc_report_cell_text(report, hc_memory_category_key(place->category));
        hc_report_cell_text(report, hc_memory_category_name(place->category));
        add_address(report, place->address);
        hc_report_cell_text(report, place->path ? place->path : place->tid ? thread : NULL);
    }
    if (table)
        table->hidden = memory->places.count - rows;
}

struct hc_error *hc_report_memory(const struct hc_session *session, long limit, bool is_whole,
                                  struct hc_report *report)
{
    enum { PLACES = 5 }; // of each kind
    _cleanup_(hc_memory_deinit) struct hc_memory memory = {0};
    bool is_page = limit == HC_NO_LIMIT && !is_whole;
    size_t page = is_page ? PAGE : limit == HC_NO_LIMIT ? SIZE_MAX : (size_t)limit;
    HC_TRY(hc_memory_account(session, &memory));
    add_total(report, session, &memory);
    add_kinds(report, &memory, page);
    add_classes(report, &memory);
    add_heaps(report, &memory, page);
    add_chunks(report, &memory, page);
    add_places(report, &memory, is_page ? PLACES : page);
    return hc_report_check(report);
}
