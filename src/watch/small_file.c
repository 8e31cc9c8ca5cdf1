#include "watch/small_file.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

bool hc_small_file_read(int folder, const char *name, char *buffer, size_t size)
{
    _cleanup_(hc_closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    size_t filled = 0;
    while (fd >= 0 && filled < size - 1) {
        ssize_t count = read(fd, buffer + filled, size - 1 - filled);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        if (count == 0)
            break;
        filled += (size_t)count;
    }
    buffer[filled] = '\0';
    return fd >= 0;
}

static bool read_number(const char *text, uint64_t *ret)
{
    text += strspn(text, " \t");
    if (strncmp(text, "max", 3) == 0) {
        *ret = HC_NO_BOUND;
        return true;
    }
    char *end;
    *ret = strtoull(text, &end, 10);
    return end != text;
}

bool hc_small_file_number(int folder, const char *name, uint64_t *ret)
{
    char text[64];
    return hc_small_file_read(folder, name, text, sizeof(text)) && read_number(text, ret);
}

bool hc_small_file_write(int folder, const char *name, const char *text)
{
    _cleanup_(hc_closep) int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

uint64_t hc_small_text_number(const char *text, const char *key)
{
    uint64_t number;
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        bool is_key = strncmp(line, key, length) == 0 && strchr(" \t:", line[length]) && line[length];
        if (is_key && read_number(line + length + 1, &number))
            return number;
    }
    return 0;
}
