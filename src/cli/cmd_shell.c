#include "base/interrupt.h"
#include "cli/history_file.h"
#include "cli/line_editor.h"
#include "cli/runner.h"
#include "query/help.h"
#include "query/lexer.h"
#include "report/clean.h"
#include "report/run.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

enum { MOST_SOURCES = 16 }; // that read each other

static const char prompt[] = ">>> ", continuation[] = "... ";

struct shell {
    struct hc_runner runner;
    struct hc_line_reader reader;
    struct hc_line_editor *editor; // NULL: lines are read as they come
    struct hc_history_file history;
    bool has_prompt;
    bool is_over;
    unsigned sources; // that are being read
};

static void shell_deinit(struct shell *shell)
{
    hc_line_editor_destroy(shell->editor);
    hc_history_close(&shell->history);
    hc_runner_deinit(&shell->runner);
}

// What can be typed beside expressions.
struct word {
    const char *name;
    const char *usage;
    const char *help;
    struct hc_error *(*run)(struct shell *shell, const char *argument, struct hc_place place);
    bool takes_brackets; // help(NAME), quit()
};

static struct hc_error *run_line(struct shell *shell, const char *line, struct hc_place place);

static const struct word words[];

static void print_words(void)
{
    printf("heapy's names; `help NAME` tells more, with an example. Beside expressions there are:\n");
    for (const struct word *word = words; word->name; word++)
        if (word->usage)
            printf("  %-15s %s\n", word->usage, word->help);
    printf("\n");
}

static const struct word *find_word(const char *name)
{
    for (const struct word *word = words; word->name; word++)
        if (!strcmp(word->name, name))
            return word;
    return NULL;
}

static struct hc_error *run_help(struct shell *shell, const char *argument, struct hc_place place)
{
    _cleanup_(hc_freep) char *text = NULL;
    (void)shell;
    (void)place;
    if (!*argument) {
        HC_TRY(hc_help_overview(&text));
        print_words();
        fputs(text, stdout);
        return NULL;
    }
    const struct word *word = find_word(argument);
    struct hc_error *error = hc_help_name(argument, &text);
    if (error && !(word && word->usage))
        return error;
    hc_error_destroy(error);
    if (word && word->usage)
        printf("%s, alone on a line\n  %s\n%s", word->usage, word->help, text ? "\n" : "");
    fputs(text ? text : "", stdout);
    return NULL;
}

static struct hc_error *run_more(struct shell *shell, const char *argument, struct hc_place place)
{
    if (*argument)
        return hc_error_create("`more` stands alone: it shows the next page of the last answer");
    return hc_runner_run(&shell->runner, hc_next_page, place);
}

static struct hc_error *run_quit(struct shell *shell, const char *argument, struct hc_place place)
{
    (void)place;
    if (*argument)
        return hc_error_create("`quit` stands alone");
    shell->is_over = true;
    return NULL;
}

// Whether brackets are open at the end of `text`, of which `lexer` has read what was there before.
static bool is_unfinished(struct hc_lexer *lexer, const char *text)
{
    struct hc_token token;
    lexer->source = text;
    for (;;) {
        struct hc_error *error = hc_lexer_next(lexer, &token);
        hc_error_destroy(error); // the parser will tell
        if (error || lexer->open_brackets > HC_AST_MAX_DEPTH)
            return false;
        if (token.kind == HC_TOKEN_END)
            return lexer->open_brackets > 0;
    }
}

static struct hc_error *next_line(struct shell *shell, struct hc_line_reader *reader, bool is_first,
                                  enum hc_line_status *ret_status, char **ret)
{
    bool is_prompted = shell->has_prompt && reader == &shell->reader;
    if (is_prompted)
        hc_interrupt_clear();
    if (is_prompted && shell->editor)
        return hc_line_editor_read(shell->editor, is_first ? prompt : continuation, ret_status, ret);
    if (is_prompted)
        fputs(is_first ? prompt : continuation, stdout);
    fflush(stdout);
    return hc_line_read(reader, ret_status, ret);
}

static struct hc_error *join(char **text, char **line)
{
    char *joined = NULL;
    if (!*text) {
        *text = hc_take(*line);
        return NULL;
    }
    if (asprintf(&joined, "%s\n%s", *text, *line) < 0)
        return hc_error_out_of_memory();
    free(*text);
    *text = joined;
    return NULL;
}

