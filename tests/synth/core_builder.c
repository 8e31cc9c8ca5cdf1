#include "core_builder.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

// Offset, size and value of one field of a structure that differs by word size.
#define STORE_FIELD(target, bytes, type64, type32, field, value)                                             \
    ((target)->word_size == 8 ? core_store(target, (uint8_t *)(bytes) + offsetof(type64, field), value,      \
                                           sizeof(((type64 *)0)->field))                                     \
                              : core_store(target, (uint8_t *)(bytes) + offsetof(type32, field), value,      \
                                           sizeof(((type32 *)0)->field)))
#define STORE_HEADER(target, bytes, field, value)                                                            \
    STORE_FIELD(target, bytes, Elf64_Ehdr, Elf32_Ehdr, field, value)
#define STORE_PROGRAM(target, bytes, field, value)                                                           \
    STORE_FIELD(target, bytes, Elf64_Phdr, Elf32_Phdr, field, value)
#define STORE_SECTION(target, bytes, field, value)                                                           \
    STORE_FIELD(target, bytes, Elf64_Shdr, Elf32_Shdr, field, value)

static void require(bool condition)
{
    if (!condition)
        abort();
}

void core_store(const struct hc_target *target, void *bytes, uint64_t value, unsigned size)
{
    uint8_t *to = bytes;
    for (unsigned i = 0; i < size; i++)
        to[target->big_endian ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

static size_t header_size(const struct hc_target *target)
{
    return target->word_size == 8 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
}

static size_t program_header_size(const struct hc_target *target)
{
    return target->word_size == 8 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static size_t section_header_size(const struct hc_target *target)
{
    return target->word_size == 8 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static uint8_t *append(struct core_byte_vector *vector, const void *bytes, size_t size)
{
    require(core_byte_vector_reserve(vector, vector->count + size));
    uint8_t *to = vector->items + vector->count;
    if (bytes && size > 0)
        memcpy(to, bytes, size);
    else if (size > 0)
        memset(to, 0, size);
    vector->count += size;
    return to;
}

static void append_number(const struct hc_target *target, struct core_byte_vector *vector, uint64_t value,
                          unsigned size)
{
    core_store(target, append(vector, NULL, size), value, size);
}

static void align(struct core_byte_vector *vector, size_t alignment)
{
    append(vector, NULL, (alignment - vector->count % alignment) % alignment);
}

void core_builder_init(struct core_builder *builder, uint16_t machine, uint8_t word_size, bool big_endian)
{
    *builder = (struct core_builder){
        .target = {.machine = machine, .word_size = word_size, .big_endian = big_endian},
        .type = ET_CORE,
        .file_page_size = CORE_PAGE,
    };
}

void core_builder_deinit(struct core_builder *builder)
{
    core_load_vector_deinit(&builder->loads);
    core_file_vector_deinit(&builder->files);
    core_byte_vector_deinit(&builder->memory);
    core_byte_vector_deinit(&builder->notes);
}

void core_builder_add_load(struct core_builder *builder, uint64_t address, const void *bytes,
                           uint64_t file_size, uint64_t memory_size, uint32_t flags)
{
    struct core_load load = {
        .address = address,
        .file_size = file_size,
        .memory_size = memory_size,
        .padding = builder->padding,
        .flags = flags,
        .bytes = builder->memory.count,
    };
    builder->padding = 0;
    append(&builder->memory, bytes, file_size);
    require(core_load_vector_push(&builder->loads, load));
}

static void append_note(const struct hc_target *target, struct core_byte_vector *notes, const char *name,
                        uint32_t type, const void *bytes, uint32_t size)
{
    append_number(target, notes, strlen(name) + 1, 4);
    append_number(target, notes, size, 4);
    append_number(target, notes, type, 4);
    append(notes, name, strlen(name) + 1);
    align(notes, 4);
    append(notes, bytes, size);
    align(notes, 4);
}

void core_builder_add_note(struct core_builder *builder, const char *name, uint32_t type, const void *bytes,
                           uint32_t size)
{
    append_note(&builder->target, &builder->notes, name, type, bytes, size);
}

void core_builder_add_thread(struct core_builder *builder, uint32_t tid, uint16_t signal, uint8_t fill,
                             size_t registers_size)
{
    bool wide = builder->target.word_size == 8;
    size_t start = wide ? 112 : 72;
    uint8_t bytes[1024] = {0};
    require(start + registers_size + 8 <= sizeof(bytes));
    core_store(&builder->target, bytes + 12, signal, 2);
    core_store(&builder->target, bytes + (wide ? 32 : 24), tid, 4);
    memset(bytes + start, fill, registers_size);
    core_builder_add_note(builder, "CORE", NT_PRSTATUS, bytes, start + registers_size + (wide ? 8 : 4));
}

void core_builder_add_command(struct core_builder *builder, uint32_t pid, const char *arguments)
{
    // The i386 keeps user and group in 16 bits each, other machines of 32 bits in 32.
    size_t narrow = builder->target.machine == EM_386 ? 124 : 128;
    size_t size = builder->target.word_size == 8 ? 136 : narrow;
    uint8_t bytes[136] = {0};
    size_t arguments_offset = size - 80, name_offset = arguments_offset - 16, pid_offset = name_offset - 16;
    core_store(&builder->target, bytes + pid_offset, pid, 4);
    strcpy((char *)bytes + name_offset, "name");
    // Without a NUL when it is long, as the kernel does.
    memcpy(bytes + arguments_offset, arguments, strnlen(arguments, 80));
    core_builder_add_note(builder, "CORE", NT_PRPSINFO, bytes, size);
}

void core_builder_add_siginfo(struct core_builder *builder, int signal, int code, uint64_t address)
{
    unsigned word = builder->target.word_size;
    uint8_t bytes[128] = {0};
    core_store(&builder->target, bytes, signal, 4);
    core_store(&builder->target, bytes + 8, code, 4);
    core_store(&builder->target, bytes + (word == 8 ? 16 : 12), address, word);
    core_builder_add_note(builder, "CORE", NT_SIGINFO, bytes, sizeof(bytes));
}

void core_builder_add_auxv(struct core_builder *builder, uint64_t program_headers, uint64_t entry)
{
    unsigned word = builder->target.word_size;
    const uint64_t values[] = {AT_PAGESZ, CORE_PAGE, AT_PHDR, program_headers, AT_ENTRY, entry, AT_NULL, 0};
    uint8_t bytes[sizeof(values)];
    size_t count = sizeof(values) / sizeof(values[0]);
    for (size_t i = 0; i < count; i++)
        core_store(&builder->target, bytes + i * word, values[i], word);
    core_builder_add_note(builder, "CORE", NT_AUXV, bytes, count * word);
}

void core_builder_add_file(struct core_builder *builder, uint64_t start, uint64_t end, uint64_t page,
                           const char *path)
{
    struct core_file file = {.start = start, .end = end, .page = page, .path = path};
    require(core_file_vector_push(&builder->files, file));
}

static void append_file_note(const struct core_builder *builder, struct core_byte_vector *notes)
{
    unsigned word = builder->target.word_size;
    _cleanup_(core_byte_vector_deinit) struct core_byte_vector bytes = {0};
    if (builder->files.count == 0)
        return;
    append_number(&builder->target, &bytes, builder->files.count, word);
    append_number(&builder->target, &bytes, builder->file_page_size, word);
    for (size_t i = 0; i < builder->files.count; i++) {
        append_number(&builder->target, &bytes, builder->files.items[i].start, word);
        append_number(&builder->target, &bytes, builder->files.items[i].end, word);
        append_number(&builder->target, &bytes, builder->files.items[i].page, word);
    }
    for (size_t i = 0; i < builder->files.count; i++)
        append(&bytes, builder->files.items[i].path, strlen(builder->files.items[i].path) + 1);
    append_note(&builder->target, notes, "CORE", NT_FILE, bytes.items, bytes.count);
}

static void store_ident(const struct hc_target *target, uint8_t *bytes)
{
    memcpy(bytes, ELFMAG, SELFMAG);
    bytes[EI_CLASS] = target->word_size == 8 ? ELFCLASS64 : ELFCLASS32;
    bytes[EI_DATA] = target->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
    bytes[EI_VERSION] = EV_CURRENT;
}

static void store_header(const struct hc_target *target, uint8_t *bytes, uint16_t type, uint64_t count)
{
    store_ident(target, bytes);
    STORE_HEADER(target, bytes, e_type, type);
    STORE_HEADER(target, bytes, e_machine, target->machine);
    STORE_HEADER(target, bytes, e_version, EV_CURRENT);
    STORE_HEADER(target, bytes, e_phoff, header_size(target));
    STORE_HEADER(target, bytes, e_ehsize, header_size(target));
    STORE_HEADER(target, bytes, e_phentsize, program_header_size(target));
    STORE_HEADER(target, bytes, e_shentsize, section_header_size(target));
    STORE_HEADER(target, bytes, e_phnum, count);
}

static void store_program_header(const struct hc_target *target, uint8_t *bytes, uint32_t type,
                                 uint64_t offset, const struct core_load *load)
{
    STORE_PROGRAM(target, bytes, p_type, type);
    STORE_PROGRAM(target, bytes, p_flags, load->flags);
    STORE_PROGRAM(target, bytes, p_offset, offset);
    STORE_PROGRAM(target, bytes, p_vaddr, load->address);
    STORE_PROGRAM(target, bytes, p_filesz, load->file_size);
    STORE_PROGRAM(target, bytes, p_memsz, load->memory_size);
    STORE_PROGRAM(target, bytes, p_align, type == PT_NOTE ? 4 : CORE_PAGE);
}

void core_builder_write(const struct core_builder *builder, const char *path)
{
    const struct hc_target *target = &builder->target;
    _cleanup_(core_byte_vector_deinit) struct core_byte_vector core = {0}, notes = {0};
    append(&notes, builder->notes.items, builder->notes.count);
    append_file_note(builder, &notes);

    size_t count = builder->loads.count + 1;
    size_t table = header_size(target), entry_size = program_header_size(target);
    append(&core, NULL, table + count * entry_size);
    store_header(target, core.items, builder->type, builder->extended_count ? PN_XNUM : count);
    struct core_load note_load = {.file_size = notes.count};
    store_program_header(target, core.items + table, PT_NOTE, core.count, &note_load);
    append(&core, notes.items, notes.count);
    align(&core, CORE_PAGE);
    for (size_t i = 0; i < builder->loads.count; i++) {
        const struct core_load *load = &builder->loads.items[i];
        append(&core, NULL, load->padding);
        store_program_header(target, core.items + table + (i + 1) * entry_size, PT_LOAD, core.count, load);
        append(&core, builder->memory.items ? builder->memory.items + load->bytes : NULL, load->file_size);
    }
    if (builder->extended_count && !builder->without_section) {
        size_t offset = core.count;
        append(&core, NULL, section_header_size(target));
        STORE_SECTION(target, core.items + offset, sh_info, count);
        STORE_HEADER(target, core.items, e_shoff, offset);
        STORE_HEADER(target, core.items, e_shnum, 1);
    }
    core_write_file(path, core.items, core.count);
}

static void store_library_load(struct core_library *library, unsigned index, unsigned page, uint32_t flags,
                               uint64_t memory_size)
{
    struct core_load load = {
        .address = (uint64_t)page * CORE_PAGE,
        .file_size = CORE_PAGE,
        .memory_size = memory_size,
        .flags = flags,
    };
    size_t offset = header_size(&library->target) + index * program_header_size(&library->target);
    store_program_header(&library->target, library->bytes + offset, PT_LOAD, load.address, &load);
}

void core_library_init(struct core_library *library, const struct hc_target *target, const char *build_id)
{
    enum { NOTE_OFFSET = 0x400 };
    _cleanup_(core_byte_vector_deinit) struct core_byte_vector note = {0};
    *library = (struct core_library){.target = *target};
    library->build_id_length = strnlen(build_id, sizeof(library->build_id));
    memcpy(library->build_id, build_id, library->build_id_length);
    memset(library->bytes + CORE_PAGE, 0xc0, CORE_PAGE);
    memset(library->bytes + 2 * CORE_PAGE, 0xda, CORE_PAGE);
    store_header(target, library->bytes, ET_DYN, library->build_id_length ? 4 : 3);
    store_library_load(library, 0, 0, PF_R, CORE_PAGE);
    store_library_load(library, 1, 1, PF_R | PF_X, CORE_PAGE);
    store_library_load(library, 2, 2, PF_R | PF_W, 3 * CORE_PAGE);
    if (library->build_id_length == 0)
        return;
    append_note(target, &note, "GNU", NT_GNU_BUILD_ID, library->build_id, library->build_id_length);
    memcpy(library->bytes + NOTE_OFFSET, note.items, note.count);
    struct core_load load = {
        .address = NOTE_OFFSET, .file_size = note.count, .memory_size = note.count, .flags = PF_R};
    store_program_header(target, library->bytes + header_size(target) + 3 * program_header_size(target),
                         PT_NOTE, NOTE_OFFSET, &load);
}

void core_library_add_header(struct core_library *library, uint32_t type, uint64_t address, uint64_t size)
{
    const struct hc_target *target = &library->target;
    uint64_t place = target->word_size == 8 ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum);
    uint64_t count = hc_load_u16(target, library->bytes + place);
    struct core_load load = {.address = address, .file_size = size, .memory_size = size, .flags = PF_R};
    STORE_HEADER(target, library->bytes, e_phnum, count + 1);
    store_program_header(target, library->bytes + header_size(target) + count * program_header_size(target),
                         type, address, &load);
}

void core_library_write(const struct core_library *library, const char *path)
{
    core_write_file(path, library->bytes, sizeof(library->bytes));
}

void core_write_file(const char *path, const void *bytes, size_t size)
{
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "we");
    require(file && fwrite(bytes, 1, size, file) == size && fflush(file) == 0);
}

void core_patch_file(const char *path, uint64_t offset, const void *bytes, size_t size)
{
    _cleanup_(hc_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    require(fd >= 0 && pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size);
}
