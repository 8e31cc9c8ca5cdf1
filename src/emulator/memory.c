#include "emulator/memory.h"

#include <string.h>

enum {
    PAGE = 4096,
    // A window is mapped when it is first touched. Each costs the emulator time that grows with their number,
    // and nothing that grows with their size.
    WINDOW = 4 << 20,
    PRIVATE_PAGES = 64, // written by one call
};

// No process has memory of its own above it, on any machine; sums of addresses and sizes below do not
// overflow.
static const uint64_t HIGHEST = 1ul << 56;

void hc_pages_init(struct hc_pages *memory, const struct hc_unicorn *unicorn, uc_engine *engine,
                   const struct hc_image *image)
{
    *memory = (struct hc_pages){.unicorn = unicorn, .engine = engine};
    hc_reader_init(&memory->reader, image);
}

void hc_pages_deinit(struct hc_pages *memory)
{
    for (size_t i = 0; i < memory->windows.count; i++)
        if (memory->windows.items[i].is_private)
            free(memory->windows.items[i].bytes);
    hc_window_vector_deinit(&memory->windows);
}

// The first window that ends after `address`.
static size_t find_window(const struct hc_pages *memory, uint64_t address)
{
    size_t low = 0, high = memory->windows.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct hc_window *window = &memory->windows.items[middle];
        if (window->address + window->size <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The first segment that ends after `address`.
static size_t find_segment(const struct hc_segment *segments, size_t count, uint64_t address)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segments[middle].address + segments[middle].length <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_executable(const struct hc_pages *memory, uint64_t page)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(memory->reader.image, &count);
    for (size_t i = find_segment(segments, count, page); i < count && segments[i].address < page + PAGE; i++)
        if (segments[i].executable)
            return true;
    return false;
}

static bool add_window(struct hc_pages *memory, struct hc_window window)
{
    uint32_t access = UC_PROT_READ | (window.is_private ? UC_PROT_WRITE : 0);
    if (is_executable(memory, window.address))
        access |= UC_PROT_EXEC;
    struct hc_window_vector *windows = &memory->windows;
    size_t place = find_window(memory, window.address);
    if (!hc_window_vector_reserve(windows, windows->count + 1) ||
        memory->unicorn->uc_mem_map_ptr(memory->engine, window.address, window.size, access, window.bytes))
        return false;
    memmove(windows->items + place + 1, windows->items + place,
            (windows->count - place) * sizeof(*windows->items));
    windows->items[place] = window;
    windows->count++;
    memory->private_count += window.is_private;
    return true;
}

static void remove_window(struct hc_pages *memory, size_t place)
{
    struct hc_window *window = &memory->windows.items[place];
    memory->unicorn->uc_mem_unmap(memory->engine, window->address, window->size);
    if (window->is_private) {
        free(window->bytes);
        memory->private_count--;
    }
    memory->windows.count--;
    memmove(window, window + 1, (memory->windows.count - place) * sizeof(*window));
}

// The bytes of a page, of which the image may have only some.
static bool copy_page(struct hc_pages *memory, uint64_t page, uint8_t *bytes)
{
    uint64_t available;
    const uint8_t *found = hc_reader_span(&memory->reader, page, &available);
    if (found && available >= PAGE) {
        memcpy(bytes, found, PAGE);
        return true;
    }
    size_t count;
    const struct hc_segment *segments = hc_image_segments(memory->reader.image, &count);
    size_t first = find_segment(segments, count, page), i = first;
    memset(bytes, 0, PAGE);
    for (; i < count && segments[i].address < page + PAGE; i++) {
        const struct hc_segment *segment = &segments[i];
        uint64_t start = segment->address > page ? segment->address : page;
        uint64_t end = segment->address + segment->length;
        end = end < page + PAGE ? end : page + PAGE;
        memcpy(bytes + (start - page), segment->bytes + (start - segment->address), end - start);
    }
    return i > first;
}

static bool add_page_copy(struct hc_pages *memory, uint64_t page)
{
    uint8_t *bytes = memory->private_count < PRIVATE_PAGES ? aligned_alloc(PAGE, PAGE) : NULL;
    if (bytes && copy_page(memory, page, bytes) &&
        add_window(memory, (struct hc_window){page, PAGE, bytes, true}))
        return true;
    free(bytes);
    return false;
}

bool hc_pages_map(struct hc_pages *memory, uint64_t address)
{
    uint64_t available, page = address & -(uint64_t)PAGE;
    if (page >= HIGHEST)
        return false;
    const uint8_t *bytes = hc_reader_span(&memory->reader, page, &available);
    if (!bytes || available < PAGE)
        return add_page_copy(memory, page);
    uint64_t start = page & -(uint64_t)WINDOW, end = start + WINDOW;
    size_t place = find_window(memory, page);
    if (place && memory->windows.items[place - 1].address + memory->windows.items[place - 1].size > start)
        start = memory->windows.items[place - 1].address + memory->windows.items[place - 1].size;
    if (place < memory->windows.count && memory->windows.items[place].address < end)
        end = memory->windows.items[place].address;
    uint64_t before = page - memory->reader.address;
    if (page - start > before)
        start = page - (before & -(uint64_t)PAGE);
    if (end - page > available)
        end = page + (available & -(uint64_t)PAGE);
    return add_window(memory,
                      (struct hc_window){start, end - start, (uint8_t *)bytes - (page - start), false});
}

bool hc_pages_make_private(struct hc_pages *memory, uint64_t address)
{
    uint64_t page = address & -(uint64_t)PAGE;
    size_t place = find_window(memory, page);
    if (place == memory->windows.count || memory->windows.items[place].address > page) {
        if (!hc_pages_map(memory, page))
            return false;
        place = find_window(memory, page);
    }
    struct hc_window whole = memory->windows.items[place];
    if (whole.is_private)
        return true;
    if (memory->private_count == PRIVATE_PAGES)
        return false;
    remove_window(memory, place);
    uint64_t before = page - whole.address, after = whole.size - before - PAGE;
    if (before && !add_window(memory, (struct hc_window){whole.address, before, whole.bytes, false}))
        return false;
    if (after &&
        !add_window(memory, (struct hc_window){page + PAGE, after, whole.bytes + before + PAGE, false}))
        return false;
    return add_page_copy(memory, page);
}

static void put_word(struct hc_pages *memory, const struct hc_preset *preset)
{
    const struct hc_window *window = &memory->windows.items[find_window(memory, preset->address)];
    memcpy(window->bytes + (preset->address - window->address), &preset->value, sizeof(preset->value));
}

void hc_pages_thin_out(struct hc_pages *memory)
{
    if (memory->private_count <= PRIVATE_PAGES / 4)
        return;
    for (size_t i = memory->windows.count; i-- > 0;)
        if (memory->windows.items[i].is_private)
            remove_window(memory, i);
}

void hc_pages_reset(struct hc_pages *memory)
{
    size_t left = memory->private_count;
    for (size_t i = 0; left && i < memory->windows.count; i++) {
        struct hc_window *window = &memory->windows.items[i];
        if (!window->is_private)
            continue;
        copy_page(memory, window->address, window->bytes);
        left--;
    }
    for (size_t i = 0; i < memory->preset_count; i++) {
        const struct hc_preset *preset = &memory->presets[i];
        if (hc_pages_make_private(memory, preset->address))
            put_word(memory, preset);
    }
}

bool hc_pages_preset(struct hc_pages *memory, uint64_t address, uint64_t value)
{
    if (memory->preset_count == HC_MEMORY_PRESETS || address % sizeof(value) || address >= HIGHEST ||
        !hc_reader_view(&memory->reader, address, sizeof(value)))
        return false;
    memory->presets[memory->preset_count++] = (struct hc_preset){address, value};
    return true;
}

bool hc_pages_read(struct hc_pages *memory, uint64_t address, void *bytes, size_t length)
{
    for (uint8_t *to = bytes; length;) {
        size_t place = find_window(memory, address);
        const struct hc_window *window = memory->windows.items + place;
        const uint8_t *from;
        uint64_t available;
        if (place < memory->windows.count && window->address <= address && window->is_private) {
            from = window->bytes + (address - window->address);
            available = window->size - (address - window->address);
        } else {
            from = hc_reader_span(&memory->reader, address, &available);
        }
        if (!from)
            return false;
        // Page by page: the next may be a private one.
        uint64_t part = PAGE - address % PAGE;
        part = part < available ? part : available;
        part = part < length ? part : length;
        memcpy(to, from, part);
        to += part;
        address += part;
        length -= part;
    }
    return true;
}

bool hc_pages_write(struct hc_pages *memory, uint64_t address, const void *bytes, size_t length,
                    uint64_t *ret_missing)
{
    while (length) {
        const struct hc_window *window = &memory->windows.items[find_window(memory, address)];
        if (window == memory->windows.items + memory->windows.count || window->address > address ||
            !window->is_private) {
            *ret_missing = address;
            return false;
        }
        uint64_t available = window->size - (address - window->address);
        size_t part = length < available ? length : available;
        memcpy(window->bytes + (address - window->address), bytes, part);
        bytes = (const uint8_t *)bytes + part;
        address += part;
        length -= part;
    }
    return true;
}

uint64_t hc_pages_find_gap(const struct hc_image *image, uint64_t size)
{
    size_t count;
    const struct hc_segment *segments = hc_image_segments(image, &count);
    uint64_t start = 1ul << 40; // far from where kernels put programs, heaps, libraries and stacks
    for (size_t i = 0; i < count; i++)
        if (segments[i].address + segments[i].length > start) {
            if (segments[i].address >= start + size)
                break;
            start = (segments[i].address + segments[i].length + PAGE - 1) & -(uint64_t)PAGE;
        }
    return start;
}
