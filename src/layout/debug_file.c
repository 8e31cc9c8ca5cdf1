#include "layout/debug_file.h"
#include "base/path.h"

#include <dlfcn.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define SYSTEM_DEBUG_DIR "/usr/lib/debug"
#define MAX_BUILD_ID 64

struct debug_link {
    const char *name; // NULL: none
    uint32_t crc;
};

// One search for one file: what it must be, and what was met on the way.
struct search {
    const struct hc_debug_options *options;
    const uint8_t *build_id;
    size_t build_id_length;
    char build_id_text[2 * MAX_BUILD_ID + 1];
    struct debug_link link;
    Elf *main;      // to agree with in machine and word size, or NULL
    char *mismatch; // a file that stood in the right place, but was of another build
    bool out_of_memory;
    struct hc_debug_file *found;
};

static void search_deinit(struct search *search)
{
    free(search->mismatch);
}

void hc_debug_file_close(struct hc_debug_file *file)
{
    elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    free(file->path);
    *file = (struct hc_debug_file){.fd = -1};
}

// Opens a regular ELF file; *ret stays closed for anything else. Consumes `fd`.
static bool open_elf(const char *path, int fd, struct hc_debug_file *ret)
{
    *ret = (struct hc_debug_file){.fd = fd};
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        hc_debug_file_close(ret);
        return true;
    }
    ret->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (!ret->elf || elf_kind(ret->elf) != ELF_K_ELF) {
        hc_debug_file_close(ret);
        return true;
    }
    ret->path = strdup(path);
    if (ret->path)
        return true;
    hc_debug_file_close(ret);
    return false;
}

struct hc_error *hc_debug_file_open_module(const struct hc_module *module, struct hc_debug_file *ret)
{
    *ret = (struct hc_debug_file){.fd = -1};
    elf_version(EV_CURRENT);
    if (module->fd < 0)
        return NULL;
    int fd = fcntl(module->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return hc_error_create("cannot open %s again: %s", module->path, strerror(errno));
    if (!open_elf(module->file ? module->file : module->path, fd, ret))
        return hc_error_out_of_memory();
    return NULL;
}

bool hc_debug_file_has_dwarf(Elf *elf)
{
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return false;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS || header.sh_size == 0)
            continue;
        const char *name = elf_strptr(elf, names, header.sh_name);
        if (name && (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0))
            return true;
    }
    return false;
}

// The checksum of .gnu_debuglink: CRC-32, IEEE 802.3, least significant bit first.
static uint32_t checksum(const uint8_t *bytes, size_t length)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
        table[i] = value;
    }
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < length; i++)
        crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

static bool same_machine(Elf *one, Elf *other)
{
    GElf_Ehdr one_header, other_header;
    return gelf_getehdr(one, &one_header) && gelf_getehdr(other, &other_header) &&
           one_header.e_machine == other_header.e_machine &&
           one_header.e_ident[EI_CLASS] == other_header.e_ident[EI_CLASS] &&
           one_header.e_ident[EI_DATA] == other_header.e_ident[EI_DATA];
}

// A build-id decides where both sides have one; the checksum of the link where they have not.
static bool is_same_build(const struct search *search, const struct hc_debug_file *file, bool by_link)
{
    if (search->main && !same_machine(search->main, file->elf))
        return false;
    const void *build_id;
    ssize_t length = dwelf_elf_gnu_build_id(file->elf, &build_id);
    if (length > 0 && search->build_id_length > 0)
        return (size_t)length == search->build_id_length && memcmp(build_id, search->build_id, length) == 0;
    if (!by_link)
        return false;
    size_t size;
    const char *bytes = elf_rawfile(file->elf, &size);
    return bytes && checksum((const uint8_t *)bytes, size) == search->link.crc;
}

// True once the search is over: the file is it, or memory has run out.
static bool consider(struct search *search, const char *path, int fd, bool by_link)
{
    struct hc_debug_file file;
    if (!open_elf(path, fd, &file)) {
        search->out_of_memory = true;
        return true;
    }
    if (!file.elf)
        return false;
    if (hc_debug_file_has_dwarf(file.elf)) {
        if (is_same_build(search, &file, by_link)) {
            *search->found = file;
            return true;
        }
        if (!search->mismatch)
            search->mismatch = hc_take(file.path);
    }
    hc_debug_file_close(&file);
    return false;
}

