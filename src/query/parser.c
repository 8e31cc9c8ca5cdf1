#include "query/parser.h"

#include "base/vector.h"
#include "query/arena.h"
#include "query/lexer.h"

#include <string.h>

HC_DEFINE_VECTOR(node_vector, struct hc_node *)
HC_DEFINE_VECTOR(argument_vector, struct hc_argument)
HC_DEFINE_VECTOR(statement_vector, struct hc_statement)

struct parser {
    struct hc_lexer lexer;
    const char *source;
    struct hc_arena *arena;
    struct hc_token token;  // the one looked at
    size_t previous_end;    // of the token before it
    size_t statement_start; // offset of the statement's first token
    unsigned nesting;       // of the functions below in each other
};

static const struct {
    unsigned level; // those of a higher one bind tighter; 0: no operator between two operands
    enum hc_operator op;
} infix[HC_TOKEN_COUNT] = {
    [HC_TOKEN_OR] = {1, HC_OPERATOR_OR},          [HC_TOKEN_XOR] = {2, HC_OPERATOR_XOR},
    [HC_TOKEN_AND] = {3, HC_OPERATOR_AND},        [HC_TOKEN_PLUS] = {4, HC_OPERATOR_ADD},
    [HC_TOKEN_MINUS] = {4, HC_OPERATOR_SUBTRACT},
};

static const struct {
    bool is_one;
    enum hc_operator op;
} comparisons[HC_TOKEN_COUNT] = {
    [HC_TOKEN_EQUAL] = {true, HC_OPERATOR_EQUAL},
    [HC_TOKEN_NOT_EQUAL] = {true, HC_OPERATOR_NOT_EQUAL},
    [HC_TOKEN_LESS] = {true, HC_OPERATOR_LESS},
    [HC_TOKEN_LESS_EQUAL] = {true, HC_OPERATOR_LESS_EQUAL},
    [HC_TOKEN_GREATER] = {true, HC_OPERATOR_GREATER},
    [HC_TOKEN_GREATER_EQUAL] = {true, HC_OPERATOR_GREATER_EQUAL},
    [HC_TOKEN_IN] = {true, HC_OPERATOR_IN},
    [HC_TOKEN_NOT] = {true, HC_OPERATOR_NOT_IN},
};

static const char *const operator_texts[] = {
    [HC_OPERATOR_INVERT] = "~",
    [HC_OPERATOR_NEGATE] = "-",
    [HC_OPERATOR_ADD] = "+",
    [HC_OPERATOR_SUBTRACT] = "-",
    [HC_OPERATOR_AND] = "&",
    [HC_OPERATOR_XOR] = "^",
    [HC_OPERATOR_OR] = "|",
    [HC_OPERATOR_EQUAL] = "==",
    [HC_OPERATOR_NOT_EQUAL] = "!=",
    [HC_OPERATOR_LESS] = "<",
    [HC_OPERATOR_LESS_EQUAL] = "<=",
    [HC_OPERATOR_GREATER] = ">",
    [HC_OPERATOR_GREATER_EQUAL] = ">=",
    [HC_OPERATOR_IN] = "in",
    [HC_OPERATOR_NOT_IN] = "not in",
};

const char *hc_operator_text(enum hc_operator op)
{
    return operator_texts[op];
}

static struct hc_error *parse_expression(struct parser *parser, struct hc_node **ret);

static bool at(const struct parser *parser, enum hc_token_kind kind)
{
    return parser->token.kind == kind;
}

// Something is missing where the line ends: the caret goes behind the last word.
static struct hc_error *expected(const struct parser *parser, const char *what)
{
    bool at_end = at(parser, HC_TOKEN_END) || at(parser, HC_TOKEN_NEWLINE);
    return hc_syntax_error(parser->source, at_end ? parser->previous_end : parser->token.span.offset,
                           "expected %s", what);
}

