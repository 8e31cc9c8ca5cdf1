// The language of definition files, line by line. docs/definitions.md tells it.
#include "python/definition_line.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_BYTES = 1 << 20 };

struct parser {
    struct hc_definition_line line;
    struct hc_definition_file *file;
    struct hc_definition *definition;  // NULL in a block
    struct hc_definition_block *block; // NULL before the first
};

struct statement {
    const char *word;
    bool of_types_only;
    struct hc_error *(*read)(struct parser *parser);
};

static struct hc_error *open_block(struct parser *parser, const char *name)
{
    struct hc_definition_block *block = calloc(1, sizeof(*block));
    if (!block || !hc_definition_blocks_push(&parser->file->blocks, block)) {
        hc_definition_block_destroy(block);
        return hc_error_out_of_memory();
    }
    block->line = parser->line.number;
    block->index = parser->file->blocks.count - 1;
    parser->block = block;
    return (block->name = strdup(name)) ? NULL : hc_error_out_of_memory();
}

// Not the blocks of types, whose names have a dot.
static const struct hc_definition_block *find_block(const struct hc_definition_file *file, const char *name)
{
    for (size_t i = 0; i < file->blocks.count; i++)
        if (!strcmp(file->blocks.items[i]->name, name))
            return file->blocks.items[i];
    return NULL;
}

static struct hc_error *read_type(struct parser *parser)
{
    struct hc_definition *definition = calloc(1, sizeof(*definition));
    if (!definition || !hc_definition_vector_push(&parser->file->definitions, definition)) {
        hc_definition_destroy(definition);
        return hc_error_out_of_memory();
    }
    definition->file = parser->file;
    definition->line = parser->line.number;
    parser->definition = definition;
    for (;;) {
        _cleanup_(hc_freep) char *name = NULL;
        HC_TRY(hc_line_take_blanked(&parser->line, &name));
        if (!name)
            break;
        const char *dot = strchr(name, '.');
        if (!dot || dot == name || !dot[1])
            return hc_line_error(&parser->line, "'%s' is no name of a type: say MODULE.TYPE", name);
        if (!hc_definition_names_push(&definition->names, name))
            return hc_error_out_of_memory();
        name = NULL;
    }
    if (!definition->names.count)
        return hc_line_error(&parser->line, "the type's name is missing: say type MODULE.TYPE");
    HC_TRY(open_block(parser, definition->names.items[0]));
    definition->block = parser->block;
    return NULL;
}

static struct hc_error *read_block(struct parser *parser)
{
    _cleanup_(hc_freep) char *name = NULL;
    HC_TRY(hc_line_take_name(&parser->line, "the name of the block", &name));
    HC_TRY(hc_line_expect_end(&parser->line));
    const struct hc_definition_block *other = find_block(parser->file, name);
    if (other)
        return hc_line_error(&parser->line, "there is a block '%s' in line %u", name, other->line);
    parser->definition = NULL;
    return open_block(parser, name);
}

static struct hc_error *read_struct(struct parser *parser)
{
    if (parser->block->structure)
        return hc_line_error(&parser->line, "it has a struct: %s", parser->block->structure);
    return hc_line_take_name(&parser->line, "the name of a C struct or typedef", &parser->block->structure);
}

