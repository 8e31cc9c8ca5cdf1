// Numbers of bytes as people read them.
#pragma once

#include <stdint.h>

typedef char hc_size_buffer[24];

// "512 bytes", "12.3 MiB".
const char *hc_size_text(uint64_t bytes, hc_size_buffer buffer);