static struct hc_error *advance(struct parser *parser)
{
    parser->previous_end = parser->token.span.offset + parser->token.span.length;
    if (parser->previous_end - parser->statement_start > HC_AST_MAX_STATEMENT)
        return hc_syntax_error(parser->source, parser->statement_start,
                               "this statement is longer than %d bytes", HC_AST_MAX_STATEMENT);
    return hc_lexer_next(&parser->lexer, &parser->token);
}

static struct hc_error *accept(struct parser *parser, enum hc_token_kind kind, bool *ret)
{
    *ret = at(parser, kind);
    return *ret ? advance(parser) : NULL;
}

static struct hc_error *expect(struct parser *parser, enum hc_token_kind kind, const char *what)
{
    return at(parser, kind) ? advance(parser) : expected(parser, what);
}

static struct hc_error *too_deep(const struct parser *parser, size_t offset)
{
    return hc_syntax_error(parser->source, offset, "this is nested more than %d deep", HC_AST_MAX_DEPTH);
}

static struct hc_error *enter(struct parser *parser)
{
    if (parser->nesting == HC_AST_MAX_DEPTH)
        return too_deep(parser, parser->token.span.offset);
    parser->nesting++;
    return NULL;
}

// A node from `start` to the last token read.
static struct hc_error *create_node(struct parser *parser, enum hc_node_kind kind, size_t start,
                                    struct hc_node **ret)
{
    struct hc_node *node = hc_arena_allocate(parser->arena, 1, sizeof(*node));
    if (!node)
        return hc_error_out_of_memory();
    *node = (struct hc_node){
        .kind = kind,
        .depth = 1,
        .span = {start, parser->previous_end - start},
    };
    *ret = node;
    return NULL;
}

// Makes `parent` deeper than `child`, which may be absent.
static struct hc_error *adopt(const struct parser *parser, struct hc_node *parent,
                              const struct hc_node *child)
{
    if (!child || child->depth < parent->depth)
        return NULL;
    if (child->depth == HC_AST_MAX_DEPTH)
        return too_deep(parser, child->span.offset + child->span.length);
    parent->depth = child->depth + 1;
    return NULL;
}

static struct hc_error *copy_text(struct parser *parser, const char *bytes, size_t length,
                                  struct hc_text *ret)
{
    char *copy = hc_arena_allocate(parser->arena, length + 1, 1);
    if (!copy)
        return hc_error_out_of_memory();
    if (length)
        memcpy(copy, bytes, length);
    *ret = (struct hc_text){copy, length};
    return NULL;
}

static struct hc_error *copy_span(struct parser *parser, struct hc_span span, struct hc_text *ret)
{
    return copy_text(parser, parser->source + span.offset, span.length, ret);
}

static struct hc_error *parse_strings(struct parser *parser, struct hc_node **ret)
{
    _cleanup_(hc_byte_buffer_deinit) struct hc_byte_buffer buffer = {0};
    size_t start = parser->token.span.offset;
    while (at(parser, HC_TOKEN_STRING)) {
        HC_TRY(hc_string_append(parser->source, parser->token.span, &buffer));
        HC_TRY(advance(parser));
    }
    HC_TRY(create_node(parser, HC_NODE_STRING, start, ret));
    return copy_text(parser, buffer.items, buffer.count, &(*ret)->text);
}

static struct hc_error *create_sequence(struct parser *parser, size_t start, const struct node_vector *items,
                                        struct hc_node **ret)
{
    HC_TRY(create_node(parser, HC_NODE_SEQUENCE, start, ret));
    struct hc_node **copy = hc_arena_allocate(parser->arena, items->count, sizeof(*copy));
    if (!copy)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < items->count; i++) {
        copy[i] = items->items[i];
        HC_TRY(adopt(parser, *ret, copy[i]));
    }
    (*ret)->sequence.items = copy;
    (*ret)->sequence.count = items->count;
    return NULL;
}

// What stands between brackets, the closing one included. `*ret_commas` tells whether a comma was there.
static struct hc_error *parse_items(struct parser *parser, enum hc_token_kind close, const char *what,
                                    struct node_vector *items, bool *ret_commas)
{
    *ret_commas = false;
    while (!at(parser, close)) {
        struct hc_node *item;
        bool more;
        HC_TRY(parse_expression(parser, &item));
        if (!node_vector_push(items, item))
            return hc_error_out_of_memory();
        HC_TRY(accept(parser, HC_TOKEN_COMMA, &more));
        if (!more)
            break;
        *ret_commas = true;
    }
    return expect(parser, close, what);
}

