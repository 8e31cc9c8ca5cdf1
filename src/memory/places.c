// What is not an allocator's: threads' stacks, binaries, mapped files, static objects, the interpreter's own
// structures.
#include "memory/account.h"

#include "base/address_map.h"
#include "base/interrupt.h"
#include "python/threads.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_OF_RED_ZONE = 16 }; // below the stack pointer, and in use

static struct hc_error *claim_place(struct hc_account *account, uint64_t start, uint64_t end,
                                    enum hc_claim_rank rank, const struct hc_memory_place *place)
{
    struct hc_record record = hc_record_of(place->category);
    if (start >= end)
        return NULL;
    HC_TRY(hc_account_add_place(account, place, &record.place));
    return hc_account_claim(account, start, end, rank, record);
}

// ---- stacks

// Address and size of a thread's stack stand side by side in the C library's struct pthread, and its guard's
// size twice behind them. The struct begins where the thread pointer points to on x86-64; elsewhere it ends
// there. Stacks end a little behind.
static bool is_stack(const struct hc_account *account, const uint64_t words[static 4], uint64_t tls,
                     uint64_t pointer)
{
    enum { MOST_BEHIND = 1 << 21 }; // thread-local storage of libraries
    uint64_t start = words[0], size = words[1], guard = words[2], page = account->page_size;
    return start && start % page == 0 && size % page == 0 && start <= pointer && pointer - start < size &&
           tls > pointer && tls - start < size && size - (tls - start) < MOST_BEHIND && guard % page == 0 &&
           guard < size && words[3] <= guard;
}

static bool read_stack(struct hc_account *account, uint64_t tls, uint64_t pointer, uint64_t *ret_start,
                       uint64_t *ret_end)
{
    enum { LARGEST = 4096, WORDS = 4 };
    const struct hc_target *target = &account->reader.target;
    uint64_t from = target->machine == EM_X86_64 ? tls : tls > LARGEST ? tls - LARGEST : 0;
    for (uint64_t at = from; at < from + LARGEST; at += target->word_size) {
        uint64_t words[WORDS];
        bool is_there = true;
        for (unsigned i = 0; i < WORDS; i++)
            is_there &= hc_reader_word(&account->reader, at + i * target->word_size, &words[i]);
        if (is_there && is_stack(account, words, tls, pointer)) {
            *ret_start = words[0];
            *ret_end = words[0] + words[1];
            return true;
        }
    }
    return false;
}

static struct hc_error *claim_stack(struct hc_account *account, const struct hc_thread_info *thread)
{
    enum { LARGEST = 1 << 26 };
    const struct hc_target *target = &account->reader.target;
    uint64_t pointer = hc_image_stack_in_use(account->image, thread);
    const struct hc_claim *bound = hc_account_bound(account, pointer);
    if (!pointer || !bound)
        return NULL;
    uint64_t start = bound->start, end = bound->end;
    if (thread->has_tls_base && !read_stack(account, thread->tls_base, pointer, &start, &end)) {
        // The main thread has the kernel's own mapping; of others it is known only that their storage ends
        // it.
        bool is_kernels = thread->tls_base < start || thread->tls_base >= end;
        start = pointer - start > LARGEST ? pointer - LARGEST : start;
        if (!is_kernels && thread->tls_base > pointer && end - thread->tls_base > account->page_size)
            end = (thread->tls_base | (account->page_size - 1)) + 1;
    }
    start = start > bound->start ? start : bound->start;
    end = end < bound->end ? end : bound->end;
    uint64_t used = pointer - (uint64_t)WORDS_OF_RED_ZONE * target->word_size;
    used = used > start ? used : start;
    struct hc_memory_place place = {
        .category = HC_MEMORY_STACK_USED, .address = used, .tid = (uint64_t)thread->tid};
    HC_TRY(claim_place(account, used, end, HC_RANK_STACK, &place));
    place.category = HC_MEMORY_STACK_UNUSED;
    place.address = start;
    return claim_place(account, start, used, HC_RANK_STACK, &place);
}

static struct hc_error *claim_stacks(struct hc_account *account)
{
    const struct hc_process_info *process = hc_image_process(account->image);
    for (size_t i = 0; i < process->thread_count; i++)
        HC_TRY(claim_stack(account, &process->threads[i]));
    return NULL;
}

// ---- binaries and files

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Whether others may have it mapped, too, is not in a core; these names tell.
static bool is_shared(const char *path)
{
    return starts_with(path, "/dev/shm/") || starts_with(path, "/dev/zero") || starts_with(path, "/SYSV") ||
           starts_with(path, "/memfd:");
}