static struct hc_error *read_size(struct parser *parser)
{
    struct hc_definition_block *block = parser->block;
    if (block->size.count)
        return hc_line_error(&parser->line, "it has a size already");
    if (parser->definition)
        return hc_line_take_expression(&parser->line, block, &block->size);
    struct hc_definition_step step = {.operation = HC_DEFINITION_NUMBER};
    HC_TRY(hc_line_take_number(&parser->line, "the size in bytes", &step.value));
    if (!step.value)
        return hc_line_error(&parser->line, "a block has at least one byte");
    return hc_definition_expression_push(&block->size, step) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *read_base(struct parser *parser)
{
    struct hc_definition *definition = parser->definition;
    if (definition->base || definition->no_base)
        return hc_line_error(&parser->line, "it has a base already");
    if (hc_line_skip(&parser->line, "none")) {
        definition->no_base = true;
        return NULL;
    }
    HC_TRY(hc_line_take_blanked(&parser->line, &definition->base));
    return definition->base ? NULL
                            : hc_line_error(&parser->line, "which base? Say base MODULE.TYPE or base none");
}

static struct hc_error *read_requires(struct parser *parser)
{
    HC_TRY(hc_line_expect(&parser->line, "basicsize"));
    HC_TRY(hc_line_take_number(&parser->line, "a number", &parser->definition->basicsize));
    if (!parser->definition->basicsize)
        return hc_line_error(&parser->line, "no type has a basicsize of 0");
    return NULL;
}

static struct hc_error *read_class(struct parser *parser)
{
    parser->definition->hides_class = true;
    return hc_line_expect(&parser->line, "unvisited");
}

static struct hc_error *add_item(struct parser *parser, enum hc_definition_item_kind kind,
                                 struct hc_definition_item **ret)
{
    struct hc_definition_items *items = &parser->block->items;
    if (!hc_definition_items_push(items,
                                  (struct hc_definition_item){.kind = kind, .line = parser->line.number}))
        return hc_error_out_of_memory();
    *ret = &items->items[items->count - 1];
    return NULL;
}

static struct hc_error *read_place(struct parser *parser, uint32_t *ret)
{
    struct hc_definition_place place;
    HC_TRY(hc_line_take_place(&parser->line, parser->block->structure != NULL, &place));
    return hc_block_add_place(parser->block, &place, ret);
}

static struct hc_error *read_relation(struct parser *parser, struct hc_definition_relation *ret)
{
    return hc_line_skip(&parser->line, "as") ? hc_line_take_relation(&parser->line, parser->block, ret)
                                             : NULL;
}

// A place that may be behind a pointer.
static struct hc_error *read_target(struct parser *parser, struct hc_definition_item *item)
{
    item->is_pointer = hc_line_skip(&parser->line, "*");
    return read_place(parser, &item->place);
}

static struct hc_error *read_reference(struct parser *parser, enum hc_definition_item_kind kind)
{
    struct hc_definition_item *item;
    HC_TRY(add_item(parser, kind, &item));
    HC_TRY(read_place(parser, &item->place));
    return kind == HC_ITEM_BORROWED ? NULL : read_relation(parser, &item->relation);
}

static struct hc_error *read_field(struct parser *parser)
{
    return read_reference(parser, HC_ITEM_VISITED);
}

static struct hc_error *read_held(struct parser *parser)
{
    return read_reference(parser, HC_ITEM_HELD);
}

static struct hc_error *read_borrowed(struct parser *parser)
{
    return read_reference(parser, HC_ITEM_BORROWED);
}

static struct hc_error *read_nested(struct parser *parser)
{
    struct hc_definition_item *item;
    HC_TRY(add_item(parser, HC_ITEM_NESTED, &item));
    HC_TRY(read_target(parser, item));
    HC_TRY(hc_line_expect(&parser->line, "of"));
    return hc_line_take_name(&parser->line, "the name of a block", &item->element_name);
}

static struct hc_error *read_array(struct parser *parser)
{
    struct hc_definition_item *item;
    HC_TRY(add_item(parser, HC_ITEM_ARRAY, &item));
    HC_TRY(read_target(parser, item));
    HC_TRY(hc_line_expect(&parser->line, "["));
    HC_TRY(hc_line_take_expression(&parser->line, parser->block, &item->count));
    HC_TRY(hc_line_expect(&parser->line, "]"));
    if (!hc_line_skip(&parser->line, "of"))
        return read_relation(parser, &item->relation);
    item->are_pointers = hc_line_skip(&parser->line, "*");
    HC_TRY(hc_line_take_name(&parser->line, "the name of a block", &item->element_name));
    if (hc_line_skip(&parser->line, "as"))
        return hc_line_error(&parser->line, "what the array refers to is named in block %s",
                             item->element_name);
    return NULL;
}

static struct hc_error *read_list(struct parser *parser)
{
    struct hc_definition_item *item;
    HC_TRY(add_item(parser, HC_ITEM_LIST, &item));
    HC_TRY(read_target(parser, item));
    HC_TRY(hc_line_expect(&parser->line, "of"));
    HC_TRY(hc_line_take_name(&parser->line, "the name of a block", &item->element_name));
    HC_TRY(hc_line_expect(&parser->line, "next"));
    return hc_line_take_place(&parser->line, true, &item->next_place);
}

static struct hc_error *read_buffer(struct parser *parser)
{
    struct hc_definition_item *item;
    HC_TRY(add_item(parser, HC_ITEM_BUFFER, &item));
    HC_TRY(hc_line_expect(&parser->line, "*"));
    item->is_pointer = true;
    return read_place(parser, &item->place);
}

static const struct statement statements[] = {
    {"type", false, read_type},         {"block", false, read_block},   {"struct", false, read_struct},
    {"size", false, read_size},         {"field", false, read_field},   {"held", false, read_held},
    {"borrowed", false, read_borrowed}, {"nested", false, read_nested}, {"array", false, read_array},
    {"list", false, read_list},         {"buffer", false, read_buffer}, {"base", true, read_base},
    {"requires", true, read_requires},  {"class", true, read_class},
};

static struct hc_error *read_statement(struct parser *parser)
{
    if (!parser->line.at[strspn(parser->line.at, " \t")])
        return NULL;
    for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
        const struct statement *statement = &statements[i];
        if (!hc_line_skip(&parser->line, statement->word))
            continue;
        bool begins = statement->read == read_type || statement->read == read_block;
        if (!begins && !parser->block)
            return hc_line_error(&parser->line, "'%s' of what? A definition begins with 'type MODULE.TYPE'",
                                 statement->word);
        if (statement->of_types_only && !parser->definition)
            return hc_line_error(&parser->line, "a block has no '%s'; a type has", statement->word);
        HC_TRY(statement->read(parser));
        return hc_line_expect_end(&parser->line);
    }
    const char *word = parser->line.at;
    return hc_line_error(&parser->line,
                         "there is no statement '%.*s'; there are type, block, struct, base, requires, size, "
                         "field, held, borrowed, array, nested, list, buffer and class",
                         (int)strcspn(word, " \t"), word);
}