static struct hc_error *parse_list(struct parser *parser, struct hc_node **ret)
{
    _cleanup_(node_vector_deinit) struct node_vector items = {0};
    size_t start = parser->token.span.offset;
    bool commas;
    HC_TRY(advance(parser));
    HC_TRY(parse_items(parser, HC_TOKEN_CLOSE_BRACKET, "',' or ']'", &items, &commas));
    return create_sequence(parser, start, &items, ret);
}

// (a) is a, but (a,) and () are sequences.
static struct hc_error *parse_parentheses(struct parser *parser, struct hc_node **ret)
{
    _cleanup_(node_vector_deinit) struct node_vector items = {0};
    size_t start = parser->token.span.offset;
    bool commas;
    HC_TRY(advance(parser));
    HC_TRY(parse_items(parser, HC_TOKEN_CLOSE_PAREN, "',' or ')'", &items, &commas));
    if (commas || !items.count)
        return create_sequence(parser, start, &items, ret);
    *ret = items.items[0];
    (*ret)->span = (struct hc_span){start, parser->previous_end - start};
    return NULL;
}

static struct hc_error *parse_constant(struct parser *parser, struct hc_node **ret)
{
    struct hc_token token = parser->token;
    HC_TRY(advance(parser));
    switch (token.kind) {
    case HC_TOKEN_INTEGER:
        HC_TRY(create_node(parser, HC_NODE_INTEGER, token.span.offset, ret));
        return hc_integer_read(parser->source, token.span, &(*ret)->integer);
    case HC_TOKEN_TRUE:
    case HC_TOKEN_FALSE:
        HC_TRY(create_node(parser, HC_NODE_BOOLEAN, token.span.offset, ret));
        (*ret)->boolean = token.kind == HC_TOKEN_TRUE;
        return NULL;
    case HC_TOKEN_NONE:
        return create_node(parser, HC_NODE_NONE, token.span.offset, ret);
    default:
        HC_TRY(create_node(parser, HC_NODE_NAME, token.span.offset, ret));
        return copy_span(parser, token.span, &(*ret)->text);
    }
}

static struct hc_error *parse_primary(struct parser *parser, struct hc_node **ret)
{
    switch (parser->token.kind) {
    case HC_TOKEN_NAME:
    case HC_TOKEN_INTEGER:
    case HC_TOKEN_TRUE:
    case HC_TOKEN_FALSE:
    case HC_TOKEN_NONE:
        return parse_constant(parser, ret);
    case HC_TOKEN_STRING:
        return parse_strings(parser, ret);
    case HC_TOKEN_OPEN_PAREN:
        return parse_parentheses(parser, ret);
    case HC_TOKEN_OPEN_BRACKET:
        return parse_list(parser, ret);
    case HC_TOKEN_NOT:
        return hc_syntax_error(parser->source, parser->token.span.offset,
                               "'not' stands before 'in' only; '~' inverts sets");
    default:
        return expected(parser, "an expression");
    }
}

// The name before the '=' that the parser stands at.
static struct hc_error *take_target(struct parser *parser, const struct hc_node *node, struct hc_text *ret)
{
    if (node->kind != HC_NODE_NAME || node->span.length != node->text.length)
        return hc_syntax_error(parser->source, parser->token.span.offset,
                               "only a name can stand before '='; '==' compares");
    *ret = node->text;
    return advance(parser);
}

static struct hc_error *check_argument(const struct parser *parser, const struct argument_vector *arguments,
                                       const struct hc_argument *argument)
{
    if (!argument->name.bytes) {
        if (arguments->count && arguments->items[arguments->count - 1].name.bytes)
            return hc_syntax_error(parser->source, argument->value->span.offset,
                                   "an argument without a name cannot follow one with a name");
        return NULL;
    }
    for (size_t i = 0; i < arguments->count; i++) {
        const struct hc_text *name = &arguments->items[i].name;
        if (name->length == argument->name.length && !memcmp(name->bytes, argument->name.bytes, name->length))
            return hc_syntax_error(parser->source, argument->name_span.offset,
                                   "the argument '%s' is given twice", argument->name.bytes);
    }
    return NULL;
}

