// The grammar of the query language: the part of Python's expressions that heapy sessions use.
//
//     statements  [statement] {(";" | newline) [statement]}     a comment runs from # to the end of the line
//     statement   [name "="] comparison | ("from" | "import") "guppy" …     the latter does nothing
//     comparison  or [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") or]
//     or          xor {"|" xor}
//     xor         and {"^" and}
//     and         sum {"&" sum}
//     sum         unary {("+" | "-") unary}
//     unary       {"~" | "-"} postfix
//     postfix     primary {"." name | "(" [argument {"," argument} [","]] ")" | "[" index "]"}
//     argument    [name "="] comparison
//     index       comparison | [comparison] ":" [comparison]
//     primary     name | integer | string {string} | "True" | "False" | "None" | "(" comparison ")" |
//     sequence sequence    "(" ")" | "(" comparison "," [items] ")" | "[" [items] "]" items       comparison
//     {"," comparison} [","]
//
// Line breaks inside brackets do not count, nor do the prompts `>>>` and `...` that a line begins with.
#pragma once

#include "base/error.h"
#include "query/ast.h"

struct hc_error *hc_parse(const char *source, struct hc_ast **ret);
void hc_ast_destroy(struct hc_ast *ast);

HC_DEFINE_POINTER_CLEANUP(hc_ast_destroy, struct hc_ast)

// An error that shows the line of `source` that `offset` is in, and points:
//
//     h.byrcs[
//             ^ expected an expression
struct hc_error *hc_syntax_error(const char *source, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
