// Which ELF files were mapped into the process, and where.
#include "image/module_file.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

// Bounds on what a forged list of files can cost; the largest programs map some thousand libraries.
enum { MODULE_LIMIT = 8192, OPEN_LIMIT = 16384, DESCRIPTOR_LIMIT = 512 };

static const char deleted_suffix[] = " (deleted)";

struct finder {
    struct hc_image *image;
    const char *exe;
    const char *root;
    struct hc_segment_vector filled;
    size_t opened;
    size_t descriptors;
};

static void finder_deinit(struct finder *finder)
{
    hc_segment_vector_deinit(&finder->filled);
}

static int compare_by_path(const void *left, const void *right)
{
    const struct hc_file_mapping *a = *(const struct hc_file_mapping *const *)left;
    const struct hc_file_mapping *b = *(const struct hc_file_mapping *const *)right;
    int order = strcmp(a->path, b->path);
    return order ? order : a->start < b->start ? -1 : a->start > b->start;
}

// Whether code may have been mapped here, as far as the core tells.
static bool may_be_code(const struct hc_image *image, const struct hc_file_mapping *mappings[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = hc_image_first_range(image, mappings[i]->start); j < image->ranges.count; j++) {
            const struct hc_range *range = &image->ranges.items[j];
            if (range->address >= mappings[i]->end)
                break;
            if (range->executable || !range->flags_known)
                return true;
        }
    return false;
}

static bool contain(const struct hc_file_mapping *mappings[], size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++)
        if (address >= mappings[i]->start && address < mappings[i]->end)
            return true;
    return false;
}

static bool is_main(const struct hc_image *image, const struct hc_file_mapping *mappings[], size_t count)
{
    uint64_t address = image->program_headers ? image->program_headers : image->entry;
    return address && contain(mappings, count, address);
}

static bool is_deleted(const char *path)
{
    size_t length = strlen(path), suffix = sizeof(deleted_suffix) - 1;
    return length > suffix && strcmp(path + length - suffix, deleted_suffix) == 0;
}

static struct hc_error *open_file(struct finder *finder, const struct hc_module *module,
                                  struct hc_module_file *ret)
{
    if (module->is_main && finder->exe)
        return hc_module_file_open_exe(finder->image, finder->exe, ret);
    if (finder->opened++ >= OPEN_LIMIT || module->path[0] != '/' || strncmp(module->path, "/dev/", 5) == 0) {
        *ret = (struct hc_module_file){.fd = -1, .state = HC_MODULE_MISSING, .error = ENOENT};
        return NULL;
    }
    _cleanup_(hc_freep) char *path = strdup(module->path);
    if (!path)
        return hc_error_out_of_memory();
    if (is_deleted(path))
        path[strlen(path) - (sizeof(deleted_suffix) - 1)] = '\0';
    return hc_module_file_open(finder->image, finder->root, path, ret);
}

// The very file that a live process has mapped, whatever has become of its name. Needs privileges.
static struct hc_error *open_mapped_file(struct finder *finder, const struct hc_file_mapping *mapping,
                                         struct hc_module_file *ret)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)finder->image->process.pid,
             mapping->start, mapping->end);
    return hc_module_file_open(finder->image, "", path, ret);
}

static struct hc_error *accept_file(struct finder *finder, struct hc_module_file *file,
                                    const struct hc_file_mapping *mappings[], size_t count,
                                    struct hc_module *module)
{
    module->file = hc_image_keep_string(finder->image, file->path, strlen(file->path));
    if (!module->file)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++)
        HC_TRY(hc_module_file_fill(finder->image, file, mappings[i], module->load_bias, &finder->filled));
    if (finder->descriptors < DESCRIPTOR_LIMIT) {
        finder->descriptors++;
        module->fd = file->fd;
        file->fd = -1;
    }
    return NULL;
}

static struct hc_error *push_module(struct finder *finder, const struct hc_module *module)
{
    if (hc_module_vector_push(&finder->image->modules, *module))
        return NULL;
    int fd = module->fd;
    hc_closep(&fd);
    return hc_error_out_of_memory();
}

// A program may map a part of a binary to read it, below where the binary is loaded: gdb does.
static size_t count_before_start(const struct hc_file_mapping *mappings[], size_t count)
{
    size_t taken = 1;
    while (mappings[0]->offset && taken < count && mappings[taken]->offset)
        taken++;
    return mappings[0]->offset ? taken : count;
}

// How many of the mappings make up the copy of the file that the first one starts.
static size_t count_first_copy(const struct hc_image *image, const struct hc_module_memory *memory,
                               const struct hc_file_mapping *mappings[], size_t count)
{
    uint64_t bias;
    if (!memory->has_header)
        return count_before_start(mappings, count);
    if (!hc_elf_find_bias(&memory->view, mappings[0], image->page_size, &bias))
        return count;
    uint64_t end = hc_elf_find_end(&memory->view);
    uint64_t size = hc_saturating_add(end, image->page_size - 1) & ~(image->page_size - 1);
    size_t taken = 1;
    while (taken < count && mappings[taken]->start - bias < size)
        taken++;
    return taken;
}

