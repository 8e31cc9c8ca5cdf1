// Which files a process had mapped, where no note of its core lists them: qemu's cores have none, and a core
// of gdb's that was cut has lost it. The program is known by the auxiliary vector, or by its build-id in
// memory, and the libraries by the dynamic linker's own list, which debuggers read, too.
#include "image/module_file.h"

#include <elf.h>
#include <limits.h>
#include <string.h>

enum { HEADER_LIMIT = 512, LIBRARY_LIMIT = 8192, DYNAMIC_LIMIT = 1024 };

static bool find_header(const struct hc_elf_view *view, uint32_t type, struct hc_program_header *ret)
{
    for (uint32_t i = 0; i < HEADER_LIMIT && hc_elf_get_program_header(view, i, ret); i++)
        if (ret->type == type)
            return true;
    return false;
}

// What the list of mapped files would have said of a file.
static struct hc_error *list_segments(struct hc_image *image, const struct hc_elf_view *view, uint64_t bias,
                                      const char *path)
{
    struct hc_program_header header;
    uint64_t mask = image->page_size - 1;
    for (uint32_t i = 0; i < HEADER_LIMIT && hc_elf_get_program_header(view, i, &header); i++) {
        if (header.type != PT_LOAD)
            continue;
        struct hc_file_mapping mapping = {
            .start = bias + (header.address & ~mask),
            .end = (bias + hc_saturating_add(header.address, header.file_size) + mask) & ~mask,
            .offset = header.offset & ~mask,
            .path = path,
        };
        if (mapping.start < mapping.end && !hc_file_mapping_vector_push(&image->files, mapping))
            return hc_error_out_of_memory();
    }
    return NULL;
}

// A file that is not here, or is another build: all that is known are two addresses in it.
static struct hc_error *list_span(struct hc_image *image, uint64_t first, uint64_t last, const char *path)
{
    enum { LARGEST = 1 << 30 };
    size_t low = hc_image_first_range(image, first), high = hc_image_first_range(image, last);
    if (first > last || last - first > LARGEST || high == image->ranges.count)
        return NULL;
    const struct hc_range *start = &image->ranges.items[low], *end = &image->ranges.items[high];
    if (start->address > first || end->address > last)
        return NULL;
    struct hc_file_mapping mapping = {
        .start = start->address, .end = end->address + end->length, .path = path, .is_doubtful = true};
    return hc_file_mapping_vector_push(&image->files, mapping) ? NULL : hc_error_out_of_memory();
}

static bool has_page_alignment(const struct hc_image *image, uint64_t address)
{
    return (address & (image->page_size - 1)) == 0;
}

// Whether the program's headers and its entry lie where the kernel said that they do.
static bool fits_program(const struct hc_image *image, const struct hc_elf_view *view, uint64_t bias)
{
    struct hc_program_header header;
    if (view->target.machine != image->target.machine || !has_page_alignment(image, bias))
        return false;
    for (uint32_t i = 0; i < HEADER_LIMIT && hc_elf_get_program_header(view, i, &header); i++)
        if (header.type == PT_LOAD && view->header_offset >= header.offset &&
            view->header_offset - header.offset < header.file_size)
            return image->program_headers == bias + header.address + (view->header_offset - header.offset);
    return false;
}

static const char *read_path(struct hc_image *image, uint64_t address)
{
    char path[PATH_MAX];
    struct hc_reader reader;
    hc_reader_init(&reader, image);
    return hc_reader_string(&reader, address, path, sizeof(path)) && path[0]
               ? hc_image_keep_string(image, path, strlen(path))
               : NULL;
}

// By the auxiliary vector. `*ret_bias` is set if the program's file is here and fits.
static struct hc_error *find_by_entry(struct hc_image *image, const char *exe, const char *root,
                                      struct hc_module_file *file, uint64_t *ret_bias)
{
    const char *path = read_path(image, image->program_name);
    if (!path && exe)
        path = hc_image_keep_string(image, exe, strlen(exe));
    if (!path)
        return NULL;
    if (exe)
        HC_TRY(hc_module_file_open_exe(image, exe, file));
    else if (path[0] == '/')
        HC_TRY(hc_module_file_open(image, root, path, file));
    uint64_t bias = image->entry - file->view.entry;
    if (file->state != HC_MODULE_FOUND || !fits_program(image, &file->view, bias))
        return list_span(image, hc_min(image->program_headers, image->entry),
                         hc_max(image->program_headers, image->entry), path);
    *ret_bias = bias;
    return list_segments(image, &file->view, bias, path);
}