static struct hc_error *parse_argument(struct parser *parser, struct argument_vector *arguments)
{
    struct hc_argument argument = {0};
    HC_TRY(parse_expression(parser, &argument.value));
    if (at(parser, HC_TOKEN_ASSIGN)) {
        argument.name_span = argument.value->span;
        HC_TRY(take_target(parser, argument.value, &argument.name));
        HC_TRY(parse_expression(parser, &argument.value));
    }
    HC_TRY(check_argument(parser, arguments, &argument));
    return argument_vector_push(arguments, argument) ? NULL : hc_error_out_of_memory();
}

static struct hc_error *parse_call(struct parser *parser, struct hc_node *function, struct hc_node **ret)
{
    _cleanup_(argument_vector_deinit) struct argument_vector arguments = {0};
    bool more = true;
    HC_TRY(advance(parser));
    while (more && !at(parser, HC_TOKEN_CLOSE_PAREN)) {
        HC_TRY(parse_argument(parser, &arguments));
        HC_TRY(accept(parser, HC_TOKEN_COMMA, &more));
    }
    HC_TRY(expect(parser, HC_TOKEN_CLOSE_PAREN, "',' or ')'"));
    HC_TRY(create_node(parser, HC_NODE_CALL, function->span.offset, ret));
    struct hc_argument *copy = hc_arena_allocate(parser->arena, arguments.count, sizeof(*copy));
    if (!copy)
        return hc_error_out_of_memory();
    HC_TRY(adopt(parser, *ret, function));
    for (size_t i = 0; i < arguments.count; i++) {
        copy[i] = arguments.items[i];
        HC_TRY(adopt(parser, *ret, copy[i].value));
    }
    (*ret)->call.function = function;
    (*ret)->call.arguments = copy;
    (*ret)->call.count = arguments.count;
    return NULL;
}

static struct hc_error *parse_slice(struct parser *parser, struct hc_node *object, struct hc_node *start,
                                    struct hc_node **ret)
{
    struct hc_node *stop = NULL;
    HC_TRY(advance(parser));
    if (at(parser, HC_TOKEN_COLON))
        return hc_syntax_error(parser->source, parser->token.span.offset, "a slice has no step here");
    if (!at(parser, HC_TOKEN_CLOSE_BRACKET))
        HC_TRY(parse_expression(parser, &stop));
    if (at(parser, HC_TOKEN_COLON))
        return hc_syntax_error(parser->source, parser->token.span.offset, "a slice has no step here");
    HC_TRY(expect(parser, HC_TOKEN_CLOSE_BRACKET, "']'"));
    HC_TRY(create_node(parser, HC_NODE_SLICE, object->span.offset, ret));
    (*ret)->slice.object = object;
    (*ret)->slice.start = start;
    (*ret)->slice.stop = stop;
    HC_TRY(adopt(parser, *ret, object));
    HC_TRY(adopt(parser, *ret, start));
    return adopt(parser, *ret, stop);
}

static struct hc_error *parse_index(struct parser *parser, struct hc_node *object, struct hc_node **ret)
{
    struct hc_node *key = NULL;
    HC_TRY(advance(parser));
    if (!at(parser, HC_TOKEN_COLON))
        HC_TRY(parse_expression(parser, &key));
    if (at(parser, HC_TOKEN_COLON))
        return parse_slice(parser, object, key, ret);
    HC_TRY(expect(parser, HC_TOKEN_CLOSE_BRACKET, "':' or ']'"));
    HC_TRY(create_node(parser, HC_NODE_INDEX, object->span.offset, ret));
    (*ret)->index.object = object;
    (*ret)->index.key = key;
    HC_TRY(adopt(parser, *ret, object));
    return adopt(parser, *ret, key);
}

