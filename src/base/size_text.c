#include "base/size_text.h"

#include <inttypes.h>
#include <stdio.h>

const char *hc_size_text(uint64_t bytes, hc_size_buffer buffer)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    double scaled = (double)bytes / 1024;
    unsigned unit = 0;
    if (bytes < 1024) {
        snprintf(buffer, sizeof(hc_size_buffer), "%" PRIu64 " bytes", bytes);
        return buffer;
    }
    for (; scaled >= 1024 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        scaled /= 1024;
    snprintf(buffer, sizeof(hc_size_buffer), "%.1f %s", scaled, units[unit]);
    return buffer;
}
