#include "layout/native.h"

#include "base/path.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

// Where elf_gregset_t has what DWARF has numbers for: System V ABI of x86-64, figure 3.36, and DWARF for the
// Arm 64-bit architecture, 4.1.
static const uint8_t x86_64_places[] = {10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16};
static const uint8_t aarch64_places[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                         16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
enum { MOST_REGISTERS = sizeof(aarch64_places) };

struct registers {
    uint16_t machine;
    const uint8_t *places; // by number in DWARF
    unsigned count;
    unsigned program_counter; // its place
    unsigned size;            // of elf_gregset_t, in words
    bool is_signed;           // return addresses may be
};

static const struct registers machines[] = {
    {.machine = EM_X86_64,
     .places = x86_64_places,
     .count = sizeof(x86_64_places),
     .program_counter = 16,
     .size = 27},
    {.machine = EM_AARCH64,
     .places = aarch64_places,
     .count = sizeof(aarch64_places),
     .program_counter = 32,
     .size = 34,
     .is_signed = true},
};

struct unwinding {
    struct hc_reader reader;
    const struct hc_thread_info *thread;
    const struct registers *registers;
    const struct hc_module *last;
    size_t most;
    struct hc_native_frame_vector *ret;
    bool out_of_memory;
};

void hc_native_frames_deinit(struct hc_native_frame_vector *frames)
{
    for (size_t i = 0; i < frames->count; i++)
        free(frames->items[i].symbol);
    hc_native_frame_vector_deinit(frames);
}

static const struct registers *find_registers(const struct hc_target *target,
                                              const struct hc_thread_info *thread)
{
    for (size_t i = 0; thread && thread->registers && i < sizeof(machines) / sizeof(*machines); i++)
        if (machines[i].machine == target->machine &&
            thread->registers_size >= machines[i].size * (size_t)target->word_size)
            return &machines[i];
    return NULL;
}

static uint64_t read_register(const struct unwinding *unwinding, unsigned place)
{
    unsigned word = unwinding->reader.target.word_size;
    return hc_load_word(&unwinding->reader.target, unwinding->thread->registers + place * word);
}

static pid_t next_thread(Dwfl *dwfl, void *argument, void **thread)
{
    (void)dwfl;
    if (*thread)
        return 0;
    *thread = argument;
    return ((struct unwinding *)argument)->thread->tid;
}

// Where pointer authentication is in use, a return address on the stack carries a signature above the 48 bits
// of an address.
static uint64_t strip_signature(const struct unwinding *unwinding, uint64_t word)
{
    enum { ADDRESS_BITS = 48 };
    uint64_t stripped = word & ((UINT64_C(1) << ADDRESS_BITS) - 1);
    return unwinding->registers->is_signed && stripped != word &&
                   hc_image_find_module(unwinding->reader.image, stripped)
               ? stripped
               : word;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *argument)
{
    (void)dwfl;
    struct unwinding *unwinding = argument;
    uint64_t word;
    if (!hc_reader_word(&unwinding->reader, address, &word))
        return false;
    *ret = strip_signature(unwinding, word);
    return true;
}

static bool set_registers(Dwfl_Thread *thread, void *argument)
{
    const struct unwinding *unwinding = argument;
    Dwarf_Word registers[MOST_REGISTERS];
    for (unsigned i = 0; i < unwinding->registers->count; i++)
        registers[i] = strip_signature(unwinding, read_register(unwinding, unwinding->registers->places[i]));
    dwfl_thread_state_register_pc(thread, read_register(unwinding, unwinding->registers->program_counter));
    return dwfl_thread_state_registers(thread, 0, unwinding->registers->count, registers);
}

static bool add_frame(struct unwinding *unwinding, Dwfl *dwfl, uint64_t address, bool is_call)
{
    // A call that never returns may be the last instruction of its function.
    uint64_t place = is_call ? address - 1 : address;
    struct hc_native_frame frame = {.address = address,
                                    .module = hc_image_find_module(unwinding->reader.image, place)};
    Dwfl_Module *module = dwfl ? dwfl_addrmodule(dwfl, place) : NULL;
    GElf_Sym symbol;
    GElf_Off offset = 0;
    const char *name =
        module ? dwfl_module_addrinfo(module, place, &offset, &symbol, NULL, NULL, NULL) : NULL;
    if (name) {
        frame.symbol = strdup(name);
        frame.offset = offset + (is_call ? 1 : 0);
    }
    if ((name && !frame.symbol) || !hc_native_frame_vector_push(unwinding->ret, frame)) {
        free(frame.symbol);
        unwinding->out_of_memory = true;
        return false;
    }
    return unwinding->ret->count < unwinding->most && (!unwinding->last || frame.module != unwinding->last);
}

static int visit_frame(Dwfl_Frame *frame, void *argument)
{
    struct unwinding *unwinding = argument;
    Dwarf_Addr address;
    bool is_activation;
    if (!dwfl_frame_pc(frame, &address, &is_activation))
        return DWARF_CB_ABORT;
    Dwfl *dwfl = dwfl_thread_dwfl(dwfl_frame_thread(frame));
    return add_frame(unwinding, dwfl, address, !is_activation) ? DWARF_CB_OK : DWARF_CB_ABORT;
}

static void report_modules(Dwfl *dwfl, const struct hc_image *image)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    dwfl_report_begin(dwfl);
    for (size_t i = 0; i < count; i++) {
        int fd = modules[i].fd >= 0 ? fcntl(modules[i].fd, F_DUPFD_CLOEXEC, 0) : -1;
        if (fd >= 0 &&
            !dwfl_report_elf(dwfl, modules[i].path, modules[i].file, fd, modules[i].load_bias, true))
            close(fd);
    }
    dwfl_report_end(dwfl, NULL, NULL);
}