static struct hc_error *parse_attribute(struct parser *parser, struct hc_node *object, struct hc_node **ret)
{
    HC_TRY(advance(parser));
    struct hc_span name_span = parser->token.span;
    HC_TRY(expect(parser, HC_TOKEN_NAME, "a name"));
    HC_TRY(create_node(parser, HC_NODE_ATTRIBUTE, object->span.offset, ret));
    (*ret)->attribute.object = object;
    (*ret)->attribute.name_span = name_span;
    HC_TRY(adopt(parser, *ret, object));
    return copy_span(parser, name_span, &(*ret)->attribute.name);
}

static struct hc_error *parse_postfix(struct parser *parser, struct hc_node **ret)
{
    HC_TRY(parse_primary(parser, ret));
    for (;;) {
        if (at(parser, HC_TOKEN_DOT))
            HC_TRY(parse_attribute(parser, *ret, ret));
        else if (at(parser, HC_TOKEN_OPEN_PAREN))
            HC_TRY(parse_call(parser, *ret, ret));
        else if (at(parser, HC_TOKEN_OPEN_BRACKET))
            HC_TRY(parse_index(parser, *ret, ret));
        else
            return NULL;
    }
}

static struct hc_error *parse_unary(struct parser *parser, struct hc_node **ret)
{
    size_t start = parser->token.span.offset;
    bool minus = at(parser, HC_TOKEN_MINUS);
    struct hc_node *operand;
    if (!minus && !at(parser, HC_TOKEN_TILDE))
        return parse_postfix(parser, ret);
    HC_TRY(enter(parser));
    HC_TRY(advance(parser));
    HC_TRY(parse_unary(parser, &operand));
    parser->nesting--;
    HC_TRY(create_node(parser, HC_NODE_UNARY, start, ret));
    (*ret)->unary.op = minus ? HC_OPERATOR_NEGATE : HC_OPERATOR_INVERT;
    (*ret)->unary.operand = operand;
    return adopt(parser, *ret, operand);
}

static struct hc_error *create_binary(struct parser *parser, enum hc_operator op,
                                      struct hc_span operator_span, struct hc_node *left,
                                      struct hc_node *right, struct hc_node **ret)
{
    HC_TRY(create_node(parser, HC_NODE_BINARY, left->span.offset, ret));
    (*ret)->binary.op = op;
    (*ret)->binary.operator_span = operator_span;
    (*ret)->binary.left = left;
    (*ret)->binary.right = right;
    HC_TRY(adopt(parser, *ret, left));
    return adopt(parser, *ret, right);
}

// Operators of at least `level`. Precedence climbing (Richards 1979): it recurses once an operator of a
// higher level, not once a level.
static struct hc_error *parse_infix(struct parser *parser, unsigned level, struct hc_node **ret)
{
    struct hc_node *left;
    HC_TRY(parse_unary(parser, &left));
    for (;;) {
        struct hc_token token = parser->token;
        unsigned found = infix[token.kind].level;
        struct hc_node *right;
        if (!found || found < level)
            break;
        HC_TRY(advance(parser));
        HC_TRY(parse_infix(parser, found + 1, &right));
        HC_TRY(create_binary(parser, infix[token.kind].op, token.span, left, right, &left));
    }
    *ret = left;
    return NULL;
}

static struct hc_error *parse_expression(struct parser *parser, struct hc_node **ret)
{
    struct hc_node *left, *right;
    HC_TRY(enter(parser));
    HC_TRY(parse_infix(parser, 1, &left));
    struct hc_token token = parser->token;
    if (comparisons[token.kind].is_one) {
        HC_TRY(advance(parser));
        if (token.kind == HC_TOKEN_NOT) {
            token.span.length = parser->token.span.offset + parser->token.span.length - token.span.offset;
            HC_TRY(expect(parser, HC_TOKEN_IN, "'in' after 'not'"));
        }
        HC_TRY(parse_infix(parser, 1, &right));
        HC_TRY(create_binary(parser, comparisons[token.kind].op, token.span, left, right, &left));
        if (comparisons[parser->token.kind].is_one)
            return hc_syntax_error(parser->source, parser->token.span.offset,
                                   "comparisons cannot be chained; put parentheses around one of them");
    }
    parser->nesting--;
    *ret = left;
    return NULL;
}

