#include "emulator/emulator.h"

#include "emulator/internal.h"
#include "emulator/intrinsics.h"

#include <string.h>

// What takes longer than a basic block, in basic blocks.
enum { MAP_COST = 64, SKIP_COST = 64, RESTART_COST = 2000 };

const char *hc_emulation_name(enum hc_emulation outcome)
{
    static const char *const names[HC_EMULATION_COUNT] = {
        [HC_EMULATION_DONE] = "done",
        [HC_EMULATION_UNAVAILABLE] = "there is no emulator: no libunicorn2, or --no-emulation",
        [HC_EMULATION_NO_CODE] = "its code is not in the image",
        [HC_EMULATION_HOLE] = "it reads memory that the image does not have",
        [HC_EMULATION_ENDLESS] = "it does not come to an end",
        [HC_EMULATION_MEMORY] = "it takes too much memory",
        [HC_EMULATION_EXCEPTION] = "it does what the emulator cannot",
    };
    return names[outcome];
}

const char *hc_emulation_key(enum hc_emulation outcome)
{
    static const char *const keys[HC_EMULATION_COUNT] = {
        [HC_EMULATION_DONE] = "done",           [HC_EMULATION_UNAVAILABLE] = "no_emulator",
        [HC_EMULATION_NO_CODE] = "no_code",     [HC_EMULATION_HOLE] = "hole",
        [HC_EMULATION_ENDLESS] = "endless",     [HC_EMULATION_MEMORY] = "memory",
        [HC_EMULATION_EXCEPTION] = "exception",
    };
    return keys[outcome];
}

bool hc_emulator_charge(struct hc_emulator *emulator, uint64_t blocks)
{
    emulator->blocks += blocks;
    if (emulator->blocks <= emulator->limit)
        return true;
    emulator->cause = HC_EMULATION_ENDLESS;
    emulator->unicorn->uc_emu_stop(emulator->engine);
    return false;
}

static void on_block(uc_engine *engine, uint64_t address, uint32_t size, void *argument)
{
    (void)engine;
    (void)address;
    (void)size;
    hc_emulator_charge(argument, 1);
}

static bool on_unmapped(uc_engine *engine, uc_mem_type type, uint64_t address, int size, int64_t value,
                        void *argument)
{
    (void)engine;
    (void)type;
    (void)size;
    (void)value;
    struct hc_emulator *emulator = argument;
    return hc_emulator_charge(emulator, MAP_COST + emulator->memory.windows.count) &&
           hc_pages_map(&emulator->memory, address);
}

static bool on_protected_write(uc_engine *engine, uc_mem_type type, uint64_t address, int size, int64_t value,
                               void *argument)
{
    (void)engine;
    (void)type;
    (void)size;
    (void)value;
    struct hc_emulator *emulator = argument;
    emulator->written = address;
    return false;
}

static void on_load(uc_engine *engine, uc_mem_type type, uint64_t address, int size, int64_t value,
                    void *argument)
{
    (void)engine;
    (void)type;
    (void)value;
    struct hc_emulator *emulator = argument;
    emulator->options.on_load(emulator->options.argument, emulator, address, (unsigned)size);
}

static bool on_invalid(uc_engine *engine, void *argument)
{
    (void)engine;
    struct hc_emulator *emulator = argument;
    emulator->has_skipped = emulator->machine->skip && emulator->machine->skip(emulator) &&
                            hc_emulator_charge(emulator, SKIP_COST);
    return emulator->has_skipped;
}

// Without this the emulator goes past such an instruction.
static void on_system_call(uc_engine *engine, void *argument)
{
    struct hc_emulator *emulator = argument;
    emulator->cause = HC_EMULATION_EXCEPTION;
    emulator->unicorn->uc_emu_stop(engine);
}

static bool refuse_system_calls(struct hc_emulator *emulator)
{
    const struct hc_machine *machine = emulator->machine;
    for (size_t i = 0; i < sizeof(machine->system_calls) / sizeof(*machine->system_calls); i++) {
        uc_hook hook; // belongs to the engine
        if (machine->system_calls[i] &&
            emulator->unicorn->uc_hook_add(emulator->engine, &hook, UC_HOOK_INSN, on_system_call, emulator, 1,
                                           0, machine->system_calls[i]))
            return false;
    }
    return true;
}