__attribute__((format(printf, 3, 4))) static bool try_path(struct search *search, bool by_link,
                                                           const char *format, ...)
{
    _cleanup_(hc_freep) char *path = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&path, format, arguments);
    va_end(arguments);
    if (length < 0) {
        path = NULL;
        search->out_of_memory = true;
        return true;
    }
    // Not to wait for the other end of a FIFO.
    return consider(search, path, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), by_link);
}

static bool try_build_id(struct search *search, const char *root, const char *directory)
{
    if (search->build_id_length < 2)
        return false;
    const char *text = search->build_id_text;
    return try_path(search, false, "%s%s/.build-id/%.2s/%s.debug", root, directory, text, text + 2);
}

static bool try_build_id_everywhere(struct search *search)
{
    if (search->options->sysroot && try_build_id(search, search->options->sysroot, SYSTEM_DEBUG_DIR))
        return true;
    return try_build_id(search, "", SYSTEM_DEBUG_DIR);
}

static int directory_length(const char *path)
{
    ptrdiff_t length = hc_path_name(path) - path;
    return length > 0 && length < INT_MAX ? (int)length - 1 : 0;
}

// The user's directory: as a build-id tree, as a copy of /usr/lib/debug, as a heap of files.
static bool try_debug_dir(struct search *search, const char *path)
{
    const char *directory = search->options->debug_dir;
    if (!directory)
        return false;
    if (try_build_id(search, directory, ""))
        return true;
    const char *link = search->link.name;
    if (link && (try_path(search, true, "%s/%s", directory, link) ||
                 try_path(search, true, "%s/%.*s/%s", directory, directory_length(path), path, link)))
        return true;
    return try_path(search, false, "%s/%s.debug", directory, hc_path_name(path)) ||
           try_path(search, false, "%s/%s", directory, hc_path_name(path));
}

static bool try_link(struct search *search, const char *path, const char *file)
{
    const char *link = search->link.name;
    if (!link)
        return false;
    const char *here = directory_length(file) ? file : ".";
    int length = directory_length(file) ? directory_length(file) : 1;
    if (try_path(search, true, "%.*s/%s", length, here, link) ||
        try_path(search, true, "%.*s/.debug/%s", length, here, link))
        return true;
    length = directory_length(path);
    const char *sysroot = search->options->sysroot;
    if (sysroot && try_path(search, true, "%s%s/%.*s/%s", sysroot, SYSTEM_DEBUG_DIR, length, path, link))
        return true;
    return try_path(search, true, "%s/%.*s/%s", SYSTEM_DEBUG_DIR, length, path, link);
}

// Asks the servers of DEBUGINFOD_URLS, if it is set; the library is loaded then only.
static bool try_debuginfod(struct search *search)
{
    const char *urls = getenv("DEBUGINFOD_URLS");
    if (!urls || !*urls || search->build_id_length == 0)
        return false;
    void *library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    void *(*begin)(void) = (void *(*)(void))dlsym(library, "debuginfod_begin");
    void (*end)(void *) = (void (*)(void *))dlsym(library, "debuginfod_end");
    int (*find)(void *, const unsigned char *, int, char **) =
        (int (*)(void *, const unsigned char *, int, char **))dlsym(library, "debuginfod_find_debuginfo");
    void *client = begin && end && find ? begin() : NULL;
    bool over = false;
    if (client) {
        _cleanup_(hc_freep) char *path = NULL;
        int fd = find(client, search->build_id, (int)search->build_id_length, &path);
        over = fd >= 0 && consider(search, path ? path : search->build_id_text, fd, false);
        end(client);
    }
    // libcurl below it does not survive being unloaded in a threaded program, so the library stays.
    return over;
}

static void search_init(struct search *search, const uint8_t *build_id, size_t length,
                        const struct hc_debug_options *options, struct hc_debug_file *ret)
{
    *ret = (struct hc_debug_file){.fd = -1};
    if (length > MAX_BUILD_ID)
        length = 0;
    *search =
        (struct search){.options = options, .build_id = build_id, .build_id_length = length, .found = ret};
    for (size_t i = 0; i < length; i++)
        snprintf(search->build_id_text + 2 * i, 3, "%02x", build_id[i]);
}