// A line, and those after it as long as brackets are open. `lines` counts them.
static struct hc_error *read_input(struct shell *shell, struct hc_line_reader *reader, size_t *lines,
                                   enum hc_line_status *ret_status, char **ret)
{
    _cleanup_(hc_freep) char *text = NULL;
    struct hc_lexer lexer = {0};
    for (;;) {
        _cleanup_(hc_freep) char *line = NULL;
        HC_TRY(next_line(shell, reader, !text, ret_status, &line));
        if (*ret_status == HC_LINE_END && text)
            break; // the parser will tell what is missing
        if (*ret_status != HC_LINE_READ)
            return NULL;
        (*lines)++;
        HC_TRY(join(&text, &line));
        if (strlen(text) > HC_AST_MAX_STATEMENT || !is_unfinished(&lexer, text))
            break;
    }
    *ret_status = HC_LINE_READ;
    *ret = hc_take(text);
    return NULL;
}

// Runs all that the reader gives, each line at its place in `name`.
static struct hc_error *run_lines(struct shell *shell, struct hc_line_reader *reader, const char *name)
{
    size_t lines = 0;
    while (!shell->is_over && !hc_interrupt_is_requested()) {
        _cleanup_(hc_freep) char *text = NULL;
        enum hc_line_status status;
        size_t before = lines;
        HC_TRY(read_input(shell, reader, &lines, &status, &text));
        if (status != HC_LINE_READ)
            return NULL;
        HC_TRY(run_line(shell, text, (struct hc_place){name, before + 1}));
    }
    return NULL;
}