static bool save_processor(struct hc_emulator *emulator)
{
    return emulator->unicorn->uc_context_alloc(emulator->engine, &emulator->fresh) == UC_ERR_OK &&
           emulator->unicorn->uc_context_save(emulator->engine, emulator->fresh) == UC_ERR_OK;
}

static bool add_hook(struct hc_emulator *emulator, int kind, void *function)
{
    uc_hook hook; // belongs to the engine
    return emulator->unicorn->uc_hook_add(emulator->engine, &hook, kind, function, emulator, 1, 0) ==
           UC_ERR_OK;
}

static bool map_collection(struct hc_emulator *emulator, uint64_t capacity)
{
    size_t size = sizeof(*emulator->collection) + capacity * sizeof(uint64_t);
    struct hc_collection *grown = aligned_alloc(PAGE, size);
    if (!grown)
        return false;
    if (emulator->collection)
        emulator->unicorn->uc_mem_unmap(emulator->engine, emulator->collected,
                                        sizeof(*grown) + emulator->collection->capacity * sizeof(uint64_t));
    free(emulator->collection);
    emulator->collection = grown;
    grown->capacity = capacity;
    return emulator->unicorn->uc_mem_map_ptr(emulator->engine, emulator->collected, size,
                                             UC_PROT_READ | UC_PROT_WRITE, grown) == UC_ERR_OK;
}

static bool map_own(struct hc_emulator *emulator)
{
    emulator->own = aligned_alloc(PAGE, OWN_SIZE);
    if (!emulator->own)
        return false;
    memset(emulator->own, 0, OWN_SIZE);
    memcpy(emulator->own, emulator->machine->collect, emulator->machine->collect_size);
    // A thread block begins with its own address (x86-64's ABI for thread-local storage).
    uint64_t block = emulator->base + CODE_SIZE + THREAD_SIZE / 2;
    memcpy(emulator->own + CODE_SIZE + THREAD_SIZE / 2, &block, sizeof(block));
    if (!emulator->options.thread_pointer)
        emulator->options.thread_pointer = block;
    return emulator->unicorn->uc_mem_map_ptr(emulator->engine, emulator->base, CODE_SIZE,
                                             UC_PROT_READ | UC_PROT_EXEC, emulator->own) == UC_ERR_OK &&
           emulator->unicorn->uc_mem_map_ptr(emulator->engine, emulator->base + CODE_SIZE,
                                             OWN_SIZE - CODE_SIZE, UC_PROT_READ | UC_PROT_WRITE,
                                             emulator->own + CODE_SIZE) == UC_ERR_OK;
}

static bool set_up(struct hc_emulator *emulator, const struct hc_image *image)
{
    const struct hc_unicorn *unicorn = emulator->unicorn;
    // Room for the largest collection, and an empty page to either side.
    uint64_t room = OWN_SIZE + (uint64_t)(MOST_ITEMS + PAGE) * sizeof(uint64_t);
    emulator->base = hc_pages_find_gap(image, room + 3 * PAGE) + PAGE;
    emulator->collected = emulator->base + OWN_SIZE + PAGE;
    if (unicorn->uc_open(emulator->machine->arch, emulator->machine->mode, &emulator->engine))
        return false;
    hc_pages_init(&emulator->memory, unicorn, emulator->engine, image);
    unicorn->uc_ctl(emulator->engine, UC_CTL_WRITE(UC_CTL_CPU_MODEL, 1), emulator->machine->cpu_model);
    return map_own(emulator) && map_collection(emulator, LEAST_ITEMS) && save_processor(emulator) &&
           refuse_system_calls(emulator) && add_hook(emulator, UC_HOOK_BLOCK, on_block) &&
           add_hook(emulator, UC_HOOK_MEM_UNMAPPED, on_unmapped) &&
           add_hook(emulator, UC_HOOK_MEM_WRITE_PROT, on_protected_write) &&
           add_hook(emulator, UC_HOOK_INSN_INVALID, on_invalid) &&
           (!emulator->options.on_load || add_hook(emulator, UC_HOOK_MEM_READ, on_load));
}