static struct hc_error *claim_module(struct hc_account *account, const struct hc_module *module)
{
    struct hc_memory_place data = {
        .category = HC_MEMORY_MODULE_DATA, .address = module->start, .path = module->path};
    struct hc_memory_place code = data;
    code.category = HC_MEMORY_MODULE_CODE;
    struct hc_record data_record = hc_record_of(data.category), code_record = hc_record_of(code.category);
    if (!hc_account_touches(account, module->start, module->end))
        return NULL;
    HC_TRY(hc_account_add_place(account, &data, &data_record.place));
    HC_TRY(hc_account_add_place(account, &code, &code_record.place));
    uint64_t last = module->end - 1; // the rest of its last page is its, too
    uint64_t module_end = last / account->page_size * account->page_size + account->page_size;
    size_t count;
    const struct hc_segment *segments = hc_image_segments(account->image, &count);
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (segments[middle].address + segments[middle].length <= module->start)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < count && segments[i].address < module_end; i++) {
        uint64_t start = segments[i].address, end = start + segments[i].length;
        HC_TRY(hc_account_claim(account, start > module->start ? start : module->start,
                                end < module_end ? end : module_end, HC_RANK_MODULE,
                                segments[i].writable ? data_record : code_record));
    }
    return NULL;
}

static struct hc_error *claim_files(struct hc_account *account)
{
    size_t count;
    const struct hc_file_mapping *files = hc_image_files(account->image, &count);
    for (size_t i = 0; i < count; i++) {
        struct hc_memory_place place = {
            .category = is_shared(files[i].path) ? HC_MEMORY_SHARED : HC_MEMORY_FILES,
            .address = files[i].start,
            .path = files[i].path,
        };
        if (hc_account_touches(account, files[i].start, files[i].end))
            HC_TRY(claim_place(account, files[i].start, files[i].end, HC_RANK_FILE, &place));
    }
    return NULL;
}

static struct hc_error *claim_modules(struct hc_account *account)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(account->image, &count);
    for (size_t i = 0; i < count; i++)
        HC_TRY(claim_module(account, &modules[i]));
    return NULL;
}

// The kernel gives each process some code that no file has.
static struct hc_error *claim_kernel(struct hc_account *account)
{
    enum { LARGEST = 1 << 16 };
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F'};
    const uint64_t upper_half = UINT64_C(1) << 63;
    size_t count;
    const struct hc_segment *segments = hc_image_segments(account->image, &count);
    for (size_t i = 0; i < count; i++) {
        const struct hc_segment *segment = &segments[i];
        bool is_library = segment->executable && !segment->writable && segment->length <= LARGEST &&
                          segment->length >= sizeof(magic) && !memcmp(segment->bytes, magic, sizeof(magic));
        if (!is_library && segment->address < upper_half)
            continue;
        struct hc_memory_place place = {.category = HC_MEMORY_KERNEL, .address = segment->address};
        HC_TRY(claim_place(account, segment->address, segment->address + segment->length, HC_RANK_KERNEL,
                           &place));
    }
    return NULL;
}

// ---- the interpreter

// The frames of Python functions stand in chunks of the thread's own since 3.11: previous, size, top.
static struct hc_error *claim_frame_stack(struct hc_account *account, struct hc_address_map *seen,
                                          uint64_t chunk)
{
    enum { LEAST = 1 << 12 };
    unsigned word = account->reader.target.word_size;
    for (bool is_new = true; chunk;) {
        uint64_t previous, size, top;
        if (chunk % account->page_size || !hc_reader_word(&account->reader, chunk, &previous) ||
            !hc_reader_word(&account->reader, chunk + word, &size) ||
            !hc_reader_word(&account->reader, chunk + 2 * word, &top) || size < LEAST || size % LEAST ||
            top > size / word || !hc_account_holds(account, chunk, chunk + size))
            return NULL;
        if (!hc_address_map_insert(seen, chunk, 0, &is_new))
            return hc_error_out_of_memory();
        if (!is_new)
            return NULL;
        HC_TRY(hc_account_claim(account, chunk, chunk + size, HC_RANK_INTERPRETER,
                                hc_record_of(HC_MEMORY_INTERPRETER)));
        chunk = previous;
    }
    return NULL;
}

static struct hc_error *claim_frame_stacks(struct hc_account *account)
{
    enum { LARGEST_STATE = 1024 };
    const struct hc_offsets *at = &account->runtime->layouts.at;
    unsigned word = account->reader.target.word_size;
    _cleanup_(hc_address_map_deinit) struct hc_address_map seen = {0};
    for (size_t i = 0; i < account->python_threads.count; i++) {
        uint64_t thread = account->python_threads.items[i], chunk;
        for (uint64_t offset = 0; hc_is_present(at->iframe_previous) && offset < LARGEST_STATE;
             offset += word)
            if (hc_reader_word(&account->reader, thread + offset, &chunk) && chunk)
                HC_TRY(claim_frame_stack(account, &seen, chunk));
    }
    return NULL;
}