static void close_dwfl(Dwfl **dwfl)
{
    if (*dwfl)
        dwfl_end(*dwfl);
}

static const Dwfl_Callbacks files = {.find_elf = dwfl_build_id_find_elf,
                                     .find_debuginfo = dwfl_standard_find_debuginfo};

struct hc_error *hc_native_stack(const struct hc_image *image, const struct hc_thread_info *thread,
                                 const struct hc_module *last, size_t most,
                                 struct hc_native_frame_vector *ret)
{
    static const Dwfl_Thread_Callbacks state = {
        .next_thread = next_thread, .memory_read = read_memory, .set_initial_registers = set_registers};
    struct unwinding unwinding = {.thread = thread, .last = last, .most = most, .ret = ret};
    hc_reader_init(&unwinding.reader, image);
    unwinding.registers = find_registers(hc_image_target(image), thread);
    if (!unwinding.registers)
        return NULL;
    _cleanup_(close_dwfl) Dwfl *dwfl = dwfl_begin(&files);
    if (dwfl) {
        report_modules(dwfl, image);
        if (dwfl_attach_state(dwfl, NULL, thread->tid, &state, &unwinding))
            dwfl_getthread_frames(dwfl, thread->tid, visit_frame, &unwinding);
    }
    if (!ret->count && !unwinding.out_of_memory)
        add_frame(&unwinding, NULL, read_register(&unwinding, unwinding.registers->program_counter), false);
    return unwinding.out_of_memory ? hc_error_out_of_memory() : NULL;
}

struct hc_native_names {
    Dwfl *dwfl;
};

struct hc_error *hc_native_names_open(const struct hc_image *image, struct hc_native_names **ret)
{
    _cleanup_(hc_native_names_closep) struct hc_native_names *names = calloc(1, sizeof(*names));
    if (!names || !(names->dwfl = dwfl_begin(&files)))
        return hc_error_out_of_memory();
    report_modules(names->dwfl, image);
    *ret = hc_take(names);
    return NULL;
}

void hc_native_names_close(struct hc_native_names *names)
{
    close_dwfl(&names->dwfl);
    free(names);
}

const char *hc_native_name(struct hc_native_names *names, uint64_t address)
{
    GElf_Sym symbol;
    GElf_Off offset;
    Dwfl_Module *module = dwfl_addrmodule(names->dwfl, address);
    return module ? dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL, NULL) : NULL;
}

// Where the C library has its __abort_msg.
static int find_message(Dwfl_Module *module, void **user_data, const char *path, Dwarf_Addr start,
                        void *argument)
{
    static const char wanted[] = "__abort_msg";
    (void)user_data, (void)start;
    int symbols = hc_path_is_glibc(path) ? dwfl_module_getsymtab(module) : 0;
    for (int i = 0; i < symbols; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &address, NULL, NULL, NULL);
        // A linker may write the version into the name, after an '@'.
        if (!name || symbol.st_shndx == SHN_UNDEF || strncmp(name, wanted, strlen(wanted)) != 0 ||
            (name[strlen(wanted)] && name[strlen(wanted)] != '@'))
            continue;
        *(uint64_t *)argument = address;
        return DWARF_CB_ABORT;
    }
    return DWARF_CB_OK;
}

struct hc_error *hc_native_abort_message(const struct hc_image *image, char **ret)
{
    enum { MOST = 1000, SIZE = 4 }; // struct abort_msg_s, include/stdlib.h: an unsigned int, then the text
    struct hc_reader reader;
    uint64_t variable = 0, message, available;
    _cleanup_(close_dwfl) Dwfl *dwfl = hc_image_process(image)->signal == SIGABRT ? dwfl_begin(&files) : NULL;
    if (!dwfl)
        return NULL;
    report_modules(dwfl, image);
    dwfl_getmodules(dwfl, find_message, &variable, 0);
    hc_reader_init(&reader, image);
    if (!variable || !hc_reader_word(&reader, variable, &message) || !message)
        return NULL;
    const char *text = (const char *)hc_reader_span(&reader, message + SIZE, &available);
    size_t length = text ? strnlen(text, available < MOST ? available : MOST) : 0;
    while (length && text[length - 1] == '\n')
        length--;
    *ret = length ? strndup(text, length) : NULL;
    return length && !*ret ? hc_error_out_of_memory() : NULL;
}