struct hc_error *hc_emulator_create(const struct hc_image *image, const struct hc_emulator_options *options,
                                    struct hc_emulator **ret)
{
    *ret = NULL;
    const struct hc_machine *machine = hc_machine_find(hc_image_target(image));
    const struct hc_unicorn *unicorn = machine ? hc_unicorn_load() : NULL;
    if (!unicorn)
        return NULL;
    _cleanup_(hc_emulator_destroyp) struct hc_emulator *emulator = calloc(1, sizeof(*emulator));
    if (!emulator)
        return hc_error_out_of_memory();
    emulator->unicorn = unicorn;
    emulator->machine = machine;
    emulator->options = *options;
    if (!set_up(emulator, image))
        return NULL; // memory that can be run is forbidden, say
    HC_TRY(hc_intrinsics_add(emulator, image));
    *ret = hc_take(emulator);
    return NULL;
}

void hc_emulator_destroy(struct hc_emulator *emulator)
{
    if (!emulator)
        return;
    if (emulator->fresh)
        emulator->unicorn->uc_context_free(emulator->fresh);
    if (emulator->engine)
        emulator->unicorn->uc_close(emulator->engine);
    hc_intrinsics_remove(emulator);
    hc_pages_deinit(&emulator->memory);
    free(emulator->own);
    free(emulator->collection);
    free(emulator);
}

uint64_t hc_emulator_register(struct hc_emulator *emulator, int name)
{
    uint64_t value = 0;
    emulator->unicorn->uc_reg_read(emulator->engine, name, &value);
    return value;
}

void hc_emulator_set_register(struct hc_emulator *emulator, int name, uint64_t value)
{
    emulator->unicorn->uc_reg_write(emulator->engine, name, &value);
}

// The emulator's own bytes at `address`, or NULL.
static uint8_t *own_bytes(struct hc_emulator *emulator, uint64_t address, size_t length)
{
    uint64_t offset = address - emulator->base;
    return offset < OWN_SIZE && length <= OWN_SIZE - offset ? emulator->own + offset : NULL;
}

bool hc_emulator_load(struct hc_emulator *emulator, uint64_t address, void *bytes, size_t length)
{
    if (emulator->options.on_load)
        emulator->options.on_load(emulator->options.argument, emulator, address, (unsigned)length);
    const uint8_t *own = own_bytes(emulator, address, length);
    if (!own)
        return hc_pages_read(&emulator->memory, address, bytes, length);
    memcpy(bytes, own, length);
    return true;
}

bool hc_emulator_store(struct hc_emulator *emulator, uint64_t address, const void *bytes, size_t length)
{
    uint8_t *own = own_bytes(emulator, address, length);
    if (!own)
        return hc_pages_write(&emulator->memory, address, bytes, length, &emulator->written);
    memcpy(own, bytes, length);
    return true;
}

static uc_err run(struct hc_emulator *emulator, uint64_t function, const uint64_t *arguments, size_t count)
{
    const struct hc_machine *machine = emulator->machine;
    uint64_t stop = emulator->base + STOP;
    uint64_t stack = CODE_SIZE + THREAD_SIZE + STACK_SIZE - PAGE; // in our own memory, aligned as C wants it
    if (machine->link) {
        hc_emulator_set_register(emulator, machine->link, stop);
    } else {
        stack -= sizeof(stop);
        memcpy(emulator->own + stack, &stop, sizeof(stop));
    }
    hc_emulator_set_register(emulator, machine->stack_pointer, emulator->base + stack);
    hc_emulator_set_register(emulator, machine->thread_pointer, emulator->options.thread_pointer);
    for (size_t i = 0; i < count; i++)
        hc_emulator_set_register(emulator, machine->arguments[i], arguments[i]);
    emulator->cause = HC_EMULATION_DONE;
    emulator->written = 0;
    uc_err error;
    do { // Unicorn comes to a quiet end where an instruction was skipped
        emulator->has_skipped = false;
        error = emulator->unicorn->uc_emu_start(emulator->engine, function, stop, 0, 0);
        function = hc_emulator_register(emulator, machine->program_counter);
    } while (error == UC_ERR_OK && emulator->has_skipped && emulator->cause == HC_EMULATION_DONE &&
             !emulator->written);
    return error;
}

