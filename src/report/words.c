#include "report/words.h"

#include "base/size_text.h"

#include "base/path.h"
#include "report/wrap.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *hc_bytes_exact(uint64_t bytes, hc_bytes_buffer buffer)
{
    hc_size_buffer rounded;
    hc_size_text(bytes, rounded);
    if (bytes < 1024)
        snprintf(buffer, sizeof(hc_bytes_buffer), "%" PRIu64 " bytes", bytes);
    else
        snprintf(buffer, sizeof(hc_bytes_buffer), "%" PRIu64 " bytes (%s)", bytes, rounded);
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

// The next word of a command line, whose words are joined by blanks; 0 bytes: there is none.
static size_t next_word(const char **at)
{
    *at += strspn(*at, " \t\n");
    return strcspn(*at, " \t\n");
}

// Options of the interpreter that take the next word: -W ignore, -X dev.
static bool takes_next(const char *word, size_t length)
{
    return length == 2 && strchr("WXQ", word[1]);
}

static char *last_name(const char *path, size_t length)
{
    char *copy = strndup(path, length);
    const char *name = copy ? hc_path_name(copy) : NULL;
    if (name && *name)
        memmove(copy, name, strlen(name) + 1);
    return copy;
}

char *hc_command_name(const char *command, const char *program)
{
    const char *at = command ? command : "";
    size_t length = next_word(&at);
    if (!length)
        return last_name(program ? program : "the process", program ? strlen(program) : 11);
    const char *first = at, *slash = memrchr(at, '/', length);
    size_t first_length = length;
    bool is_python = !strncmp(slash ? slash + 1 : at, "python", 6);
    at += length;
    while (is_python && (length = next_word(&at))) {
        if (*at != '-')
            return last_name(at, length);
        if (length == 2 && at[1] == 'c')
            break;
        bool is_module = length == 2 && at[1] == 'm', skips = takes_next(at, length);
        at += length;
        if (is_module && (length = next_word(&at)))
            return strndup(at, length);
        if (skips)
            at += next_word(&at);
    }
    return last_name(first, first_length);
}

char *hc_command_shortened(const char *command)
{
    const char *at = command;
    char *text = NULL;
    size_t length = next_word(&at);
    const char *slash = memrchr(at, '/', length);
    if (slash && slash[1] && slash[1] != ' ')
        return asprintf(&text, "%s%s", slash == at ? "" : "…", slash) < 0 ? NULL : text;
    return strdup(at);
}

// The last `characters` of a text.
static const char *tail_of(const char *text, size_t characters)
{
    const char *at = text + strlen(text);
    while (at > text && characters)
        characters -= (*--at & 0xc0) != 0x80;
    return at;
}

char *hc_path_shortened(const char *path, size_t width)
{
    char *text = NULL;
    if (hc_wrap_length(path) <= width)
        return strdup(path);
    const char *tail = tail_of(path, width ? width - 1 : 0), *slash = strchr(tail, '/');
    const char *name = hc_path_name(path);
    const char *shown = name < tail ? name : slash ? slash : tail;
    return asprintf(&text, "%s%s", shown == name ? "" : "…", shown) < 0 ? NULL : text;
}

char *hc_text_shortened(const char *string, size_t width)
{
    char *text = NULL;
    size_t length = hc_wrap_length(string);
    if (length <= width)
        return strdup(string);
    size_t kept = width ? width - 1 : 0;
    const char *tail = tail_of(string, kept - kept / 2), *middle = tail_of(string, length - kept / 2);
    return asprintf(&text, "%.*s…%s", (int)(middle - string), string, tail) < 0 ? NULL : text;
}
