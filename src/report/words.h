// Sizes, paths and the like as people read them.
#pragma once

#include "image/image.h"

#include <stdint.h>

typedef char hc_bytes_buffer[64];

// "123 bytes", "12345678 bytes (11.8 MiB)".
const char *hc_bytes_exact(uint64_t bytes, hc_bytes_buffer buffer);

typedef char hc_build_id_buffer[2 * sizeof(((struct hc_module *)0)->build_id) + 1];

// In hexadecimal digits; NULL if none is known.
const char *hc_build_id(const struct hc_module *module, hc_build_id_buffer buffer);

// What a person calls the process of this command line: its script or module, else its program. Either may
// be NULL. Free it, and what the functions below return; NULL: out of memory.
char *hc_command_name(const char *command, const char *program);
// The command line without the folders of its program.
char *hc_command_shortened(const char *command);
// A path of at most `width` characters: the end of it behind an ellipsis, if possible from a slash on. The
// file's name stays whole.
char *hc_path_shortened(const char *path, size_t width);
// A text of at most `width` characters, which loses its middle.
char *hc_text_shortened(const char *text, size_t width);
