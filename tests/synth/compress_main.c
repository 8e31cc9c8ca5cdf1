// compress FORMAT <IN >OUT: for tests in Python, whose library has no zstd and no lz4.
#include "compressing.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argument_count, char **arguments)
{
    if (argument_count != 2)
        return 2;
    size_t room = 1 << 20, length = 0, compressed_length;
    char *bytes = malloc(room);
    for (size_t count; bytes && (count = fread(bytes + length, 1, room - length, stdin)) > 0;) {
        length += count;
        if (length == room)
            bytes = realloc(bytes, room *= 2);
    }
    if (!bytes)
        return 1;
    uint8_t *compressed = compress_bytes(arguments[1], bytes, length, &compressed_length);
    size_t written = fwrite(compressed, 1, compressed_length, stdout);
    free(compressed);
    free(bytes);
    return written == compressed_length ? 0 : 1;
}
