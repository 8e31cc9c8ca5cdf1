// Paths as text.
#pragma once

#include <stdbool.h>
#include <string.h>

// What follows the last slash.
static inline const char *hc_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Is it glibc's libc.so.6, or libc-2.31.so as it was called?
static inline bool hc_path_is_glibc(const char *path)
{
    const char *name = hc_path_name(path);
    return !strncmp(name, "libc.so", 7) || !strncmp(name, "libc-", 5);
}
