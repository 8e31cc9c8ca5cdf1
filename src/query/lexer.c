#include "query/lexer.h"

#include "query/parser.h"
#include "base/utf8.h"

#include <string.h>

// Python's words: those of the language, and those that it leaves out (no kind), with what to write instead.
static const struct word {
    const char *text;
    enum hc_token_kind kind;
    const char *instead;
} words[] = {
    {.text = "True", .kind = HC_TOKEN_TRUE},
    {.text = "False", .kind = HC_TOKEN_FALSE},
    {.text = "None", .kind = HC_TOKEN_NONE},
    {.text = "not", .kind = HC_TOKEN_NOT},
    {.text = "in", .kind = HC_TOKEN_IN},
    {.text = "and", .instead = "; '&' intersects sets"},
    {.text = "or", .instead = "; '|' unites sets"},
    {.text = "is", .instead = "; '==' compares"},
    {.text = "as"},
    {.text = "assert"},
    {.text = "async"},
    {.text = "await"},
    {.text = "break"},
    {.text = "class"},
    {.text = "continue"},
    {.text = "def"},
    {.text = "del"},
    {.text = "elif"},
    {.text = "else"},
    {.text = "except"},
    {.text = "finally"},
    {.text = "for"},
    {.text = "from"},
    {.text = "global"},
    {.text = "if"},
    {.text = "import"},
    {.text = "lambda"},
    {.text = "nonlocal"},
    {.text = "pass"},
    {.text = "raise"},
    {.text = "return"},
    {.text = "try"},
    {.text = "while"},
    {.text = "with"},
    {.text = "yield"},
};

// The longer first.
static const struct mark {
    const char *text;
    enum hc_token_kind kind;
} marks[] = {
    {"==", HC_TOKEN_EQUAL},       {"!=", HC_TOKEN_NOT_EQUAL},
    {"<=", HC_TOKEN_LESS_EQUAL},  {">=", HC_TOKEN_GREATER_EQUAL},
    {"<", HC_TOKEN_LESS},         {">", HC_TOKEN_GREATER},
    {"=", HC_TOKEN_ASSIGN},       {"|", HC_TOKEN_OR},
    {"^", HC_TOKEN_XOR},          {"&", HC_TOKEN_AND},
    {"+", HC_TOKEN_PLUS},         {"-", HC_TOKEN_MINUS},
    {"~", HC_TOKEN_TILDE},        {".", HC_TOKEN_DOT},
    {",", HC_TOKEN_COMMA},        {":", HC_TOKEN_COLON},
    {"(", HC_TOKEN_OPEN_PAREN},   {")", HC_TOKEN_CLOSE_PAREN},
    {"[", HC_TOKEN_OPEN_BRACKET}, {"]", HC_TOKEN_CLOSE_BRACKET},
    {";", HC_TOKEN_SEMICOLON},    {"\n", HC_TOKEN_NEWLINE},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c);
}

static void skip_blanks(struct hc_lexer *lexer)
{
    const char *text = lexer->source + lexer->offset;
    for (;;) {
        text += strspn(text, lexer->open_brackets ? " \t\r\f\n" : " \t\r\f");
        if (*text != '#')
            break;
        text += strcspn(text, "\n");
    }
    lexer->offset = (size_t)(text - lexer->source);
}

// Past the prompt of a session that was pasted, if the line begins with one.
static void skip_prompt(struct hc_lexer *lexer)
{
    const char *text = lexer->source + lexer->offset;
    const char *line = text;
    while (line > lexer->source && (line[-1] == ' ' || line[-1] == '\t'))
        line--;
    if (line > lexer->source && line[-1] != '\n')
        return;
    if ((!strncmp(text, ">>>", 3) || !strncmp(text, "...", 3)) && (!text[3] || strchr(" \n\r", text[3])))
        lexer->offset += 3;
}

