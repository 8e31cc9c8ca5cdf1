// Writes ELF cores and the ELF files that they name, for tests: every byte of them is in the test's source.
// Out of memory or an unwritable file aborts the test.
#pragma once

#include "base/target.h"
#include "base/vector.h"

HC_DEFINE_VECTOR(core_byte_vector, uint8_t)

struct core_load {
    uint64_t address;
    uint64_t file_size;
    uint64_t memory_size;
    uint64_t padding; // bytes left out before it in the file
    uint32_t flags;   // PF_R | PF_W | PF_X
    size_t bytes;     // index of its first byte in `memory`
};

struct core_file {
    uint64_t start;
    uint64_t end;
    uint64_t page; // offset in the file, in pages
    const char *path;
};

HC_DEFINE_VECTOR(core_load_vector, struct core_load)
HC_DEFINE_VECTOR(core_file_vector, struct core_file)

enum { CORE_PAGE = 4096 };

struct core_builder {
    struct hc_target target;
    uint16_t type;           // ET_CORE
    uint64_t file_page_size; // in NT_FILE
    uint64_t padding;        // before the next load
    bool extended_count;     // PN_XNUM, the count in a section header at the end of the file
    bool without_section;    // … which is not there
    struct core_load_vector loads;
    struct core_file_vector files;
    struct core_byte_vector memory;
    struct core_byte_vector notes;
};

void core_builder_init(struct core_builder *builder, uint16_t machine, uint8_t word_size, bool big_endian);
void core_builder_deinit(struct core_builder *builder);
// `bytes` may be NULL when `file_size` is 0.
void core_builder_add_load(struct core_builder *builder, uint64_t address, const void *bytes,
                           uint64_t file_size, uint64_t memory_size, uint32_t flags);
void core_builder_add_note(struct core_builder *builder, const char *name, uint32_t type, const void *bytes,
                           uint32_t size);
// NT_PRSTATUS; each byte of the registers is `fill`.
void core_builder_add_thread(struct core_builder *builder, uint32_t tid, uint16_t signal, uint8_t fill,
                             size_t registers_size);
// NT_PRPSINFO
void core_builder_add_command(struct core_builder *builder, uint32_t pid, const char *arguments);
// NT_SIGINFO
void core_builder_add_siginfo(struct core_builder *builder, int signal, int code, uint64_t address);
// NT_AUXV
void core_builder_add_auxv(struct core_builder *builder, uint64_t program_headers, uint64_t entry);
// One entry of NT_FILE. `path` must live until the core is written.
void core_builder_add_file(struct core_builder *builder, uint64_t start, uint64_t end, uint64_t page,
                           const char *path);
// `builder` stays as it is and can be changed and written again.
void core_builder_write(const struct core_builder *builder, const char *path);

// A shared library of three pages: headers and build-id (r), code (r-x), data (rw-, and two more pages
// of .bss). ELF addresses are file offsets.
struct core_library {
    struct hc_target target;
    uint8_t build_id[20];
    size_t build_id_length; // 0 writes none
    uint64_t entry;
    uint8_t bytes[3 * CORE_PAGE];
};

enum { CORE_LIBRARY_MEMORY = 5 * CORE_PAGE };

// Fills in bytes: code is 0xc0 all over, data 0xda.
void core_library_init(struct core_library *library, const struct hc_target *target, const char *build_id);
// One more program header, of bytes inside a page of it.
void core_library_add_header(struct core_library *library, uint32_t type, uint64_t address, uint64_t size);
void core_library_write(const struct core_library *library, const char *path);

void core_write_file(const char *path, const void *bytes, size_t size);
// Overwrites bytes of a file: forges what the builder would not write.
void core_patch_file(const char *path, uint64_t offset, const void *bytes, size_t size);
// Stores the low `size` bytes of `value` in the target's order.
void core_store(const struct hc_target *target, void *bytes, uint64_t value, unsigned size);