// What stands behind a whole expression.
static struct hc_error *check_end(const struct parser *parser)
{
    size_t offset = parser->token.span.offset;
    switch (parser->token.kind) {
    case HC_TOKEN_END:
    case HC_TOKEN_NEWLINE:
    case HC_TOKEN_SEMICOLON:
        return NULL;
    case HC_TOKEN_COMMA:
        return hc_syntax_error(parser->source, offset, "several values need parentheses around them");
    case HC_TOKEN_CLOSE_PAREN:
    case HC_TOKEN_CLOSE_BRACKET:
        return hc_syntax_error(parser->source, offset, "this bracket closes none");
    case HC_TOKEN_ASSIGN:
        return hc_syntax_error(parser->source, offset, "one assignment a statement; '==' compares");
    default:
        return expected(parser, "an operator or the end of the statement");
    }
}

static struct hc_error *parse_statement(struct parser *parser, struct hc_statement *ret)
{
    size_t start = parser->token.span.offset;
    struct hc_statement statement = {0};
    HC_TRY(parse_expression(parser, &statement.expression));
    if (at(parser, HC_TOKEN_ASSIGN)) {
        statement.target_span = statement.expression->span;
        HC_TRY(take_target(parser, statement.expression, &statement.target));
        HC_TRY(parse_expression(parser, &statement.expression));
    }
    HC_TRY(check_end(parser));
    statement.span = (struct hc_span){start, parser->previous_end - start};
    *ret = statement;
    return NULL;
}

static struct hc_error *parse_statements(struct parser *parser, struct statement_vector *statements)
{
    for (;;) {
        // heapy is here already.
        hc_lexer_skip_import(&parser->lexer);
        HC_TRY(hc_lexer_next(&parser->lexer, &parser->token));
        parser->statement_start = parser->token.span.offset;
        if (at(parser, HC_TOKEN_END))
            return NULL;
        if (at(parser, HC_TOKEN_NEWLINE) || at(parser, HC_TOKEN_SEMICOLON))
            continue;
        struct hc_statement statement;
        HC_TRY(parse_statement(parser, &statement));
        if (!statement_vector_push(statements, statement))
            return hc_error_out_of_memory();
        if (at(parser, HC_TOKEN_END))
            return NULL;
    }
}

// Everything that the caller gets lies in the arena.
static struct hc_error *finish(struct hc_arena *arena, const char *source,
                               const struct statement_vector *statements, struct hc_ast **ret)
{
    struct hc_ast *ast = hc_arena_allocate(arena, 1, sizeof(*ast));
    size_t length = strlen(source);
    char *copy = hc_arena_allocate(arena, length + 1, 1);
    struct hc_statement *list = hc_arena_allocate(arena, statements->count, sizeof(*list));
    if (!ast || !copy || !list)
        return hc_error_out_of_memory();
    memcpy(copy, source, length);
    if (statements->count)
        memcpy(list, statements->items, statements->count * sizeof(*list));
    *ast = (struct hc_ast){.source = copy, .statements = list, .count = statements->count, .arena = arena};
    *ret = ast;
    return NULL;
}

struct hc_error *hc_parse(const char *source, struct hc_ast **ret)
{
    _cleanup_(hc_arena_destroyp) struct hc_arena *arena = hc_arena_create();
    _cleanup_(statement_vector_deinit) struct statement_vector statements = {0};
    if (!arena)
        return hc_error_out_of_memory();
    struct parser parser = {.lexer.source = source, .source = source, .arena = arena};
    HC_TRY(parse_statements(&parser, &statements));
    HC_TRY(finish(arena, source, &statements, ret));
    hc_take(arena);
    return NULL;
}

void hc_ast_destroy(struct hc_ast *ast)
{
    if (ast)
        hc_arena_destroy(ast->arena);
}
