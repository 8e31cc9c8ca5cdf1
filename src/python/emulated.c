#include "python/emulated.h"

#include "base/address_map.h"
#include "python/learned.h"
#include "python/threads.h"

#include <string.h>

enum {
    CALL_BLOCKS = 1 << 26,  // of one call: a container of ten million objects is traversed with it
    VISIT_BLOCKS = 1 << 22, // … where it can be done without
    FIRST_CREDIT = 1 << 23, // of all calls, besides what decoders are granted
    CALL_CREDIT = 4096,
    FAILURES = 8,         // in a row from the start: its code is not for the emulator
    ENDLESS_FAILURES = 2, // … which cost the most
    CHECK_EACH = 1024,    // a learned function runs for one object in so many
    MOST_FUNCTIONS = 1 << 16,
    MOST_THREADS = 1 << 16,
};

struct function {
    uint64_t address;
    struct hc_learned learned;
    uint64_t calls;
    uint32_t failures;
    bool has_worked;
    enum hc_emulation failure; // the last
};

HC_DEFINE_VECTOR(function_vector, struct function)

struct hc_emulated {
    struct hc_emulator *emulator;
    struct hc_emulator *learner; // slower: it tells what is loaded
    uint64_t credit;             // blocks that may still be run, beyond what each call is granted
    struct hc_loads loads;
    struct function_vector functions;
    struct hc_address_map numbers; // of the functions
    struct hc_word_vector words;   // what a learned function visits
};

void hc_emulated_destroy(struct hc_emulated *emulated)
{
    if (!emulated)
        return;
    hc_emulator_destroy(emulated->emulator);
    hc_emulator_destroy(emulated->learner);
    function_vector_deinit(&emulated->functions);
    hc_word_vector_deinit(&emulated->words);
    hc_address_map_deinit(&emulated->numbers);
    free(emulated);
}

HC_DEFINE_POINTER_CLEANUP(hc_emulated_destroy, struct hc_emulated)

// The thread pointer of a thread that runs Python, for thread-local variables.
static uint64_t thread_pointer(struct hc_tracer *tracer, uint64_t thread_state)
{
    const struct hc_process_info *process = hc_image_process(tracer->runtime->image);
    uint64_t ident = 0;
    if (hc_is_present(tracer->at->thread_id))
        hc_reader_word(&tracer->reader, thread_state + tracer->at->thread_id, &ident);
    const struct hc_thread_info *own = hc_thread_find_native(tracer->runtime->image, ident);
    for (size_t i = 0; !own && i < process->thread_count; i++)
        if (process->threads[i].has_tls_base)
            own = &process->threads[i];
    return own ? own->tls_base : 0;
}

// Of the first interpreter's first thread, which is the last in the list.
static uint64_t main_thread_state(struct hc_tracer *tracer)
{
    uint64_t state = 0, next;
    const struct hc_word_vector *interpreters = &tracer->runtime->interpreters;
    uint64_t interpreter = interpreters->count ? interpreters->items[interpreters->count - 1] : 0;
    if (!hc_reader_word(&tracer->reader, interpreter + tracer->at->interpreter_threads, &next))
        return 0;
    for (unsigned i = 0; next && i < MOST_THREADS; i++) {
        state = next;
        if (!hc_reader_word(&tracer->reader, state + tracer->at->thread_next, &next))
            break;
    }
    return state;
}

// Code that allocates or asks for its interpreter needs a current thread state. If nobody holds the GIL there
// is none: the variable that the interpreter's own getter loads last is where it belongs.
static void set_thread_state(struct hc_tracer *tracer, struct hc_emulated *emulated, uint64_t thread_state)
{
    struct hc_debug_info *info = tracer->runtime->debug_info;
    uint64_t current, size, getter;
    if (!info ||
        (!hc_debug_info_find_symbol(info, "PyThreadState_GetUnchecked", NULL, &getter, &size) && // 3.13
         !hc_debug_info_find_symbol(info, "_PyThreadState_UncheckedGet", NULL, &getter, &size)))
        return;
    hc_loads_begin(&emulated->loads, 0, 0);
    if (!thread_state ||
        hc_emulator_call(emulated->learner, getter, NULL, 0, CALL_BLOCKS, &current) != HC_EMULATION_DONE ||
        current || !emulated->loads.last)
        return;
    hc_emulator_preset(emulated->emulator, emulated->loads.last, thread_state);
    hc_emulator_preset(emulated->learner, emulated->loads.last, thread_state);
}

