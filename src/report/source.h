// Lines of source files of this machine, for frames of a process that may be older than they are.
#pragma once

#include "base/error.h"
#include "image/image.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct hc_source_file;

struct hc_sources {
    struct hc_source_file *files;
    size_t count;
    bool is_dated; // files younger than `date` are not read
    struct timespec date;
    size_t younger; // files that were left out for that
};

// The date is the core file's; of a live process there is none.
void hc_sources_init(struct hc_sources *sources, const struct hc_image *image);
void hc_sources_deinit(struct hc_sources *sources);
// The line, without the blanks around it, UTF-8 as the file has it; NULL if it is not to be had. Free it.
char *hc_sources_line(struct hc_sources *sources, const char *path, int64_t line);