// By the ELF header and build-id of `exe` in memory.
static struct hc_error *find_by_build_id(struct hc_image *image, const char *exe, struct hc_module_file *file,
                                         uint64_t *ret_bias)
{
    HC_TRY(hc_module_file_open_exe(image, exe, file));
    struct hc_module module = {.path = hc_image_keep_string(image, exe, strlen(exe)), .fd = -1};
    if (!module.path)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < image->ranges.count; i++) {
        const struct hc_range *range = &image->ranges.items[i];
        const struct hc_file_mapping mapping = {
            .start = range->address, .end = range->address + range->length, .path = module.path};
        const struct hc_file_mapping *mappings[] = {&mapping};
        struct hc_module_memory memory;
        hc_module_memory_read(image, &mapping, &memory);
        if (!memory.has_header ||
            !hc_elf_find_bias(&memory.view, &mapping, image->page_size, &module.load_bias))
            continue;
        module.build_id_length = 0;
        hc_module_read_build_id(image, &memory, &module);
        hc_module_file_verify(image, file, &memory, mappings, 1, &module);
        // Only a build-id proves it: there is no name to go by.
        if (module.state != HC_MODULE_FOUND)
            continue;
        image->entry = module.load_bias + file->view.entry;
        *ret_bias = module.load_bias;
        return list_segments(image, &file->view, module.load_bias, module.path);
    }
    return NULL;
}

// struct link_map, <link.h>.
struct library {
    uint64_t bias;
    uint64_t name;
    uint64_t dynamic;
    uint64_t next;
    uint64_t previous;
};

static bool read_library(struct hc_reader *reader, uint64_t address, struct library *ret)
{
    unsigned word = reader->target.word_size;
    return hc_reader_word(reader, address, &ret->bias) &&
           hc_reader_word(reader, address + word, &ret->name) &&
           hc_reader_word(reader, address + 2 * word, &ret->dynamic) &&
           hc_reader_word(reader, address + 3 * word, &ret->next) &&
           hc_reader_word(reader, address + 4 * word, &ret->previous);
}

// The program's DT_DEBUG leads to struct r_debug, <link.h>, and its second word to the list.
static bool find_libraries(struct hc_reader *reader, const struct hc_elf_view *program, uint64_t bias,
                           uint64_t *ret)
{
    struct hc_program_header dynamic;
    unsigned word = reader->target.word_size;
    if (!find_header(program, PT_DYNAMIC, &dynamic))
        return false;
    uint64_t address = bias + dynamic.address, tag, value;
    for (unsigned i = 0; i < DYNAMIC_LIMIT; i++, address += 2 * word) {
        if (!hc_reader_word(reader, address, &tag) || !hc_reader_word(reader, address + word, &value) ||
            tag == DT_NULL)
            return false;
        if (tag == DT_DEBUG)
            return value && hc_reader_word(reader, value + word, ret);
    }
    return false;
}

// The dynamic linker's own name is the program's PT_INTERP: a constant, which cores leave to the file.
static const char *read_interpreter(struct hc_image *image, const struct hc_module_file *program,
                                    uint64_t bias, uint64_t name)
{
    struct hc_program_header header;
    if (!find_header(&program->view, PT_INTERP, &header) || name != bias + header.address ||
        header.offset > program->size || header.file_size > program->size - header.offset)
        return NULL;
    const char *path = (const char *)program->bytes + header.offset;
    return hc_image_keep_string(image, path, strnlen(path, header.file_size));
}

static struct hc_error *list_library(struct hc_image *image, const char *root,
                                     const struct hc_module_file *program, uint64_t program_bias,
                                     const struct library *library)
{
    struct hc_program_header dynamic;
    _cleanup_(hc_module_file_deinit) struct hc_module_file file = {.fd = -1};
    const char *path = read_path(image, library->name);
    if (!path)
        path = read_interpreter(image, program, program_bias, library->name);
    if (!path || path[0] != '/') // the program itself, and the kernel's own page
        return NULL;
    HC_TRY(hc_module_file_open(image, root, path, &file));
    if (file.state == HC_MODULE_FOUND && has_page_alignment(image, library->bias) &&
        find_header(&file.view, PT_DYNAMIC, &dynamic) && library->dynamic == library->bias + dynamic.address)
        return list_segments(image, &file.view, library->bias, path);
    return list_span(image, library->bias, library->dynamic, path);
}

struct hc_error *hc_image_list_linked_files(struct hc_image *image, const struct hc_image_options *options)
{
    const char *exe = options ? options->exe : NULL;
    const char *root = options && options->sysroot ? options->sysroot : "";
    _cleanup_(hc_module_file_deinit) struct hc_module_file program = {.fd = -1, .state = HC_MODULE_MISSING};
    struct hc_reader reader;
    struct library library;
    uint64_t bias = UINT64_MAX, address, previous = 0;
    if (image->entry && image->program_headers)
        HC_TRY(find_by_entry(image, exe, root, &program, &bias));
    else if (exe && image->losses.truncated)
        HC_TRY(find_by_build_id(image, exe, &program, &bias));
    hc_reader_init(&reader, image);
    if (bias == UINT64_MAX || !find_libraries(&reader, &program.view, bias, &address))
        return NULL;
    for (unsigned i = 0; i < LIBRARY_LIMIT && address; i++, previous = address, address = library.next) {
        // The link back holds in a list, and never where it runs into a ring.
        if (!read_library(&reader, address, &library) || library.previous != previous)
            return NULL;
        HC_TRY(list_library(image, root, &program, bias, &library));
    }
    return NULL;
}