static struct hc_error *create(struct hc_tracer *tracer, struct hc_emulated **ret)
{
    const struct hc_image *image = tracer->runtime->image;
    _cleanup_(hc_emulated_destroyp) struct hc_emulated *emulated = calloc(1, sizeof(*emulated));
    if (!emulated)
        return hc_error_out_of_memory();
    emulated->credit = FIRST_CREDIT + hc_tracer_allowance(image);
    uint64_t thread_state = main_thread_state(tracer);
    struct hc_emulator_options options = {.thread_pointer = thread_pointer(tracer, thread_state)};
    HC_TRY(hc_emulator_create(image, &options, &emulated->emulator));
    emulated->loads.image = image;
    emulated->loads.word_size = tracer->reader.target.word_size;
    options.on_load = hc_loads_note;
    options.argument = &emulated->loads;
    HC_TRY(hc_emulator_create(image, &options, &emulated->learner));
    if (emulated->emulator && emulated->learner)
        set_thread_state(tracer, emulated, thread_state);
    *ret = hc_take(emulated);
    return NULL;
}

static struct hc_emulated *emulated_of(struct hc_tracer *tracer)
{
    if (tracer->runtime->no_emulation)
        return NULL;
    if (!tracer->emulated) {
        struct hc_error *error = create(tracer, &tracer->emulated);
        tracer->out_of_memory |= error != NULL;
        hc_error_destroy(error);
    }
    return tracer->emulated && tracer->emulated->learner ? tracer->emulated : NULL;
}

static struct function *find_function(struct hc_emulated *emulated, uint64_t address)
{
    struct function_vector *functions = &emulated->functions;
    uint32_t number;
    bool inserted;
    if (hc_address_map_find(&emulated->numbers, address, &number))
        return &functions->items[number];
    if (functions->count == MOST_FUNCTIONS ||
        !function_vector_push(functions, (struct function){.address = address}))
        return NULL;
    number = (uint32_t)functions->count - 1;
    if (hc_address_map_insert(&emulated->numbers, address, number, &inserted))
        return &functions->items[number];
    functions->count--;
    return NULL;
}

static bool is_hopeless(const struct function *function)
{
    uint32_t most = function->failure == HC_EMULATION_ENDLESS ? ENDLESS_FAILURES : FAILURES;
    return !function->has_worked && function->failures >= most;
}

// Every object of a forged image could have a function that takes long: there is a purse for all that cost
// much, which grows with each call by what an honest one may cost.
static uint64_t limit_of(struct hc_emulated *emulated, uint64_t most)
{
    emulated->credit += CALL_CREDIT;
    return emulated->credit < most ? emulated->credit : most;
}

static void spend(struct hc_emulated *emulated, const struct hc_emulator *emulator)
{
    uint64_t blocks = hc_emulator_blocks(emulator);
    emulated->credit -= blocks < emulated->credit ? blocks : emulated->credit;
}

static enum hc_emulation account(struct function *function, enum hc_emulation outcome)
{
    if (outcome == HC_EMULATION_DONE) {
        function->has_worked = true;
        return outcome;
    }
    function->failures++;
    function->failure = outcome;
    return outcome;
}

// False: that has to be found out by running the function.
static bool read_learned(struct hc_emulated *emulated, const struct hc_tracer *tracer,
                         const struct hc_learned *learned, const struct hc_object_view *object,
                         const uint64_t **ret_items, size_t *ret_count)
{
    emulated->words.count = 0;
    if (!hc_word_vector_reserve(&emulated->words, HC_LEARNED_WORDS))
        return false;
    for (uint32_t i = 0; i < learned->count; i++) {
        uint64_t word = hc_view_word(tracer, object, learned->offsets[i]);
        if (!word)
            continue;
        if (!(learned->visited >> i & 1))
            return false;
        emulated->words.items[emulated->words.count++] = word;
    }
    *ret_items = emulated->words.items;
    *ret_count = emulated->words.count;
    return true;
}

