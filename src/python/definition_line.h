// One line of a definition file: its words, places and expressions. Knows no keywords.
#pragma once

#include "python/definition_model.h"

struct hc_definition_line {
    const char *path;
    unsigned number;
    const char *at; // what is still to be read
};

// "PATH:LINE: …"
struct hc_error *hc_line_error(const struct hc_definition_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The next word up to a blank; NULL in *ret at the end of the line.
struct hc_error *hc_line_take_blanked(struct hc_definition_line *line, char **ret);
// An identifier; `what` says in an error what was expected.
struct hc_error *hc_line_take_name(struct hc_definition_line *line, const char *what, char **ret);
struct hc_error *hc_line_take_number(struct hc_definition_line *line, const char *what, uint64_t *ret);
// True and past it if the next characters are these (a word: not the beginning of a longer one).
bool hc_line_skip(struct hc_definition_line *line, const char *text);
struct hc_error *hc_line_expect(struct hc_definition_line *line, const char *text);
struct hc_error *hc_line_expect_end(struct hc_definition_line *line);

// `member.of.it` or `@offset` or `@offset:bytes`. Members only where there is a struct to have them.
struct hc_error *hc_line_take_place(struct hc_definition_line *line, bool has_struct,
                                    struct hc_definition_place *ret);
// The index of `place` in `block`, which takes its name over, in any case.
struct hc_error *hc_block_add_place(struct hc_definition_block *block, struct hc_definition_place *place,
                                    uint32_t *ret);
// An expression over the places of `block`.
struct hc_error *hc_line_take_expression(struct hc_definition_line *line, struct hc_definition_block *block,
                                         struct hc_definition_expression *ret);
// What stands after `as`.
struct hc_error *hc_line_take_relation(struct hc_definition_line *line, struct hc_definition_block *block,
                                       struct hc_definition_relation *ret);
