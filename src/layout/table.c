#include "layout/table.h"

#include "base/vector.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TABLE_SIZE = 16 << 20, MAX_WORDS = 72, MAX_OFFSET = 1 << 30, MAX_COUNT = 1 << 20 };

static const char first_line[] = "heapcore layouts 1";

struct entry {
    const char *structure, *unit, *member; // of the whole struct: member is "."
    struct hc_field field;
};

struct pointer {
    const char *structure, *unit, *pointee, *path;
    uint64_t offset, count;
};

HC_DEFINE_VECTOR(entry_vector, struct entry)
HC_DEFINE_VECTOR(pointer_vector, struct pointer)

struct hc_layout_table {
    char *name;
    char *text; // names point into it
    struct hc_table_key key;
    struct entry_vector entries; // sorted
    struct pointer_vector pointers;
};

static const struct {
    const char *name;
    unsigned flag;
} build_flags[] = {
    {"debug", HC_BUILD_DEBUG},
    {"trace-refs", HC_BUILD_TRACE_REFS},
    {"free-threaded", HC_BUILD_FREE_THREADED},
};

static const struct {
    const char *name;
    uint16_t machine;
} machines[] = {{"x86-64", EM_X86_64}, {"aarch64", EM_AARCH64}};

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

const char *hc_build_flag_name(unsigned flag)
{
    for (size_t i = 0; i < COUNT_OF(build_flags); i++)
        if (build_flags[i].flag == flag)
            return build_flags[i].name;
    return NULL;
}

const char *hc_machine_name(uint16_t machine)
{
    for (size_t i = 0; i < COUNT_OF(machines); i++)
        if (machines[i].machine == machine)
            return machines[i].name;
    return NULL;
}

bool hc_version_parse(const char *text, size_t length, uint32_t *ret)
{
    unsigned major, minor, micro, serial = 0;
    char buffer[32];
    int used;
    if (!length || length >= sizeof(buffer))
        return false;
    memcpy(buffer, text, length);
    buffer[length] = '\0';
    if (sscanf(buffer, "%2u.%3u.%3u%n", &major, &minor, &micro, &used) != 3 || minor > 255 || micro > 255)
        return false;
    static const struct {
        const char *name;
        unsigned level;
    } levels[] = {{"a", 0xa}, {"b", 0xb}, {"rc", 0xc}, {"", 0xf}};
    const char *rest = buffer + used;
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        size_t own = strlen(levels[i].name);
        if (strncmp(rest, levels[i].name, own))
            continue;
        rest += own;
        used = 0;
        if (own && (sscanf(rest, "%2u%n", &serial, &used) != 1 || serial > 15))
            return false;
        rest += used;
        *ret = major << 24 | minor << 16 | micro << 8 | levels[i].level << 4 | serial;
        return !*rest || !strcmp(rest, "+");
    }
    return false;
}

void hc_version_write(uint32_t version, char *buffer, size_t size)
{
    static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
    const char *level = levels[version >> 4 & 0xf];
    int length = snprintf(buffer, size, "%u.%u.%u", version >> 24, version >> 16 & 0xff, version >> 8 & 0xff);
    if (level && length > 0 && (size_t)length < size)
        snprintf(buffer + length, size - (size_t)length, "%s%u", level, version & 0xf);
}

// A line at a time, divided into words.
struct lines {
    const char *name;
    char *next, *end;
    unsigned number;
    char *words[MAX_WORDS];
    size_t count;
};

