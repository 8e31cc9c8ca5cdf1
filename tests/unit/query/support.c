#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void write_node(FILE *out, const struct hc_node *node);

static void write_string(FILE *out, const struct hc_text *text)
{
    fputc('\'', out);
    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->bytes[i];
        fprintf(out, c < 0x20 || c == 0x7f ? "<%02x>" : "%c", c);
    }
    fputc('\'', out);
    assert_int_equal(text->bytes[text->length], '\0');
}

static void write_sequence(FILE *out, const struct hc_node *node)
{
    fputc('[', out);
    for (size_t i = 0; i < node->sequence.count; i++) {
        fputs(i ? ", " : "", out);
        write_node(out, node->sequence.items[i]);
    }
    fputc(']', out);
}

static void write_call(FILE *out, const struct hc_node *node)
{
    write_node(out, node->call.function);
    fputc('(', out);
    for (size_t i = 0; i < node->call.count; i++) {
        const struct hc_argument *argument = &node->call.arguments[i];
        fputs(i ? ", " : "", out);
        if (argument->name.bytes)
            fprintf(out, "%s=", argument->name.bytes);
        write_node(out, argument->value);
    }
    fputc(')', out);
}

static void write_slice(FILE *out, const struct hc_node *node)
{
    write_node(out, node->slice.object);
    fputc('[', out);
    if (node->slice.start)
        write_node(out, node->slice.start);
    fputc(':', out);
    if (node->slice.stop)
        write_node(out, node->slice.stop);
    fputc(']', out);
}

static void write_operation(FILE *out, const struct hc_node *node)
{
    fputc('(', out);
    if (node->kind == HC_NODE_BINARY) {
        write_node(out, node->binary.left);
        fprintf(out, " %s ", hc_operator_text(node->binary.op));
        write_node(out, node->binary.right);
    } else {
        fputs(hc_operator_text(node->unary.op), out);
        write_node(out, node->unary.operand);
    }
    fputc(')', out);
}

static void write_node(FILE *out, const struct hc_node *node)
{
    switch (node->kind) {
    case HC_NODE_NAME:
        fputs(node->text.bytes, out);
        break;
    case HC_NODE_STRING:
        write_string(out, &node->text);
        break;
    case HC_NODE_INTEGER:
        fprintf(out, "%" PRId64, node->integer);
        break;
    case HC_NODE_BOOLEAN:
        fputs(node->boolean ? "True" : "False", out);
        break;
    case HC_NODE_NONE:
        fputs("None", out);
        break;
    case HC_NODE_SEQUENCE:
        write_sequence(out, node);
        break;
    case HC_NODE_ATTRIBUTE:
        write_node(out, node->attribute.object);
        fprintf(out, ".%s", node->attribute.name.bytes);
        break;
    case HC_NODE_CALL:
        write_call(out, node);
        break;
    case HC_NODE_INDEX:
        write_node(out, node->index.object);
        fputc('[', out);
        write_node(out, node->index.key);
        fputc(']', out);
        break;
    case HC_NODE_SLICE:
        write_slice(out, node);
        break;
    case HC_NODE_UNARY:
    case HC_NODE_BINARY:
        write_operation(out, node);
        break;
    }
}

char *render(const char *source)
{
    _cleanup_(hc_ast_destroyp) struct hc_ast *ast = NULL;
    _cleanup_(hc_error_destroyp) struct hc_error *error = hc_parse(source, &ast);
    if (error)
        return strdup(hc_error_message(error));
    measure(ast);
    char *ret = NULL;
    size_t size;
    FILE *out = open_memstream(&ret, &size);
    for (size_t i = 0; i < ast->count; i++) {
        fputs(i ? "; " : "", out);
        if (ast->statements[i].target.bytes)
            fprintf(out, "%s = ", ast->statements[i].target.bytes);
        write_node(out, ast->statements[i].expression);
    }
    fclose(out);
    return ret;
}

static unsigned measure_node(const struct hc_node *node, struct hc_span within);

static unsigned deepest(unsigned depth, const struct hc_node *child, struct hc_span within)
{
    if (!child)
        return depth;
    unsigned found = measure_node(child, within);
    return found > depth ? found : depth;
}

static unsigned measure_children(const struct hc_node *node)
{
    unsigned depth = 0;
    switch (node->kind) {
    case HC_NODE_SEQUENCE:
        for (size_t i = 0; i < node->sequence.count; i++)
            depth = deepest(depth, node->sequence.items[i], node->span);
        return depth;
    case HC_NODE_CALL:
        for (size_t i = 0; i < node->call.count; i++)
            depth = deepest(depth, node->call.arguments[i].value, node->span);
        return deepest(depth, node->call.function, node->span);
    case HC_NODE_ATTRIBUTE:
        return deepest(depth, node->attribute.object, node->span);
    case HC_NODE_INDEX:
        return deepest(deepest(depth, node->index.object, node->span), node->index.key, node->span);
    case HC_NODE_SLICE:
        depth = deepest(deepest(depth, node->slice.object, node->span), node->slice.start, node->span);
        return deepest(depth, node->slice.stop, node->span);
    case HC_NODE_UNARY:
        return deepest(depth, node->unary.operand, node->span);
    case HC_NODE_BINARY:
        return deepest(deepest(depth, node->binary.left, node->span), node->binary.right, node->span);
    default:
        return depth;
    }
}

static unsigned measure_node(const struct hc_node *node, struct hc_span within)
{
    assert_true(node->span.length > 0);
    assert_in_range(node->span.offset, within.offset, within.offset + within.length);
    assert_true(node->span.offset + node->span.length <= within.offset + within.length);
    unsigned depth = measure_children(node) + 1;
    assert_int_equal(node->depth, depth);
    return depth;
}

unsigned measure(const struct hc_ast *ast)
{
    unsigned depth = 0;
    size_t end = 0;
    for (size_t i = 0; i < ast->count; i++) {
        assert_true(ast->statements[i].span.offset >= end);
        end = ast->statements[i].span.offset + ast->statements[i].span.length;
        depth = deepest(depth, ast->statements[i].expression, ast->statements[i].span);
    }
    assert_true(end <= strlen(ast->source));
    return depth;
}
