#include "report/words.h"

#include <inttypes.h>
#include <stdio.h>

const char *hc_bytes_rounded(uint64_t bytes, hc_bytes_buffer buffer)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
    if (bytes < 1024) {
        snprintf(buffer, sizeof(hc_bytes_buffer), "%" PRIu64 " bytes", bytes);
        return buffer;
    }
    double scaled = (double)bytes / 1024;
    size_t unit = 0;
    for (; scaled >= 1024 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
        scaled /= 1024;
    snprintf(buffer, sizeof(hc_bytes_buffer), "%.1f %s", scaled, units[unit]);
    return buffer;
}

const char *hc_bytes_exact(uint64_t bytes, hc_bytes_buffer buffer)
{
    hc_bytes_buffer rounded;
    hc_bytes_rounded(bytes, rounded);
    if (bytes < 1024)
        snprintf(buffer, sizeof(hc_bytes_buffer), "%" PRIu64 " bytes", bytes);
    else
        snprintf(buffer, sizeof(hc_bytes_buffer), "%" PRIu64 " bytes (%.20s)", bytes, rounded);
    return buffer;
}

const char *hc_build_id(const struct hc_module *module, hc_build_id_buffer buffer)
{
    size_t length = module->build_id_length;
    if (!length)
        return NULL;
    for (size_t i = 0; i < length && i < sizeof(module->build_id); i++)
        snprintf(buffer + 2 * i, 3, "%02x", module->build_id[i]);
    return buffer;
}