// Sizes are expressions over the instance, counts over the struct that they stand in.
static bool is_of_type(const struct hc_definition_expression *expression)
{
    for (size_t i = 0; i < expression->count; i++)
        if (expression->items[i].operation >= HC_DEFINITION_BASICSIZE &&
            expression->items[i].operation <= HC_DEFINITION_LENGTH)
            return true;
    return false;
}

static struct hc_error *link_item(struct parser *parser, struct hc_definition_item *item)
{
    if (!item->element_name)
        return NULL;
    struct hc_definition_block *element =
        (struct hc_definition_block *)find_block(parser->file, item->element_name);
    if (!element)
        return hc_line_error(&parser->line, "there is no block '%s' in this file", item->element_name);
    item->element = element;
    if (item->kind == HC_ITEM_ARRAY && !item->are_pointers && !element->structure && !element->size.count)
        return hc_line_error(&parser->line, "how long is a %s? Its block needs a 'size' or a 'struct'",
                             element->name);
    if (item->kind != HC_ITEM_LIST)
        return NULL;
    if (item->next_place.member && !element->structure)
        return hc_line_error(&parser->line, "'%s' is a member of which struct? Block %s names none",
                             item->next_place.member, element->name);
    return hc_block_add_place(element, &item->next_place, &item->next);
}

static struct hc_error *link_blocks(struct parser *parser)
{
    struct hc_definition_file *file = parser->file;
    for (size_t i = 0; i < file->blocks.count; i++) {
        struct hc_definition_block *block = file->blocks.items[i];
        bool is_type = strchr(block->name, '.') != NULL;
        for (size_t j = 0; j < block->items.count; j++) {
            struct hc_definition_item *item = &block->items.items[j];
            parser->line.number = item->line;
            HC_TRY(link_item(parser, item));
            if (!is_type && is_of_type(&item->count))
                return hc_line_error(&parser->line, "basicsize, itemsize and length are those of a type, and "
                                                    "this is a block");
        }
    }
    return NULL;
}

static struct hc_error *open_file(const char *path, FILE **ret)
{
    struct stat status;
    _cleanup_(hc_fclosep) FILE *stream = fopen(path, "re");
    if (!stream || fstat(fileno(stream), &status))
        return hc_error_create("the definitions in %s cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return hc_error_create("%s is no file with definitions", path);
    if (status.st_size > MOST_BYTES)
        return hc_error_create("%s is too large for a file with definitions", path);
    *ret = hc_take(stream);
    return NULL;
}

static struct hc_error *read_lines(struct parser *parser, FILE *stream)
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t capacity = 0;
    ssize_t length;
    while ((length = getline(&text, &capacity, stream)) >= 0) {
        parser->line.number++;
        if (strlen(text) != (size_t)length)
            return hc_line_error(&parser->line, "a NUL character: is this a file with definitions?");
        text[strcspn(text, "#\r\n")] = '\0';
        parser->line.at = text;
        HC_TRY(read_statement(parser));
    }
    if (ferror(stream))
        return hc_error_create("the definitions in %s cannot be read: %s", parser->line.path,
                               strerror(errno));
    return NULL;
}

struct hc_error *hc_definition_file_read(const char *path, struct hc_definition_file **ret)
{
    _cleanup_(hc_fclosep) FILE *stream = NULL;
    HC_TRY(open_file(path, &stream));
    _cleanup_(hc_definition_file_destroyp) struct hc_definition_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path)))
        return hc_error_out_of_memory();
    struct parser parser = {.line = {.path = path}, .file = file};
    HC_TRY(read_lines(&parser, stream));
    HC_TRY(link_blocks(&parser));
    *ret = hc_take(file);
    return NULL;
}
