#include "query/help.h"

#include "query/families.h"
#include "query/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hc_help_entry names[] = {
    {.name = "_",
     .help = "Is the last answer that was printed. An assignment leaves it as it is.",
     .example = "h[0]; _.count"},
    {.name = "h",
     .help =
         "Is the heap: all objects that the roots of the interpreter reach. A name that is nothing else is "
         "an attribute of it, so byrcs is h.byrcs.",
     .example = "h"},
    {.name = "hp",
     .help = "Is heapy itself, whose names can be written without it as well. hp.heap() is heap().",
     .example = "hp.heap().count"},
};

static struct hc_error *add(struct hc_help_vector *entries, const char *group,
                            const struct hc_help_entry *entry)
{
    struct hc_help_entry copy = *entry;
    copy.group = group;
    return hc_help_vector_push(entries, copy) ? NULL : hc_error_out_of_memory();
}

static int by_name(const void *a, const void *b)
{
    const struct hc_help_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static struct hc_error *add_families(struct hc_help_vector *entries, const char *group,
                                     const struct hc_attribute *const *attributes,
                                     const struct hc_function *const *functions)
{
    size_t first = entries->count;
    for (; attributes && *attributes; attributes++)
        for (const struct hc_attribute *a = *attributes; a->name; a++)
            HC_TRY(add(entries, group,
                       &(struct hc_help_entry){.name = a->name, .help = a->help, .example = a->example}));
    for (; functions && *functions; functions++)
        for (const struct hc_function *f = *functions; f->name; f++)
            HC_TRY(add(entries, group,
                       &(struct hc_help_entry){
                           .name = f->name, .usage = f->usage, .help = f->help, .example = f->example}));
    if (entries->count > first)
        qsort(entries->items + first, entries->count - first, sizeof(*entries->items), by_name);
    return NULL;
}

static struct hc_error *add_type(struct hc_help_vector *entries, const char *group, enum hc_answer_type type)
{
    const struct hc_answer answer = {.type = type};
    return add_families(entries, group, hc_attribute_families(&answer), hc_function_families(&answer));
}

static struct hc_error *collect(struct hc_help_vector *entries)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        HC_TRY(add(entries, "a session", &names[i]));
    HC_TRY(add_type(entries, "hp", HC_ANSWER_HEAPY));
    HC_TRY(add_type(entries, "a set", HC_ANSWER_SET));
    HC_TRY(add_type(entries, "a kind", HC_ANSWER_KIND));
    for (const struct hc_thing_class *const *class = hc_thing_classes; *class; class ++)
        HC_TRY(add_families(entries, (*class)->name, (*class)->attributes, (*class)->methods));
    return NULL;
}

struct hc_error *hc_help_entries(struct hc_help_vector *ret)
{
    _cleanup_(hc_help_vector_deinit) struct hc_help_vector entries = {0};
    HC_TRY(collect(&entries));
    *ret = entries;
    entries = (struct hc_help_vector){0};
    return NULL;
}

// The length of the first sentence, without its full stop.
static size_t first_sentence(const char *help)
{
    const char *end = strstr(help, ". ");
    return end ? (size_t)(end - help) : strlen(help);
}

// `length` bytes of text in lines of at most WIDTH, all but the first behind a margin.
static void write_wrapped(const char *text, size_t length, int margin, FILE *file)
{
    enum { WIDTH = 78 };
    size_t width = (size_t)(WIDTH - margin);
    for (;;) {
        size_t part = length;
        if (length > width) {
            part = width;
            while (part && text[part] != ' ')
                part--;
            part = part ? part : length;
        }
        fprintf(file, "%.*s\n", (int)part, text);
        size_t blanks = part < length ? strspn(text + part, " ") : 0;
        text += part + blanks;
        length -= part + blanks;
        if (!length)
            return;
        fprintf(file, "%*s", margin, "");
    }
}

static void write_overview(const struct hc_help_vector *entries, FILE *file)
{
    const char *group = "";
    for (size_t i = 0; i < entries->count; i++) {
        const struct hc_help_entry *entry = &entries->items[i];
        if (strcmp(entry->group, group))
            fprintf(file, "%sOf %s:\n", i ? "\n" : "", entry->group);
        group = entry->group;
        const char *help = entry->help ? entry->help : "";
        int margin = fprintf(file, "  %-15s ", entry->name);
        write_wrapped(help, first_sentence(help), margin, file);
    }
}

static void write_entry(const struct hc_help_entry *entry, FILE *file)
{
    const char *help = entry->help ? entry->help : "";
    fprintf(file, "%s, of %s\n  ", entry->usage ? entry->usage : entry->name, entry->group);
    write_wrapped(help, strlen(help), 2, file);
    fprintf(file, "  Example: %s\n", entry->example ? entry->example : "");
}

static struct hc_error *unknown_name(const struct hc_help_vector *entries, const char *name)
{
    _cleanup_(hc_freep) const char **all = calloc(entries->count + 1, sizeof(*all));
    if (!all)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < entries->count; i++)
        all[i] = entries->items[i].name;
    const char *near = hc_suggest(name, all, entries->count);
    return near ? hc_error_create("there is no help for '%s'; did you mean '%s'?", name, near)
                : hc_error_create("there is no help for '%s'; `help` lists all names", name);
}

static struct hc_error *finish(FILE *memory, char **text, char **ret)
{
    if (fclose(memory) || !*text)
        return hc_error_out_of_memory();
    *ret = hc_take(*text);
    return NULL;
}

struct hc_error *hc_help_overview(char **ret)
{
    _cleanup_(hc_help_vector_deinit) struct hc_help_vector entries = {0};
    _cleanup_(hc_freep) char *text = NULL;
    size_t length;
    HC_TRY(hc_help_entries(&entries));
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return hc_error_out_of_memory();
    write_overview(&entries, memory);
    return finish(memory, &text, ret);
}

struct hc_error *hc_help_name(const char *name, char **ret)
{
    _cleanup_(hc_help_vector_deinit) struct hc_help_vector entries = {0};
    _cleanup_(hc_freep) char *text = NULL;
    size_t length, found = 0;
    HC_TRY(hc_help_entries(&entries));
    FILE *memory = open_memstream(&text, &length);
    if (!memory)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < entries.count; i++)
        if (!strcmp(entries.items[i].name, name)) {
            fputs(found++ ? "\n" : "", memory);
            write_entry(&entries.items[i], memory);
        }
    if (!found) {
        fclose(memory);
        return unknown_name(&entries, name);
    }
    return finish(memory, &text, ret);
}