// What to install, as Debian calls it, when the name tells.
static void describe_package(const char *name, char *text, size_t size)
{
    const char *version = NULL;
    if (strncmp(name, "libpython", 9) == 0)
        version = name + 9;
    else if (strncmp(name, "python", 6) == 0)
        version = name + 6;
    size_t length = version ? strspn(version, "0123456789.") : 0;
    while (length > 0 && version[length - 1] == '.')
        length--;
    if (length > 0 && length < 16)
        snprintf(text, size, "python%.*s-dbg (Debian)", (int)length, version);
    else if (version && !*version)
        snprintf(text, size, "python3-dbg (Debian)");
    else
        snprintf(text, size, "its debug package");
}

static struct hc_error *nothing_found(const struct search *search, const struct hc_module *module)
{
    char package[64];
    const char *name = hc_path_name(module->path);
    describe_package(name, package, sizeof(package));
    bool known = search->build_id_length > 0;
    bool other = search->mismatch != NULL;
    return hc_error_create("no debug info for %s (%s%s)%s%s%s; install %s or pass --debug-dir DIR", name,
                           known ? "build-id " : "without build-id", search->build_id_text, other ? ": " : "",
                           other ? search->mismatch : "", other ? " is of another build" : "", package);
}

struct hc_error *hc_debug_file_find(const struct hc_module *module, const struct hc_debug_file *main,
                                    const struct hc_debug_options *options, struct hc_debug_file *ret)
{
    const void *own_id = module->build_id;
    ssize_t length = (ssize_t)module->build_id_length;
    if (length == 0 && main->elf)
        length = dwelf_elf_gnu_build_id(main->elf, &own_id);
    _cleanup_(search_deinit) struct search search;
    search_init(&search, own_id, length > 0 ? (size_t)length : 0, options, ret);
    search.main = main->elf;
    if (main->elf) {
        GElf_Word crc = 0;
        search.link.name = dwelf_elf_gnu_debuglink(main->elf, &crc);
        search.link.crc = crc;
        if (search.link.name && (!*search.link.name || strchr(search.link.name, '/')))
            search.link.name = NULL;
    }
    if (try_debug_dir(&search, module->path) || try_build_id_everywhere(&search) ||
        (main->path && try_link(&search, module->path, main->path)) || try_debuginfod(&search))
        return search.out_of_memory ? hc_error_out_of_memory() : NULL;
    return nothing_found(&search, module);
}

// By the name that dwz left in the file: absolute below a root, or relative to the file.
static bool try_alternate_name(struct search *search, const char *name, const char *file)
{
    const char *sysroot = search->options->sysroot;
    const char *debug_dir = search->options->debug_dir;
    if (*name != '/') {
        int length = directory_length(file);
        return try_path(search, false, "%.*s/%s", length ? length : 1, length ? file : ".", name);
    }
    size_t prefix = strlen(SYSTEM_DEBUG_DIR "/");
    if (debug_dir && strncmp(name, SYSTEM_DEBUG_DIR "/", prefix) == 0 &&
        try_path(search, false, "%s/%s", debug_dir, name + prefix))
        return true;
    if (sysroot && try_path(search, false, "%s%s", sysroot, name))
        return true;
    return try_path(search, false, "%s", name);
}

struct hc_error *hc_debug_file_find_alternate(const struct hc_debug_file *file, const char *name,
                                              const uint8_t *build_id, size_t build_id_length,
                                              const struct hc_debug_options *options,
                                              struct hc_debug_file *ret)
{
    _cleanup_(search_deinit) struct search search;
    search_init(&search, build_id, build_id_length, options, ret);
    search.main = file->elf;
    const char *directory = options->debug_dir;
    if ((directory && try_build_id(&search, directory, "")) || try_build_id_everywhere(&search) ||
        try_alternate_name(&search, name, file->path) || try_debuginfod(&search))
        return search.out_of_memory ? hc_error_out_of_memory() : NULL;
    return hc_error_create("the debug info in %s is incomplete without the dwz file %s (build-id %s); "
                           "install the rest of its debug package or pass --debug-dir DIR",
                           file->path, name, search.build_id_text);
}