static struct hc_error *scan_word(const struct hc_lexer *lexer, struct hc_token *ret)
{
    const char *text = lexer->source + ret->span.offset;
    while (is_name_character(text[ret->span.length]))
        ret->span.length++;
    ret->kind = HC_TOKEN_NAME;
    if (text[ret->span.length] == '\'' || text[ret->span.length] == '"')
        return hc_syntax_error(lexer->source, ret->span.offset,
                               "strings have no prefix in the query language");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i].text) != ret->span.length || strncmp(words[i].text, text, ret->span.length))
            continue;
        if (!words[i].kind)
            return hc_syntax_error(lexer->source, ret->span.offset, "'%s' is not in the query language%s",
                                   words[i].text, words[i].instead ? words[i].instead : "");
        ret->kind = words[i].kind;
    }
    return NULL;
}

static struct hc_error *scan_integer(const struct hc_lexer *lexer, struct hc_token *ret)
{
    const char *text = lexer->source + ret->span.offset;
    while (is_name_character(text[ret->span.length]))
        ret->span.length++;
    if (text[ret->span.length] == '.' && is_digit(text[ret->span.length + 1]))
        return hc_syntax_error(lexer->source, ret->span.offset + ret->span.length,
                               "numbers are whole in the query language");
    ret->kind = HC_TOKEN_INTEGER;
    return NULL;
}

static struct hc_error *scan_string(const struct hc_lexer *lexer, struct hc_token *ret)
{
    const char *text = lexer->source + ret->span.offset;
    size_t length = 1;
    for (; text[length] != text[0]; length++) {
        if (text[length] == '\\')
            length++;
        else if (text[length] == '\n')
            return hc_syntax_error(lexer->source, ret->span.offset, "this string is not closed");
        if (!text[length])
            return hc_syntax_error(lexer->source, ret->span.offset, "this string is not closed");
    }
    ret->span.length = length + 1;
    ret->kind = HC_TOKEN_STRING;
    return NULL;
}

static struct hc_error *unknown_character(const struct hc_lexer *lexer)
{
    const char *text = lexer->source + lexer->offset;
    uint32_t c;
    size_t length = hc_utf8_decode(text, strnlen(text, 4), &c);
    if (length && c > 0x20 && (c < 0x7f || c >= 0xa0))
        return hc_syntax_error(lexer->source, lexer->offset, "'%.*s' has no meaning here", (int)length, text);
    return hc_syntax_error(lexer->source, lexer->offset, "the byte 0x%02x has no meaning here",
                           (unsigned char)*text);
}

static struct hc_error *scan_mark(struct hc_lexer *lexer, struct hc_token *ret)
{
    const char *text = lexer->source + ret->span.offset;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t length = strlen(marks[i].text);
        if (strncmp(text, marks[i].text, length))
            continue;
        ret->kind = marks[i].kind;
        ret->span.length = length;
        if (*text == '(' || *text == '[')
            lexer->open_brackets++;
        if ((*text == ')' || *text == ']') && lexer->open_brackets)
            lexer->open_brackets--;
        return NULL;
    }
    return unknown_character(lexer);
}

// The word at `text`, and the blanks behind it; NULL: another one stands there.
static const char *match_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(text, word, length) || is_name_character(text[length]))
        return NULL;
    return text + length + strspn(text + length, " \t\r");
}

bool hc_lexer_skip_import(struct hc_lexer *lexer)
{
    skip_blanks(lexer);
    skip_prompt(lexer);
    skip_blanks(lexer);
    const char *text = lexer->source + lexer->offset;
    const char *from = match_word(text, "from"), *import = match_word(text, "import");
    const char *module = from ? from : import;
    const char *end = module ? match_word(module, "guppy") : NULL;
    if (!end)
        return false;
    lexer->offset = (size_t)(end - lexer->source) + strcspn(end, ";#\n");
    return true;
}

struct hc_error *hc_lexer_next(struct hc_lexer *lexer, struct hc_token *ret)
{
    skip_blanks(lexer);
    skip_prompt(lexer);
    skip_blanks(lexer);
    struct hc_token token = {.kind = HC_TOKEN_END, .span.offset = lexer->offset};
    char c = lexer->source[lexer->offset];
    if (is_digit(c))
        HC_TRY(scan_integer(lexer, &token));
    else if (is_name_character(c))
        HC_TRY(scan_word(lexer, &token));
    else if (c == '\'' || c == '"')
        HC_TRY(scan_string(lexer, &token));
    else if (c)
        HC_TRY(scan_mark(lexer, &token));
    lexer->offset += token.span.length;
    *ret = token;
    return NULL;
}