__attribute__((format(printf, 2, 3))) static struct hc_error *complain(const struct lines *lines,
                                                                       const char *format, ...)
{
    char message[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return hc_error_create("%s:%u: %s", lines->name, lines->number, message);
}

static struct hc_error *next_line(struct lines *lines)
{
    lines->number++;
    lines->count = 0;
    char *end =
        lines->next < lines->end ? memchr(lines->next, '\n', (size_t)(lines->end - lines->next)) : NULL;
    if (!end)
        return complain(lines, "the table is cut short: it does not end with the line \"end\"");
    if (memchr(lines->next, '\0', (size_t)(end - lines->next)))
        return complain(lines, "not a table of layouts: it has a byte of zero");
    *end = '\0';
    for (char *word = strtok(lines->next, " "); word; word = strtok(NULL, " ")) {
        if (lines->count == MAX_WORDS)
            return complain(lines, "more than %d words", MAX_WORDS);
        lines->words[lines->count++] = word;
    }
    lines->next = end + 1;
    return NULL;
}

static bool is_line(const struct lines *lines, const char *first, size_t least)
{
    return lines->count >= least && !strcmp(lines->words[0], first);
}

static struct hc_error *parse_number(const struct lines *lines, size_t index, uint64_t most, uint64_t *ret)
{
    char *end;
    const char *word = lines->words[index];
    errno = 0;
    unsigned long long number = strtoull(word, &end, 10);
    if (*word < '0' || *word > '9' || errno || *end || number > most)
        return complain(lines, "'%.40s' is no number up to %llu", word, (unsigned long long)most);
    *ret = number;
    return NULL;
}

static struct hc_error *parse_versions(const struct lines *lines, struct hc_table_key *key)
{
    if (lines->count - 1 > HC_TABLE_VERSIONS)
        return complain(lines, "more than %d versions", HC_TABLE_VERSIONS);
    for (size_t i = 1; i < lines->count; i++)
        if (!hc_version_parse(lines->words[i], strlen(lines->words[i]), &key->versions[key->version_count++]))
            return complain(lines, "'%.40s' is no version of Python", lines->words[i]);
    return NULL;
}

static struct hc_error *parse_machine(const struct lines *lines, struct hc_table_key *key)
{
    for (size_t i = 0; i < COUNT_OF(machines); i++)
        if (!strcmp(machines[i].name, lines->words[1])) {
            key->machine = machines[i].machine;
            return NULL;
        }
    return complain(lines, "'%.40s' is no machine: x86-64 or aarch64", lines->words[1]);
}

static struct hc_error *parse_flags(const struct lines *lines, struct hc_table_key *key)
{
    for (size_t i = 1; i < lines->count; i++) {
        size_t flag = 0;
        while (flag < COUNT_OF(build_flags) && strcmp(build_flags[flag].name, lines->words[i]))
            flag++;
        if (flag == COUNT_OF(build_flags))
            return complain(lines, "'%.40s' is no flag of a build", lines->words[i]);
        key->flags |= build_flags[flag].flag;
    }
    return NULL;
}

static struct hc_error *parse_key(struct lines *lines, struct hc_table_key *key)
{
    *key = (struct hc_table_key){0};
    size_t length = sizeof(first_line) - 1;
    if ((size_t)(lines->end - lines->next) <= length || memcmp(lines->next, first_line, length) ||
        lines->next[length] != '\n') {
        lines->number = 1;
        return complain(lines, "not a table of layouts: that begins with the line \"%s\"", first_line);
    }
    HC_TRY(next_line(lines));
    HC_TRY(next_line(lines));
    if (!is_line(lines, "versions", 2))
        return complain(lines, "expected \"versions\" and the versions of Python that the table is of");
    HC_TRY(parse_versions(lines, key));
    HC_TRY(next_line(lines));
    if (!is_line(lines, "machine", 2))
        return complain(lines, "expected \"machine\" and its name");
    HC_TRY(parse_machine(lines, key));
    HC_TRY(next_line(lines));
    if (!is_line(lines, "flags", 1))
        return complain(lines, "expected \"flags\" and those of the build");
    return parse_flags(lines, key);
}

static struct hc_error *check_size(const struct lines *lines, const struct hc_field *field)
{
    bool is_power = field->size && !(field->size & (field->size - 1));
    if (field->kind == HC_FIELD_POINTER && field->size != 4 && field->size != 8)
        return complain(lines, "a pointer has 4 or 8 bytes, not %lu", (long)field->size);
    if ((field->kind == HC_FIELD_SCALAR && (!is_power || field->size > 16)) ||
        (field->kind == HC_FIELD_BITS && (!is_power || field->size > 8)))
        return complain(lines, "no number has %lu bytes", (long)field->size);
    if (field->kind == HC_FIELD_BITS &&
        (!field->bit_size || field->bit_size > 63 || field->bit_offset + field->bit_size > 8 * field->size))
        return complain(lines, "%u bits from bit %u on do not fit", field->bit_size, field->bit_offset);
    return NULL;
}

// MEMBER -, or MEMBER OFFSET SIZE KIND, where kind b has two numbers more.
static struct hc_error *parse_field(const struct lines *lines, struct hc_field *ret)
{
    static const char kinds[] = "sptab"; // in the order of enum hc_field_kind
    *ret = (struct hc_field){0};
    if (lines->count == 2 && !strcmp(lines->words[1], "-"))
        return NULL;
    const char *kind = lines->count >= 4 && lines->words[3][0] && !lines->words[3][1]
                           ? strchr(kinds, lines->words[3][0])
                           : NULL;
    if (!kind || lines->count != (*kind == 'b' ? 6 : 4))
        return complain(lines, "expected a member's name, offset, size and kind (one of %s), or name and -",
                        kinds);
    uint64_t bit_offset = 0, bit_size = 0;
    HC_TRY(parse_number(lines, 1, MAX_OFFSET, &ret->offset));
    HC_TRY(parse_number(lines, 2, MAX_OFFSET, &ret->size));
    ret->kind = (enum hc_field_kind)(kind - kinds);
    if (ret->kind == HC_FIELD_BITS) {
        HC_TRY(parse_number(lines, 4, 63, &bit_offset));
        HC_TRY(parse_number(lines, 5, 63, &bit_size));
        ret->bit_offset = (uint8_t)bit_offset;
        ret->bit_size = (uint8_t)bit_size;
    }
    ret->present = true;
    ret->source = HC_LAYOUT_TABLE;
    return check_size(lines, ret);
}

static struct hc_error *parse_pointer(const struct lines *lines, struct pointer *pointer)
{
    if (lines->count != 3)
        return complain(lines, "expected a member's name, offset and count");
    HC_TRY(parse_number(lines, 1, MAX_OFFSET, &pointer->offset));
    HC_TRY(parse_number(lines, 2, MAX_COUNT, &pointer->count));
    pointer->path = lines->words[0];
    return NULL;
}

// The part between the head and "end": structs, each with its members.
static struct hc_error *parse_body(struct lines *lines, struct hc_layout_table *table)
{
    const char *structure = NULL, *unit = NULL, *pointee = NULL;
    for (;;) {
        HC_TRY(next_line(lines));
        if (lines->count == 1 && !strcmp(lines->words[0], "end"))
            return NULL;
        if (is_line(lines, "struct", 3) || is_line(lines, "pointers", 4)) {
            structure = lines->words[1];
            unit = lines->words[2];
            pointee = *lines->words[0] == 'p' ? lines->words[3] : NULL;
        } else if (!structure || !lines->count) {
            return complain(lines, "expected \"struct\" or \"pointers\"");
        } else if (pointee) {
            struct pointer pointer = {.structure = structure, .unit = unit, .pointee = pointee};
            HC_TRY(parse_pointer(lines, &pointer));
            if (!pointer_vector_push(&table->pointers, pointer))
                return hc_error_out_of_memory();
        } else {
            struct entry entry = {.structure = structure, .unit = unit, .member = lines->words[0]};
            HC_TRY(parse_field(lines, &entry.field));
            if (!entry_vector_push(&table->entries, entry))
                return hc_error_out_of_memory();
        }
    }
}

static int by_name(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = strcmp(left->structure, right->structure);
    order = order ? order : strcmp(left->unit, right->unit);
    return order ? order : strcmp(left->member, right->member);
}

struct hc_error *hc_table_key_parse(const char *name, const char *text, size_t length,
                                    struct hc_table_key *ret)
{
    enum { HEAD = 4096 }; // more than a head takes
    size_t used = length < HEAD ? length : HEAD;
    _cleanup_(hc_freep) char *head = malloc(used + 1);
    if (!head)
        return hc_error_out_of_memory();
    memcpy(head, text, used);
    struct lines lines = {.name = name, .next = head, .end = head + used};
    return parse_key(&lines, ret);
}

struct hc_error *hc_layout_table_parse(const char *name, const char *text, size_t length,
                                       struct hc_layout_table **ret)
{
    if (length > MAX_TABLE_SIZE)
        return hc_error_create("%s: a table of layouts has at most %d bytes", name, MAX_TABLE_SIZE);
    _cleanup_(hc_layout_table_destroyp) struct hc_layout_table *table = calloc(1, sizeof(*table));
    if (!table || !(table->name = strdup(name)) || !(table->text = malloc(length + 1)))
        return hc_error_out_of_memory();
    memcpy(table->text, text, length);
    struct lines lines = {.name = name, .next = table->text, .end = table->text + length};
    HC_TRY(parse_key(&lines, &table->key));
    HC_TRY(parse_body(&lines, table));
    if (table->entries.count)
        qsort(table->entries.items, table->entries.count, sizeof(*table->entries.items), by_name);
    *ret = hc_take(table);
    return NULL;
}

struct hc_error *hc_layout_table_read(const char *path, struct hc_layout_table **ret)
{
    _cleanup_(hc_fclosep) FILE *file = fopen(path, "re");
    if (!file)
        return hc_error_create("cannot open the table of layouts %s: %s", path, strerror(errno));
    _cleanup_(hc_freep) char *text = malloc(MAX_TABLE_SIZE + 1);
    if (!text)
        return hc_error_out_of_memory();
    size_t length = fread(text, 1, MAX_TABLE_SIZE + 1, file);
    if (ferror(file))
        return hc_error_create("cannot read the table of layouts %s: %s", path, strerror(errno));
    return hc_layout_table_parse(path, text, length, ret);
}

void hc_layout_table_destroy(struct hc_layout_table *table)
{
    if (!table)
        return;
    entry_vector_deinit(&table->entries);
    pointer_vector_deinit(&table->pointers);
    free(table->text);
    free(table->name);
    free(table);
}

const char *hc_layout_table_name(const struct hc_layout_table *table)
{
    return table->name;
}

const struct hc_table_key *hc_layout_table_key(const struct hc_layout_table *table)
{
    return &table->key;
}

struct hc_field hc_layout_table_find(const struct hc_layout_table *table,
                                     const struct hc_field_request *request)
{
    struct entry wanted = {.structure = request->structure,
                           .unit = request->unit ? request->unit : "-",
                           .member = request->member ? request->member : "."};
    struct entry *found = table->entries.count ? bsearch(&wanted, table->entries.items, table->entries.count,
                                                         sizeof(wanted), by_name)
                                               : NULL;
    return found ? found->field : (struct hc_field){.source = HC_LAYOUT_NONE};
}

void hc_layout_table_each_pointer(const struct hc_layout_table *table, const char *structure,
                                  const char *unit, const char *pointee, hc_pointer_member_fn *callback,
                                  void *argument)
{
    for (size_t i = 0; i < table->pointers.count; i++) {
        const struct pointer *pointer = &table->pointers.items[i];
        if (!strcmp(pointer->structure, structure) && !strcmp(pointer->unit, unit ? unit : "-") &&
            !strcmp(pointer->pointee, pointee))
            callback(argument, pointer->path, pointer->offset, pointer->count);
    }
}