static struct hc_error *run_source(struct shell *shell, const char *argument, struct hc_place place)
{
    (void)place;
    if (!*argument)
        return hc_error_create("which file? `source FILE` runs its lines");
    if (shell->sources == MOST_SOURCES)
        return hc_error_create("files read each other more than %d deep", MOST_SOURCES);
    int descriptor = open(argument, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return hc_error_create("cannot open %s: %s", argument, strerror(errno));
    struct hc_line_reader reader = {.descriptor = descriptor};
    shell->sources++;
    struct hc_error *error = run_lines(shell, &reader, argument);
    shell->sources--;
    close(descriptor);
    return error ? hc_error_wrap(error, "%s", argument) : hc_interrupt_check();
}

static const struct word words[] = {
    {.name = "help",
     .usage = "help [NAME]",
     .help = "lists the names, or tells what one is for",
     .run = run_help,
     .takes_brackets = true},
    {.name = "more", .usage = "more", .help = "the next page of the last answer, _.more", .run = run_more},
    {.name = "source", .usage = "source FILE", .help = "runs each line of the file", .run = run_source},
    {.name = "quit",
     .usage = "quit",
     .help = "ends the session, as exit and Ctrl-D do",
     .run = run_quit,
     .takes_brackets = true},
    {.name = "exit", .run = run_quit, .takes_brackets = true},
    {0},
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Takes blanks off both ends, in place.
static char *trim(char *text)
{
    while (is_blank(*text))
        text++;
    size_t length = strlen(text);
    while (length && is_blank(text[length - 1]))
        text[--length] = '\0';
    return text;
}

// Takes a pair around all of the text off, in place.
static char *unwrap(char *text, const char *pair)
{
    size_t length = strlen(text);
    if (length < 2 || text[0] != pair[0] || text[length - 1] != pair[1])
        return text;
    text[length - 1] = '\0';
    return trim(text + 1);
}

// source = h, more & str: the word is a name here.
static bool is_operator(const char *text)
{
    return *text == '=' || (*text && strchr("&|^-+<>!", *text) && (text[1] == '=' || is_blank(text[1])));
}

// The word that a line begins with, and what it is given; NULL: the line is an expression.
static const struct word *match(char *line, char **ret_argument)
{
    size_t length = strspn(line, "abcdefghijklmnopqrstuvwxyz");
    const struct word *word = words;
    while (word->name && (strlen(word->name) != length || strncmp(word->name, line, length)))
        word++;
    if (!word->name || (line[length] && !strchr(" \t(", line[length])))
        return NULL;
    char *argument = trim(line + length);
    if (*argument == '(' && !word->takes_brackets)
        return NULL;
    if (is_operator(argument))
        return NULL;
    argument = unwrap(argument, "()");
    *ret_argument = unwrap(unwrap(argument, "''"), "\"\"");
    return word;
}

static struct hc_error *run_line(struct shell *shell, const char *line, struct hc_place place)
{
    _cleanup_(hc_freep) char *copy = strdup(line);
    if (!copy)
        return hc_error_out_of_memory();
    char *argument, *text = trim(copy);
    if (!*text || *text == '#')
        return NULL;
    if (!strncmp(text, ">>> ", 4)) // pasted
        text = trim(text + 4);
    struct hc_error *error = NULL;
    const struct word *word = match(text, &argument);
    if (*text == '!')
        error = hc_error_create("there is no way to other programs from here: '!' means nothing");
    else if (word)
        error = word->run(shell, argument, place);
    else
        error = hc_runner_run(&shell->runner, line, place);
    if (!error)
        return NULL;
    shell->runner.runs++;
    return hc_runner_tell(&shell->runner, line, place, error);
}

static void remember(void *argument, const char *line)
{
    struct shell *shell = argument;
    hc_line_editor_remember(shell->editor, line);
}

// The first trouble with the file ends its use: it is told once.
static void note(struct hc_error *error)
{
    if (error)
        fprintf(stderr, "heapcore: %s\n", hc_error_message(error));
    hc_error_destroy(error);
}

static void keep(struct shell *shell, const char *text)
{
    if (!shell->editor || !text[strspn(text, " \t\n")])
        return;
    bool has_lines = strchr(text, '\n') != NULL;
    if (has_lines && strchr(text, '#')) // a comment in the middle would swallow the rest
        return;
    _cleanup_(hc_freep) char *line = strdup(text);
    for (char *at = line; at && *at; at++)
        if (*at == '\n')
            *at = ' ';
    if (!line)
        return;
    hc_line_editor_remember(shell->editor, line);
    note(hc_history_add(&shell->history, line));
}

static struct hc_error *complete(void *argument, const char *line, size_t cursor, struct hc_completion *ret)
{
    struct shell *shell = argument;
    return hc_complete(&shell->runner.interpreter, line, cursor, ret);
}

static struct hc_error *talk(struct shell *shell)
{
    while (!shell->is_over) {
        _cleanup_(hc_freep) char *text = NULL;
        enum hc_line_status status;
        size_t lines = 0;
        HC_TRY(read_input(shell, &shell->reader, &lines, &status, &text));
        if (status != HC_LINE_READ)
            printf("\n");
        if (status == HC_LINE_END)
            return NULL;
        if (status == HC_LINE_INTERRUPTED)
            continue;
        hc_interrupt_clear();
        keep(shell, text);
        HC_TRY(run_line(shell, text, (struct hc_place){0}));
    }
    return NULL;
}

static bool can_edit(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

static struct hc_error *run_session(struct shell *shell)
{
    shell->has_prompt = isatty(STDIN_FILENO);
    hc_catch_interrupts(!shell->has_prompt);
    if (!shell->has_prompt) {
        HC_TRY(run_lines(shell, &shell->reader, "stdin"));
        struct hc_error *error = hc_runner_finish(&shell->runner);
        hc_die_if_interrupted();
        return error;
    }
    shell->runner.is_interactive = true;
    setlocale(LC_CTYPE, "");
    if (can_edit())
        shell->editor = hc_line_editor_create(complete, shell);
    if (shell->editor)
        note(hc_history_open(&shell->history, remember, shell));
    printf("`help` lists what can be asked, Tab completes, Ctrl-C stops, Ctrl-D ends.\n");
    return talk(shell);
}

static struct hc_error *run(const struct hc_cli_options *options)
{
    if (options->json)
        return hc_error_create("the shell prints text; `heapcore query --json` prints JSON");
    _cleanup_(hc_session_closep) struct hc_session *session = NULL;
    _cleanup_(hc_reference_releasep) struct hc_reference *baseline = NULL;
    HC_TRY(hc_command_baseline(options, &baseline));
    HC_TRY(hc_command_open(options, &session));
    _cleanup_(shell_deinit) struct shell shell = {.reader.descriptor = STDIN_FILENO};
    HC_TRY(hc_runner_init(&shell.runner, options, session));
    if (baseline)
        HC_TRY(hc_interpreter_set_baseline(&shell.runner.interpreter, baseline));
    return run_session(&shell);
}

const struct hc_command hc_command_shell = {
    .name = "shell",
    .arguments = "[options] CORE | -p PID",
    .takes_baseline = true,
    .summary = "the expressions of `query`, one after the other, with history, completion and help",
    .help = "Reads expressions as `query` takes them and prints their answers. `help` lists the names, `help "
            "NAME`\n"
            "explains one, `more` shows the next page, `source FILE` runs a file, `quit` ends. Brackets may "
            "go over\n"
            "several lines. Ctrl-C stops an answer that takes too long, and the session goes on. Input from "
            "a pipe\n"
            "or a file needs no terminal: then an expression that fails makes the exit status 1.\n",
    .run = run,
};