enum hc_emulation hc_emulated_traverse(struct hc_tracer *tracer, const struct hc_object_view *object,
                                       const uint64_t **ret_items, size_t *ret_count)
{
    struct hc_emulated *emulated = emulated_of(tracer);
    struct function *function = emulated ? find_function(emulated, object->type->traverse) : NULL;
    if (!function)
        return HC_EMULATION_UNAVAILABLE;
    if (is_hopeless(function))
        return function->failure;
    const struct hc_target *target = &tracer->object_reader.target;
    struct hc_learned *learned = &function->learned;
    bool is_whole = object->available >= object->type->basicsize;
    bool is_learning = learned->state == HC_LEARNING && is_whole;
    if (learned->state == HC_LEARNED && is_whole && ++function->calls % CHECK_EACH &&
        read_learned(emulated, tracer, learned, object, ret_items, ret_count))
        return HC_EMULATION_DONE;

    struct hc_emulator *emulator = is_learning ? emulated->learner : emulated->emulator;
    if (is_learning)
        hc_loads_begin(&emulated->loads, object->address, object->type->basicsize);
    enum hc_emulation outcome = hc_emulator_collect(emulator, function->address, object->address,
                                                    limit_of(emulated, CALL_BLOCKS), ret_items, ret_count);
    spend(emulated, emulator);
    if (account(function, outcome) != HC_EMULATION_DONE)
        return outcome;
    if (is_learning)
        hc_learn(learned, &emulated->loads, target, object->bytes, *ret_items, *ret_count);
    else if (learned->state == HC_LEARNED && is_whole &&
             !hc_learned_agrees(learned, target, object->bytes, *ret_items, *ret_count))
        learned->state = HC_UNLEARNED;
    return HC_EMULATION_DONE;
}

enum hc_emulation hc_emulated_visit(struct hc_tracer *tracer, uint64_t function, uint64_t object,
                                    const uint64_t **ret_items, size_t *ret_count)
{
    struct hc_emulated *emulated = emulated_of(tracer);
    if (!emulated)
        return HC_EMULATION_UNAVAILABLE;
    enum hc_emulation outcome = hc_emulator_collect(emulated->emulator, function, object,
                                                    limit_of(emulated, VISIT_BLOCKS), ret_items, ret_count);
    spend(emulated, emulated->emulator);
    return outcome;
}

// A non-negative int, as the call left it in the emulator's memory.
static bool read_int(struct hc_tracer *tracer, struct hc_emulator *emulator, uint64_t address, uint64_t *ret)
{
    enum { DIGIT_BITS = 30, MOST_DIGITS = 2 }; // Include/internal/pycore_long.h; sizes are below 2**60
    const struct hc_offsets *at = tracer->at;
    const struct hc_target *target = &tracer->reader.target;
    bool has_tag = hc_is_present(at->long_tag);
    uint8_t bytes[8], digit[4];
    if (!hc_emulator_read(emulator, address + (has_tag ? at->long_tag : at->var_size), bytes,
                          target->word_size))
        return false;
    int64_t count = hc_load_signed_word(target, bytes);
    if (has_tag && count & 2) // negative, _PyLong_SIGN_MASK
        return false;
    count = has_tag ? count >> 3 : count;
    *ret = 0;
    for (int64_t i = 0; i < count && i < MOST_DIGITS; i++) {
        if (!hc_emulator_read(emulator, address + at->long_digits + (uint64_t)i * sizeof(digit), digit,
                              sizeof(digit)))
            return false;
        *ret |= (uint64_t)hc_load_u32(target, digit) << i * DIGIT_BITS;
    }
    return count >= 0 && count <= MOST_DIGITS;
}

enum hc_emulation hc_emulated_sizeof(struct hc_tracer *tracer, const struct hc_object_view *object,
                                     uint64_t *ret)
{
    struct hc_emulated *emulated = emulated_of(tracer);
    struct function *function = emulated ? find_function(emulated, object->type->sizeof_function) : NULL;
    if (!function)
        return HC_EMULATION_UNAVAILABLE;
    if (is_hopeless(function))
        return function->failure;
    // For a function that asks for its defining class, the rest says that there are no arguments.
    const uint64_t arguments[] = {object->address, object->type->sizeof_class, 0, 0, 0};
    uint64_t result;
    enum hc_emulation outcome =
        hc_emulator_call(emulated->emulator, function->address, arguments,
                         sizeof(arguments) / sizeof(*arguments), limit_of(emulated, CALL_BLOCKS), &result);
    spend(emulated, emulated->emulator);
    if (outcome == HC_EMULATION_DONE && (!result || !read_int(tracer, emulated->emulator, result, ret)))
        outcome = HC_EMULATION_EXCEPTION;
    return account(function, outcome);
}
