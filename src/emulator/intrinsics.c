#include "emulator/intrinsics.h"

#include "base/path.h"
#include "emulator/internal.h"

#include <gelf.h>
#include <string.h>

enum {
    CHUNK = 4096,
    MOST_BYTES = 1 << 26, // of one call
    BYTES_A_BLOCK = 64,   // charged for
    RESOLVER_BLOCKS = 100000,
};

typedef bool intrinsic_fn(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret);

struct hc_intrinsic {
    struct hc_emulator *emulator;
    intrinsic_fn *run;
    uint64_t address;
};

// Reads up to the end of a page, so that a string at the end of memory can be read.
static bool load_part(struct hc_emulator *emulator, uint64_t address, uint64_t most, uint8_t *bytes,
                      uint64_t *ret_length)
{
    uint64_t length = CHUNK - address % CHUNK;
    *ret_length = length < most ? length : most;
    return hc_emulator_charge(emulator, *ret_length / BYTES_A_BLOCK + 1) &&
           hc_emulator_load(emulator, address, bytes, *ret_length);
}

// The offset of the first of the bytes `one` and `other`; `most` if there is none.
static bool find(struct hc_emulator *emulator, uint64_t address, uint8_t one, uint8_t other, uint64_t most,
                 uint64_t *ret)
{
    uint8_t bytes[CHUNK];
    uint64_t length;
    for (uint64_t done = 0; done < most; done += length) {
        if (done > MOST_BYTES || !load_part(emulator, address + done, most - done, bytes, &length))
            return false;
        for (uint64_t i = 0; i < length; i++)
            if (bytes[i] == one || bytes[i] == other) {
                *ret = done + i;
                return true;
            }
    }
    *ret = most;
    return true;
}

// Compares up to `most` bytes; with `is_text` up to the end of the strings.
static bool compare(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t most, bool is_text,
                    uint64_t *ret)
{
    uint8_t left[CHUNK], right[CHUNK];
    uint64_t length;
    *ret = 0;
    for (uint64_t done = 0; done < most; done += length) {
        uint64_t rest;
        if (done > MOST_BYTES || !load_part(emulator, arguments[0] + done, most - done, left, &rest) ||
            !load_part(emulator, arguments[1] + done, rest, right, &length))
            return false;
        for (uint64_t i = 0; i < length; i++) {
            if (left[i] != right[i]) {
                *ret = (uint64_t)(int64_t)(left[i] < right[i] ? -1 : 1);
                return true;
            }
            if (is_text && !left[i])
                return true;
        }
    }
    return true;
}

static bool run_memcmp(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    return compare(emulator, arguments, arguments[2], false, ret);
}

static bool run_strcmp(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    return compare(emulator, arguments, UINT64_MAX, true, ret);
}

static bool run_strncmp(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    return compare(emulator, arguments, arguments[2], true, ret);
}

static bool run_strlen(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    return find(emulator, arguments[0], 0, 0, UINT64_MAX, ret);
}

static bool run_strnlen(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    return find(emulator, arguments[0], 0, 0, arguments[1], ret);
}

static bool run_memchr(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    uint8_t wanted = (uint8_t)arguments[1];
    uint64_t offset;
    if (!find(emulator, arguments[0], wanted, wanted, arguments[2], &offset))
        return false;
    *ret = offset < arguments[2] ? arguments[0] + offset : 0;
    return true;
}

static bool run_strchr(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    uint8_t wanted = (uint8_t)arguments[1], found;
    uint64_t offset;
    if (!find(emulator, arguments[0], wanted, 0, UINT64_MAX, &offset) ||
        !hc_emulator_load(emulator, arguments[0] + offset, &found, 1))
        return false;
    *ret = found == wanted ? arguments[0] + offset : 0;
    return true;
}

static bool run_strrchr(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    uint8_t wanted = (uint8_t)arguments[1], found;
    uint64_t offset;
    *ret = 0;
    for (uint64_t at = arguments[0];; at++) {
        if (!find(emulator, at, wanted, 0, UINT64_MAX, &offset) ||
            !hc_emulator_load(emulator, at += offset, &found, 1))
            return false;
        if (found == wanted)
            *ret = at;
        if (!found)
            return true;
    }
}

static bool run_memmove(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    uint64_t length = arguments[2];
    *ret = arguments[0];
    if (!length)
        return true;
    if (length > MOST_BYTES || !hc_emulator_charge(emulator, length / BYTES_A_BLOCK))
        return false;
    _cleanup_(hc_freep) uint8_t *bytes = malloc(length);
    return bytes && hc_emulator_load(emulator, arguments[1], bytes, length) &&
           hc_emulator_store(emulator, arguments[0], bytes, length);
}

static bool run_memset(struct hc_emulator *emulator, const uint64_t *arguments, uint64_t *ret)
{
    uint64_t length = arguments[2];
    *ret = arguments[0];
    if (!length)
        return true;
    if (length > MOST_BYTES || !hc_emulator_charge(emulator, length / BYTES_A_BLOCK))
        return false;
    _cleanup_(hc_freep) uint8_t *bytes = malloc(length);
    if (!bytes)
        return false;
    memset(bytes, (int)arguments[1], length);
    return hc_emulator_store(emulator, arguments[0], bytes, length);
}