static struct hc_error *claim_runtime(struct hc_account *account)
{
    const struct hc_runtime *runtime = account->runtime;
    uint64_t address, size;
    if (hc_debug_info_find_symbol(runtime->debug_info, "_PyRuntime", "Python/pylifecycle.c", &address,
                                  &size) &&
        address == runtime->address && runtime->module && size <= runtime->module->end - address)
        HC_TRY(hc_account_claim(account, address, address + size, HC_RANK_INTERPRETER,
                                hc_record_of(HC_MEMORY_INTERPRETER)));
    return NULL;
}

// ---- objects outside of all allocators

// What an object takes at its own place.
static uint64_t size_in_place(struct hc_account *account, uint32_t number, const struct hc_type *type)
{
    const struct hc_graph *graph = account->graph;
    uint64_t size = hc_graph_size(graph, (hc_object_id){number}), items = 0;
    if (type->flags & HC_TYPE_TYPE_SUBCLASS)
        return type->basicsize;
    if (type->has_items) {
        hc_reader_word(&account->reader,
                       graph->others[number - graph->pool_count] + account->runtime->layouts.at.var_size,
                       &items);
        size = items < UINT32_MAX ? type->basicsize + items * type->itemsize : type->basicsize;
    } else if (!type->is_leaf && !type->itemsize && strcmp(type->name ? type->name : "", "str")) {
        size = type->basicsize; // what it says of itself has its buffers in it
    }
    return size < UINT32_MAX ? size : type->basicsize;
}

// mmap.mmap has address and size of its mapping right behind the object's head. One of a file mostly is not
// in the core.
static struct hc_error *claim_mmap(struct hc_account *account, uint64_t object, uint32_t type)
{
    unsigned word = account->reader.target.word_size;
    uint64_t head = account->runtime->layouts.at.object_type + word, start, size;
    if (!hc_reader_word(&account->reader, object + head, &start) ||
        !hc_reader_word(&account->reader, object + head + word, &size) || !start || !size ||
        start % account->page_size || !hc_account_touches(account, start, start + size))
        return NULL;
    struct hc_record record = hc_record_of(HC_MEMORY_DATA);
    record.type = type;
    size = (size + account->page_size - 1) / account->page_size * account->page_size;
    return hc_account_claim(account, start, start + size, HC_RANK_MAPPED_OBJECT, record);
}

struct hc_error *hc_account_objects(struct hc_account *account)
{
    const struct hc_graph *graph = account->graph;
    for (uint32_t number = graph->pool_count; number < graph->real_count; number++) {
        uint64_t address = graph->others[number - graph->pool_count];
        uint32_t type = graph->type_indexes[number];
        if (number % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (type >= account->kind_count || graph->states[number] == HC_STATE_NONE ||
            hc_account_next_taken(account, address) == address)
            continue;
        struct hc_record record = hc_record_of(hc_account_object_category(account, number));
        record.type = type;
        HC_TRY(hc_account_claim(account, address,
                                address + size_in_place(account, number, graph->types.types.items[type]),
                                HC_RANK_OBJECT, record));
    }
    return NULL;
}

static uint32_t find_mmap_type(const struct hc_account *account)
{
    const struct hc_type_vector *types = &account->graph->types.types;
    for (uint32_t i = 0; i < account->kind_count; i++) {
        const struct hc_type *type = types->items[i];
        if (type->module && type->name && !strcmp(type->module, "mmap") && !strcmp(type->name, "mmap"))
            return i;
    }
    return HC_NOTHING;
}

static struct hc_error *claim_mmaps(struct hc_account *account)
{
    const struct hc_graph *graph = account->graph;
    uint32_t type = find_mmap_type(account);
    for (uint32_t number = 0; type != HC_NOTHING && number < graph->real_count; number++) {
        if (number % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        if (graph->type_indexes[number] == type && graph->states[number] != HC_STATE_NONE)
            HC_TRY(claim_mmap(account, hc_graph_address(graph, (hc_object_id){number}), type));
    }
    return NULL;
}

struct hc_error *hc_account_places(struct hc_account *account)
{
    HC_TRY(claim_stacks(account));
    HC_TRY(claim_modules(account));
    HC_TRY(claim_files(account));
    HC_TRY(claim_kernel(account));
    HC_TRY(claim_runtime(account));
    HC_TRY(claim_frame_stacks(account));
    return claim_mmaps(account);
}
