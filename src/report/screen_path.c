// Paths from the roots as a person says them: "module.variable.attribute", "function: local.attribute".
#include "report/screen_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Where `text` goes on if it begins with `start`; NULL: it does not.
static const char *behind(const char *text, const char *start)
{
    size_t length = strlen(start);
    return text && !strncmp(text, start, length) ? text + length : NULL;
}

// What stands in ['…'] at the beginning of `text`; `*ret_rest` is what follows.
static const char *quoted(const char *text, int *ret_length, const char **ret_rest)
{
    const char *name = behind(text, "['"), *end = name ? strstr(name, "']") : NULL;
    if (!end)
        return NULL;
    *ret_length = (int)(end - name);
    *ret_rest = end + 2;
    return name;
}

static bool is_identifier(const char *name, int length)
{
    for (int i = 0; i < length; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '_')
            return false;
    return length > 0;
}

// Attributes, which live in a dict, are written as such.
static void write_rest(FILE *file, const char *text)
{
    while (*text) {
        const char *rest;
        int length;
        const char *name = quoted(behind(text, ".__dict__"), &length, &rest);
        if (name && is_identifier(name, length)) {
            fprintf(file, ".%.*s", length, name);
            text = rest;
        } else {
            fputc(*text++, file);
        }
    }
}

// The function of a thread's frame; frames are numbered from the outermost.
static char *function_of(const struct hc_screen *screen, uint64_t ident, size_t number)
{
    for (size_t i = 0; i < screen->threads.threads.count; i++) {
        const struct hc_thread_facts *facts = &screen->threads.facts[i];
        if (facts->thread->ident == ident && number < facts->frames.count)
            return hc_code_name(screen->threads.frames.tracer,
                                facts->frames.items[facts->frames.count - 1 - number].code);
    }
    return NULL;
}

// "i0_t1234_f2.f_locals['x']": a variable of a running function.
static bool write_local(const struct hc_screen *screen, FILE *file, const char *text)
{
    unsigned long long ident;
    const char *rest;
    int interpreter, used = 0, length;
    size_t number;
    if (sscanf(text, "i%d_t%llu_f%zu%n", &interpreter, &ident, &number, &used) != 3)
        return false;
    const char *name = quoted(behind(text + used, ".f_locals"), &length, &rest);
    _cleanup_(hc_freep) char *function = name ? function_of(screen, ident, number) : NULL;
    if (!function)
        return false;
    fprintf(file, "%s: %.*s", function, length, name);
    write_rest(file, rest);
    return true;
}

static void write_path(const struct hc_screen *screen, FILE *file, const char *path)
{
    const char *root = behind(path, "hp.Root."), *rest;
    int length;
    if (!root)
        root = path;
    if (write_local(screen, file, root))
        return;
    const char *module = quoted(behind(root, "i0_modules"), &length, &rest);
    if (module) {
        fprintf(file, "%.*s", length, module);
        write_rest(file, rest);
        return;
    }
    const char *variable = quoted(behind(root, "i0_sysdict"), &length, &rest);
    if (variable)
        fprintf(file, "sys.%.*s", length, variable);
    write_rest(file, variable ? rest : root);
}

char *hc_screen_path(const struct hc_screen *screen, const char *path)
{
    char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return NULL;
    write_path(screen, file, path);
    bool is_complete = !ferror(file);
    if (!fclose(file) && is_complete)
        return text;
    free(text);
    return NULL;
}