static const struct {
    const char *name;
    intrinsic_fn *run;
} functions[] = {
    {"memcmp", run_memcmp},   {"bcmp", run_memcmp},         {"__memcmpeq", run_memcmp},
    {"strcmp", run_strcmp},   {"strncmp", run_strncmp},     {"strlen", run_strlen},
    {"strnlen", run_strnlen}, {"memchr", run_memchr},       {"strchr", run_strchr},
    {"index", run_strchr},    {"strrchr", run_strrchr},     {"rindex", run_strrchr},
    {"memcpy", run_memmove},  {"memmove", run_memmove},     {"__memcpy_chk", run_memmove},
    {"memset", run_memset},   {"__memset_chk", run_memset},
};

// In place of the function's first instruction: the function, and its return.
static void on_call(uc_engine *engine, uint64_t address, uint32_t size, void *argument)
{
    (void)address;
    (void)size;
    const struct hc_intrinsic *intrinsic = argument;
    struct hc_emulator *emulator = intrinsic->emulator;
    const struct hc_machine *machine = emulator->machine;
    uint64_t arguments[3], result, back;
    for (size_t i = 0; i < 3; i++)
        arguments[i] = hc_emulator_register(emulator, machine->arguments[i]);
    uint64_t stack = hc_emulator_register(emulator, machine->stack_pointer);
    if (machine->link)
        back = hc_emulator_register(emulator, machine->link);
    else if (!hc_emulator_load(emulator, stack, &back, sizeof(back)))
        back = 0;
    if (!intrinsic->run(emulator, arguments, &result)) {
        if (emulator->cause == HC_EMULATION_DONE && !emulator->written)
            emulator->cause = HC_EMULATION_HOLE;
        emulator->unicorn->uc_emu_stop(engine);
        return;
    }
    if (!machine->link)
        hc_emulator_set_register(emulator, machine->stack_pointer, stack + sizeof(back));
    hc_emulator_set_register(emulator, machine->result, result);
    hc_emulator_set_register(emulator, machine->program_counter, back);
}

static bool is_known(const struct hc_emulator *emulator, uint64_t address)
{
    for (size_t i = 0; i < emulator->intrinsics.count; i++)
        if (emulator->intrinsics.items[i]->address == address)
            return true;
    return false;
}

static struct hc_error *add(struct hc_emulator *emulator, uint64_t address, intrinsic_fn *run)
{
    if (is_known(emulator, address))
        return NULL;
    struct hc_intrinsic *intrinsic = malloc(sizeof(*intrinsic));
    if (!intrinsic || !hc_intrinsic_vector_push(&emulator->intrinsics, intrinsic)) {
        free(intrinsic);
        return hc_error_out_of_memory();
    }
    *intrinsic = (struct hc_intrinsic){emulator, run, address};
    uc_hook hook; // belongs to the engine
    emulator->unicorn->uc_hook_add(emulator->engine, &hook, UC_HOOK_CODE, on_call, intrinsic, address,
                                   address);
    return NULL;
}

// An indirect function's symbol is the address of a function that returns the one chosen for the processor,
// from what the process found out about it when it started.
static struct hc_error *add_symbol(struct hc_emulator *emulator, const struct hc_module *module,
                                   const GElf_Sym *symbol, const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        if (strcmp(name, functions[i].name))
            continue;
        uint64_t chosen;
        if (hc_emulator_call(emulator, symbol->st_value + module->load_bias, NULL, 0, RESOLVER_BLOCKS,
                             &chosen) != HC_EMULATION_DONE)
            return NULL;
        return add(emulator, chosen, functions[i].run);
    }
    return NULL;
}

static struct hc_error *add_section(struct hc_emulator *emulator, const struct hc_module *module, Elf *elf,
                                    Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || !header->sh_entsize)
        return NULL;
    for (size_t i = 0; i < data->d_size / header->sh_entsize; i++) {
        GElf_Sym symbol;
        const char *name;
        if (i > INT32_MAX || !gelf_getsym(data, (int)i, &symbol) ||
            GELF_ST_TYPE(symbol.st_info) != STT_GNU_IFUNC || symbol.st_shndx == SHN_UNDEF ||
            !(name = elf_strptr(elf, header->sh_link, symbol.st_name)))
            continue;
        HC_TRY(add_symbol(emulator, module, &symbol, name));
    }
    return NULL;
}

static struct hc_error *add_module(struct hc_emulator *emulator, const struct hc_module *module)
{
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(module->fd, ELF_C_READ_MMAP, NULL);
    struct hc_error *error = NULL;
    for (Elf_Scn *section = NULL; elf && !error && (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
            error = add_section(emulator, module, elf, section, &header);
    }
    elf_end(elf);
    return error;
}

struct hc_error *hc_intrinsics_add(struct hc_emulator *emulator, const struct hc_image *image)
{
    size_t count;
    const struct hc_module *modules = hc_image_modules(image, &count);
    for (size_t i = 0; i < count; i++)
        if (modules[i].fd >= 0 && hc_path_is_glibc(modules[i].path))
            HC_TRY(add_module(emulator, &modules[i]));
    return NULL;
}

void hc_intrinsics_remove(struct hc_emulator *emulator)
{
    for (size_t i = 0; i < emulator->intrinsics.count; i++)
        free(emulator->intrinsics.items[i]);
    hc_intrinsic_vector_deinit(&emulator->intrinsics);
}