static enum hc_emulation outcome_of(struct hc_emulator *emulator, uc_err error)
{
    if (emulator->cause != HC_EMULATION_DONE)
        return emulator->cause;
    switch (error) {
    case UC_ERR_OK: // also of a processor that was told to halt
        return hc_emulator_register(emulator, emulator->machine->program_counter) == emulator->base + STOP
                   ? HC_EMULATION_DONE
                   : HC_EMULATION_EXCEPTION;
    case UC_ERR_FETCH_UNMAPPED:
    case UC_ERR_FETCH_PROT:
        return HC_EMULATION_NO_CODE;
    case UC_ERR_READ_UNMAPPED:
    case UC_ERR_WRITE_UNMAPPED:
    case UC_ERR_WRITE_PROT:
        return HC_EMULATION_HOLE;
    case UC_ERR_NOMEM:
        return HC_EMULATION_MEMORY;
    default:
        return HC_EMULATION_EXCEPTION;
    }
}

// A write to a page that is still the image's ends the run: the page gets a copy, and the call starts again.
enum hc_emulation hc_emulator_call(struct hc_emulator *emulator, uint64_t function, const uint64_t *arguments,
                                   size_t count, uint64_t limit, uint64_t *ret)
{
    emulator->blocks = 0;
    emulator->limit = limit;
    hc_pages_thin_out(&emulator->memory);
    while (true) {
        hc_pages_reset(&emulator->memory);
        uc_err error = run(emulator, function, arguments, count);
        *ret = hc_emulator_register(emulator, emulator->machine->result);
        enum hc_emulation outcome = outcome_of(emulator, error);
        if (outcome == HC_EMULATION_DONE)
            return outcome;
        // Flags, control registers: whatever a broken call left.
        emulator->unicorn->uc_context_restore(emulator->engine, emulator->fresh);
        if (!emulator->written || emulator->cause != HC_EMULATION_DONE)
            return outcome;
        if (!hc_pages_make_private(&emulator->memory, emulator->written))
            return HC_EMULATION_MEMORY;
        if (!hc_emulator_charge(emulator, RESTART_COST))
            return HC_EMULATION_ENDLESS;
    }
}

enum hc_emulation hc_emulator_collect(struct hc_emulator *emulator, uint64_t function, uint64_t object,
                                      uint64_t limit, const uint64_t **ret_items, size_t *ret_count)
{
    const uint64_t arguments[] = {object, emulator->base, emulator->collected};
    while (true) {
        uint64_t result;
        emulator->collection->count = 0;
        enum hc_emulation outcome = hc_emulator_call(emulator, function, arguments, 3, limit, &result);
        uint64_t capacity = emulator->collection->capacity;
        if (outcome == HC_EMULATION_DONE && emulator->collection->count == capacity) {
            // The next size that fills pages: count and capacity take the place of two items.
            capacity = (capacity + 2) * 16 - 2;
            if (capacity > MOST_ITEMS || !map_collection(emulator, capacity))
                return HC_EMULATION_MEMORY;
            continue;
        }
        *ret_items = emulator->collection->items;
        *ret_count = emulator->collection->count;
        return outcome;
    }
}

uint64_t hc_emulator_blocks(const struct hc_emulator *emulator)
{
    return emulator->blocks;
}

bool hc_emulator_owns(const struct hc_emulator *emulator, uint64_t address)
{
    uint64_t start = emulator->base + CODE_SIZE + THREAD_SIZE;
    uint64_t end = emulator->collected + sizeof(*emulator->collection) +
                   emulator->collection->capacity * sizeof(uint64_t);
    return address >= start && address < end;
}

bool hc_emulator_is_of_thread(const struct hc_emulator *emulator, uint64_t address)
{
    enum { REACH = 64 << 10 };
    return address - (emulator->options.thread_pointer - REACH) < 2 * REACH;
}

bool hc_emulator_read(struct hc_emulator *emulator, uint64_t address, void *bytes, size_t length)
{
    return hc_pages_read(&emulator->memory, address, bytes, length);
}

bool hc_emulator_preset(struct hc_emulator *emulator, uint64_t address, uint64_t value)
{
    uint64_t offset = address - emulator->base;
    if (offset >= OWN_SIZE - sizeof(value))
        return hc_pages_preset(&emulator->memory, address, value);
    memcpy(emulator->own + offset, &value, sizeof(value));
    return true;
}
