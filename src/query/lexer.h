// Splits a source text into tokens, and reads what integers and strings mean.
#pragma once

#include "base/error.h"
#include "base/vector.h"
#include "query/ast.h"

enum hc_token_kind {
    HC_TOKEN_END,
    HC_TOKEN_NEWLINE,
    HC_TOKEN_SEMICOLON,
    HC_TOKEN_NAME,
    HC_TOKEN_INTEGER,
    HC_TOKEN_STRING,
    HC_TOKEN_TRUE,
    HC_TOKEN_FALSE,
    HC_TOKEN_NONE,
    HC_TOKEN_NOT,
    HC_TOKEN_IN,
    HC_TOKEN_EQUAL,         // ==
    HC_TOKEN_NOT_EQUAL,     // !=
    HC_TOKEN_LESS,          // <
    HC_TOKEN_LESS_EQUAL,    // <=
    HC_TOKEN_GREATER,       // >
    HC_TOKEN_GREATER_EQUAL, // >=
    HC_TOKEN_ASSIGN,        // =
    HC_TOKEN_OR,            // |
    HC_TOKEN_XOR,           // ^
    HC_TOKEN_AND,           // &
    HC_TOKEN_PLUS,
    HC_TOKEN_MINUS,
    HC_TOKEN_TILDE,
    HC_TOKEN_DOT,
    HC_TOKEN_COMMA,
    HC_TOKEN_COLON,
    HC_TOKEN_OPEN_PAREN,
    HC_TOKEN_CLOSE_PAREN,
    HC_TOKEN_OPEN_BRACKET,
    HC_TOKEN_CLOSE_BRACKET,
    HC_TOKEN_COUNT,
};

struct hc_token {
    enum hc_token_kind kind;
    struct hc_span span;
};

// A zeroed one with a source stands at its beginning.
struct hc_lexer {
    const char *source;
    size_t offset;
    size_t open_brackets; // line breaks inside them do not count
};

HC_DEFINE_VECTOR(hc_byte_buffer, char)

// Past `from guppy import …` or `import guppy …` up to the end of the statement; false: none stands here.
bool hc_lexer_skip_import(struct hc_lexer *lexer);
struct hc_error *hc_lexer_next(struct hc_lexer *lexer, struct hc_token *ret);
// What a HC_TOKEN_INTEGER of `source` is.
struct hc_error *hc_integer_read(const char *source, struct hc_span span, int64_t *ret);
// Appends what a HC_TOKEN_STRING of `source` is, without a NUL at the end.
struct hc_error *hc_string_append(const char *source, struct hc_span span, struct hc_byte_buffer *buffer);
