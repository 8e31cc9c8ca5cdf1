#include "capture/output.h"

#include "capture/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct hc_error *create_file(char *partial, int *ret)
{
    if (!partial)
        return hc_error_out_of_memory();
    // A link of that name would lead elsewhere, and what a killed capture left is of no use.
    unlink(partial);
    *ret = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600); // it may hold secrets
    if (*ret < 0)
        return hc_error_create("cannot write %s: %s; name a file in a directory that you may write to",
                               partial, strerror(errno));
    return NULL;
}

static char *add_ending(const char *path, const char *ending)
{
    char *name;
    return asprintf(&name, "%s%s", path, ending) < 0 ? NULL : name;
}

static struct hc_error *check_kind(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return hc_error_create("%s is there and is no regular file; name another", path);
    return NULL;
}

struct hc_error *hc_output_check(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    if (length >= sizeof(folder))
        return hc_error_create("the name %s is too long", path);
    snprintf(folder, sizeof(folder), "%.*s", (int)length, path);
    if (access(length ? folder : ".", W_OK) != 0)
        return hc_error_create("cannot write to the folder of %s: %s", path, strerror(errno));
    return check_kind(path);
}

struct hc_error *hc_output_open(struct hc_output *output, const char *path)
{
    *output = (struct hc_output){.path = path, .fd = -1};
    HC_TRY(check_kind(path));
    _cleanup_(hc_freep) char *partial = add_ending(path, ".partial");
    HC_TRY(create_file(partial, &output->fd));
    output->partial = hc_take(partial);
    return NULL;
}

struct hc_error *hc_output_compress(struct hc_output *output, uint64_t size, unsigned threads)
{
    _cleanup_(hc_output_deinit) struct hc_output packed = {.fd = -1};
    packed.partial = add_ending(output->path, ".packed.partial");
    HC_TRY(create_file(packed.partial, &packed.fd));
    HC_TRY(hc_compress(output->fd, size, packed.fd, packed.partial, threads));
    // The larger one is removed with the name of the smaller.
    struct hc_output larger = *output;
    output->partial = packed.partial;
    output->fd = packed.fd;
    packed.partial = larger.partial;
    packed.fd = larger.fd;
    return NULL;
}

struct hc_error *hc_output_finish(struct hc_output *output)
{
    // Some file systems tell only now that there was no room.
    if (fsync(output->fd) != 0 || rename(output->partial, output->path) != 0)
        return hc_error_create("cannot finish %s: %s; name a file where there is room", output->path,
                               strerror(errno));
    free(hc_take(output->partial));
    return NULL;
}

void hc_output_deinit(struct hc_output *output)
{
    if (output->partial)
        unlink(output->partial);
    free(output->partial);
    hc_closep(&output->fd);
}
