// Paths as text.
#pragma once

#include <string.h>

// What follows the last slash.
static inline const char *hc_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
