#include "python/definition_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct hc_error *hc_line_error(const struct hc_definition_line *line, const char *format, ...)
{
    _cleanup_(hc_freep) char *cause = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&cause, format, arguments);
    va_end(arguments);
    if (length < 0) {
        cause = NULL;
        return hc_error_out_of_memory();
    }
    return hc_error_create("%s:%u: %s", line->path, line->number, cause);
}

static void skip_blanks(struct hc_definition_line *line)
{
    while (*line->at == ' ' || *line->at == '\t')
        line->at++;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

// What an error shows of the rest of the line.
static const char *rest(struct hc_definition_line *line)
{
    skip_blanks(line);
    return *line->at ? line->at : "the end of the line";
}

static struct hc_error *take(struct hc_definition_line *line, size_t length, char **ret)
{
    *ret = strndup(line->at, length);
    line->at += length;
    return *ret ? NULL : hc_error_out_of_memory();
}

struct hc_error *hc_line_take_blanked(struct hc_definition_line *line, char **ret)
{
    skip_blanks(line);
    *ret = NULL;
    return *line->at ? take(line, strcspn(line->at, " \t"), ret) : NULL;
}

static size_t name_length(const char *at)
{
    size_t length = 0;
    if (isdigit((unsigned char)*at))
        return 0;
    while (is_name(at[length]))
        length++;
    return length;
}

struct hc_error *hc_line_take_name(struct hc_definition_line *line, const char *what, char **ret)
{
    skip_blanks(line);
    size_t length = name_length(line->at);
    if (!length)
        return hc_line_error(line, "%s is expected, not '%s'", what, rest(line));
    return take(line, length, ret);
}

struct hc_error *hc_line_take_number(struct hc_definition_line *line, const char *what, uint64_t *ret)
{
    enum { MOST = 1 << 30 };
    skip_blanks(line);
    if (!isdigit((unsigned char)*line->at))
        return hc_line_error(line, "%s is expected, not '%s'", what, rest(line));
    char *end;
    errno = 0;
    *ret = strtoull(line->at, &end, strncmp(line->at, "0x", 2) ? 10 : 16);
    if (errno || *ret > MOST)
        return hc_line_error(line, "the number %.*s is too large", (int)(end - line->at), line->at);
    if (is_name(*end))
        return hc_line_error(line, "%s is expected, not '%s'", what, line->at);
    line->at = end;
    return NULL;
}

bool hc_line_skip(struct hc_definition_line *line, const char *text)
{
    size_t length = strlen(text);
    skip_blanks(line);
    if (strncmp(line->at, text, length) || (is_name(text[length - 1]) && is_name(line->at[length])))
        return false;
    line->at += length;
    return true;
}

struct hc_error *hc_line_expect(struct hc_definition_line *line, const char *text)
{
    return hc_line_skip(line, text) ? NULL
                                    : hc_line_error(line, "'%s' is expected, not '%s'", text, rest(line));
}

struct hc_error *hc_line_expect_end(struct hc_definition_line *line)
{
    skip_blanks(line);
    return *line->at ? hc_line_error(line, "'%s' is one too many", line->at) : NULL;
}

static struct hc_error *take_offset(struct hc_definition_line *line, struct hc_definition_place *ret)
{
    uint64_t width = 0;
    HC_TRY(hc_line_take_number(line, "the offset in bytes", &ret->offset));
    if (*line->at == ':') {
        line->at++;
        HC_TRY(hc_line_take_number(line, "the number of bytes", &width));
        if (width != 1 && width != 2 && width != 4 && width != 8)
            return hc_line_error(line, "a number has 1, 2, 4 or 8 bytes, not %d", (int)width);
    }
    ret->width = (uint8_t)width;
    return NULL;
}

struct hc_error *hc_line_take_place(struct hc_definition_line *line, bool has_struct,
                                    struct hc_definition_place *ret)
{
    *ret = (struct hc_definition_place){0};
    if (hc_line_skip(line, "@"))
        return take_offset(line, ret);
    skip_blanks(line);
    size_t length = name_length(line->at), more;
    if (!length)
        return hc_line_error(line, "a member or @OFFSET is expected, not '%s'", rest(line));
    while (line->at[length] == '.' && (more = name_length(line->at + length + 1)))
        length += 1 + more;
    if (!has_struct)
        return hc_line_error(line,
                             "'%.*s' is a member of which struct? Say 'struct NAME' above, or give its place "
                             "as @OFFSET",
                             (int)length, line->at);
    return take(line, length, &ret->member);
}

struct hc_error *hc_block_add_place(struct hc_definition_block *block, struct hc_definition_place *place,
                                    uint32_t *ret)
{
    _cleanup_(hc_freep) char *member = hc_take(place->member);
    for (size_t i = 0; i < block->places.count; i++) {
        const struct hc_definition_place *known = &block->places.items[i];
        bool is_same = member
                           ? known->member && !strcmp(known->member, member)
                           : !known->member && known->offset == place->offset && known->width == place->width;
        if (is_same) {
            *ret = (uint32_t)i;
            return NULL;
        }
    }
    struct hc_definition_place added = *place;
    added.member = member;
    if (!hc_definition_places_push(&block->places, added))
        return hc_error_out_of_memory();
    member = NULL;
    *ret = (uint32_t)block->places.count - 1;
    return NULL;
}

// Ranks of operators, the strongest first.
enum { RANKS = 3 };

// Recursive descent; `depth` is that of the parentheses, `stack` what evaluation will need.
struct expression {
    struct hc_definition_line *line;
    struct hc_definition_block *block;
    struct hc_definition_expression *steps;
    unsigned depth, stack;
};

static struct hc_error *add_step(struct expression *expression, enum hc_definition_operation operation,
                                 uint64_t value)
{
    bool is_value = operation < HC_DEFINITION_ADD;
    if (is_value && ++expression->stack > HC_DEFINITION_STACK)
        return hc_line_error(expression->line, "this expression is too deep");
    expression->stack -= !is_value;
    if (!hc_definition_expression_push(expression->steps, (struct hc_definition_step){operation, value}))
        return hc_error_out_of_memory();
    return NULL;
}

static struct hc_error *take_rank(struct expression *expression, unsigned rank);

static struct hc_error *take_value(struct expression *expression)
{
    static const struct {
        const char *name;
        enum hc_definition_operation operation;
    } words[] = {
        {"basicsize", HC_DEFINITION_BASICSIZE},
        {"itemsize", HC_DEFINITION_ITEMSIZE},
        {"length", HC_DEFINITION_LENGTH},
        {"sizeof", HC_DEFINITION_SIZEOF},
    };
    struct hc_definition_line *line = expression->line;
    if (hc_line_skip(line, "(")) {
        if (++expression->depth > HC_DEFINITION_STACK)
            return hc_line_error(line, "this expression is too deep");
        HC_TRY(take_rank(expression, RANKS - 1));
        expression->depth--;
        return hc_line_expect(line, ")");
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (hc_line_skip(line, words[i].name)) {
            if (words[i].operation == HC_DEFINITION_SIZEOF && !expression->block->structure)
                return hc_line_error(line, "sizeof is that of which struct? Say 'struct NAME' above");
            return add_step(expression, words[i].operation, 0);
        }
    skip_blanks(line);
    if (isdigit((unsigned char)*line->at)) {
        uint64_t number;
        HC_TRY(hc_line_take_number(line, "a number", &number));
        return add_step(expression, HC_DEFINITION_NUMBER, number);
    }
    struct hc_definition_place place;
    uint32_t index;
    HC_TRY(hc_line_take_place(line, expression->block->structure != NULL, &place));
    HC_TRY(hc_block_add_place(expression->block, &place, &index));
    return add_step(expression, HC_DEFINITION_PLACE, index);
}

struct operator
{
    const char *text;
    enum hc_definition_operation operation;
};

static const struct operator operators[RANKS][5] = {
    {{"*", HC_DEFINITION_MULTIPLY}, {"/", HC_DEFINITION_DIVIDE}, {"&", HC_DEFINITION_AND}},
    {{"+", HC_DEFINITION_ADD}, {"-", HC_DEFINITION_SUBTRACT}},
    {{"==", HC_DEFINITION_EQUAL},
     {"!=", HC_DEFINITION_UNEQUAL},
     {"<", HC_DEFINITION_LESS},
     {">", HC_DEFINITION_GREATER}},
};

static const struct operator* take_operator(struct hc_definition_line *line, unsigned rank)
{
    for (const struct operator* operator= operators[rank]; operator->text; operator++)
        if (hc_line_skip(line, operator->text))
            return operator;
    return NULL;
}

static struct hc_error *take_rank(struct expression *expression, unsigned rank)
{
    const struct operator* operator;
    HC_TRY(rank ? take_rank(expression, rank - 1) : take_value(expression));
    while ((operator= take_operator(expression->line, rank))) {
        HC_TRY(rank ? take_rank(expression, rank - 1) : take_value(expression));
        HC_TRY(add_step(expression, operator->operation, 0));
    }
    return NULL;
}

struct hc_error *hc_line_take_expression(struct hc_definition_line *line, struct hc_definition_block *block,
                                         struct hc_definition_expression *ret)
{
    struct expression expression = {.line = line, .block = block, .steps = ret};
    return take_rank(&expression, RANKS - 1);
}

static struct hc_error *take_relation_name(struct hc_definition_line *line, enum hc_link_kind kind,
                                           struct hc_definition_relation *ret)
{
    size_t length = strcspn(line->at, " \t");
    for (size_t i = 0; i < length; i++)
        if (!isgraph((unsigned char)line->at[i]))
            return hc_line_error(line, "a relation's name is made of printable ASCII characters");
    if (!length)
        return hc_line_error(line, "a name is expected after '%s'", kind == HC_LINK_ATTRIBUTE ? "." : "->");
    ret->naming = HC_NAMING_NAME;
    ret->kind = kind;
    return take(line, length, &ret->name);
}

struct hc_error *hc_line_take_relation(struct hc_definition_line *line, struct hc_definition_block *block,
                                       struct hc_definition_relation *ret)
{
    if (hc_line_skip(line, "[*]")) {
        *ret = (struct hc_definition_relation){.naming = HC_NAMING_NUMBER, .kind = HC_LINK_ITEM};
        return NULL;
    }
    if (hc_line_skip(line, ".keys()[*]")) {
        *ret = (struct hc_definition_relation){.naming = HC_NAMING_NUMBER, .kind = HC_LINK_KEY};
        return NULL;
    }
    if (hc_line_skip(line, "[")) {
        struct hc_definition_place place;
        *ret = (struct hc_definition_relation){.naming = HC_NAMING_KEY, .kind = HC_LINK_VALUE};
        HC_TRY(hc_line_take_place(line, block->structure != NULL, &place));
        HC_TRY(hc_block_add_place(block, &place, &ret->key));
        return hc_line_expect(line, "]");
    }
    if (hc_line_skip(line, "->"))
        return take_relation_name(line, HC_LINK_INTERNAL, ret);
    if (hc_line_skip(line, "."))
        return take_relation_name(line, HC_LINK_ATTRIBUTE, ret);
    return hc_line_error(line, "a relation is .NAME, ->NAME, [*], .keys()[*] or [MEMBER], not '%s'",
                         rest(line));
}