static void locate_module(const struct hc_image *image, const struct hc_elf_view *view,
                          const struct hc_file_mapping *mappings[], size_t count, struct hc_module *module)
{
    module->start = mappings[0]->start;
    module->end = mappings[count - 1]->end;
    module->load_bias = mappings[0]->start - mappings[0]->offset;
    if (!view || !hc_elf_find_bias(view, mappings[0], image->page_size, &module->load_bias))
        return;
    // Where this wraps it is forged.
    uint64_t end = module->load_bias + hc_elf_find_end(view);
    if (end > module->start)
        module->end = hc_max(module->end, end);
}

static bool has_file(const struct hc_module *module)
{
    return module->state == HC_MODULE_FOUND || module->state == HC_MODULE_UNVERIFIED;
}

static void judge(const struct hc_image *image, const struct hc_module_file *file,
                  const struct hc_module_memory *memory, const struct hc_file_mapping *mappings[],
                  size_t count, struct hc_module *module)
{
    module->state = file->state;
    if (file->state == HC_MODULE_FOUND)
        hc_module_file_verify(image, file, memory, mappings, count, module);
}

static void swap_files(struct hc_module_file *a, struct hc_module_file *b)
{
    struct hc_module_file kept = *a;
    *a = *b;
    *b = kept;
}

// Of the mappings of one path, takes those of its first copy in memory; sets how many these are.
static struct hc_error *add_module(struct finder *finder, const struct hc_file_mapping *mappings[],
                                   size_t count, size_t *ret_taken)
{
    struct hc_image *image = finder->image;
    struct hc_module_memory memory;
    _cleanup_(hc_module_file_deinit) struct hc_module_file file = {.fd = -1};
    hc_module_memory_read(image, mappings[0], &memory);
    *ret_taken = count = count_first_copy(image, &memory, mappings, count);
    if (!memory.has_header && !may_be_code(image, mappings, count))
        return NULL;

    struct hc_module module = {
        .path = mappings[0]->path,
        .fd = -1,
        .is_main = is_main(image, mappings, count),
    };
    HC_TRY(open_file(finder, &module, &file));
    bool opened = file.state == HC_MODULE_FOUND;
    // Code that lies in no ELF file: generated, by libffi for one.
    if (!memory.has_header && file.state == HC_MODULE_BAD)
        return NULL;
    const struct hc_elf_view *view = memory.has_header ? &memory.view : opened ? &file.view : NULL;
    locate_module(image, view, mappings, count, &module);
    hc_module_read_build_id(image, &memory, &module);
    judge(image, &file, &memory, mappings, count, &module);
    // The file that is there now has only the name of the deleted one; its build-id must prove it.
    if (is_deleted(module.path) && module.state != HC_MODULE_FOUND)
        module.state = HC_MODULE_MISSING;
    if (mappings[0]->is_doubtful && module.state == HC_MODULE_UNVERIFIED)
        module.state = HC_MODULE_MISMATCH;
    if (!has_file(&module) && image->process.live) {
        _cleanup_(hc_module_file_deinit) struct hc_module_file mapped = {.fd = -1};
        enum hc_module_state before = module.state;
        HC_TRY(open_mapped_file(finder, mappings[0], &mapped));
        judge(image, &mapped, &memory, mappings, count, &module);
        if (has_file(&module))
            swap_files(&file, &mapped);
        else
            module.state = before;
    }
    if (has_file(&module))
        HC_TRY(accept_file(finder, &file, mappings, count, &module));
    return push_module(finder, &module);
}

static int compare_modules(const void *left, const void *right)
{
    const struct hc_module *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

static void order_modules(struct hc_image *image)
{
    struct hc_module *items = image->modules.items;
    size_t count = image->modules.count;
    if (count == 0)
        return;
    qsort(items, count, sizeof(*items), compare_modules);
    for (size_t i = 0; i + 1 < count; i++)
        items[i].end = hc_min(items[i].end, items[i + 1].start);
    for (size_t i = 0; i < count; i++)
        if (items[i].is_main)
            image->process.program = items[i].path;
}

static struct hc_error *add_filled(struct finder *finder)
{
    struct hc_segment_vector *segments = &finder->image->segments;
    if (!hc_segment_vector_reserve(segments, segments->count + finder->filled.count))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < finder->filled.count; i++)
        segments->items[segments->count++] = finder->filled.items[i];
    return NULL;
}

struct hc_error *hc_image_find_modules(struct hc_image *image, const struct hc_image_options *options,
                                       const char *root)
{
    size_t count = image->files.count;
    _cleanup_(finder_deinit) struct finder finder = {
        .image = image,
        .exe = options ? options->exe : NULL,
        .root = options && options->sysroot ? options->sysroot : root,
    };
    _cleanup_(hc_freep) const struct hc_file_mapping **order = calloc(count + 1, sizeof(*order));
    if (!order)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++)
        order[i] = &image->files.items[i];
    qsort(order, count, sizeof(*order), compare_by_path);
    size_t taken;
    for (size_t i = 0; i < count && image->modules.count < MODULE_LIMIT; i += taken) {
        size_t same = 1;
        while (i + same < count && strcmp(order[i]->path, order[i + same]->path) == 0)
            same++;
        HC_TRY(add_module(&finder, order + i, same, &taken));
    }
    HC_TRY(add_filled(&finder));
    order_modules(image);
    return NULL;
}
