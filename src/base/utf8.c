#include "base/utf8.h"

#include <stdbool.h>

static bool is_character(uint32_t c)
{
    return c < 0xd800 || (c >= 0xe000 && c <= 0x10ffff);
}

size_t hc_utf8_decode(const char *bytes, size_t length, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (!length)
        return 0;
    uint8_t first = (uint8_t)bytes[0];
    size_t size = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
    if (!size || size > length)
        return 0;
    uint32_t c = size == 1 ? first : first & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        uint8_t byte = (uint8_t)bytes[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (byte & 0x3f);
    }
    if (c < least[size] || !is_character(c))
        return 0;
    *ret = c;
    return size;
}

size_t hc_utf8_encode(uint32_t c, char ret[static 4])
{
    if (!is_character(c))
        c = 0xfffd;
    if (c < 0x80) {
        ret[0] = (char)c;
        return 1;
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = size; --i > 0; c >>= 6)
        ret[i] = (char)(0x80 | (c & 0x3f));
    ret[0] = (char)(0xf00 >> size | c);
    return size;
}
