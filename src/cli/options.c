#include "cli/options.h"

#include "cli/numbers.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum option_code {
    OPTION_EXE = 256,
    OPTION_SYSROOT,
    OPTION_DEBUG_DIR,
    OPTION_LAYOUTS,
    OPTION_EMIT,
    OPTION_DEFINITIONS,
    OPTION_NO_EMULATION,
    OPTION_BASELINE,
    OPTION_FULL,
    OPTION_LOCALS,
    OPTION_VERIFY,
    OPTION_JSON,
    OPTION_LIMIT,
    OPTION_COLOR,
    OPTION_JOBS,
    OPTION_QUIET,
};

static const struct {
    struct option option;
    const char *value; // what it takes
    const char *help;  // lines
    size_t takes;      // the member of struct hc_command that says whether it takes the option; 0: all do
} table[] = {
    {{"pid", required_argument, NULL, 'p'},
     "PID",
     "read a live process, which goes on unharmed, in place of CORE",
     0},
    {{"exe", required_argument, NULL, OPTION_EXE},
     "FILE",
     "the program's file, if it is not where the process had it",
     0},
    {{"sysroot", required_argument, NULL, OPTION_SYSROOT},
     "DIR",
     "look for the process's files under DIR ($HEAPCORE_SYSROOT)",
     0},
    {{"debug-dir", required_argument, NULL, OPTION_DEBUG_DIR},
     "DIR",
     "look for debug information in DIR first",
     0},
    {{"layouts", required_argument, NULL, OPTION_LAYOUTS},
     "FILE",
     "where there is no debug information, take the layouts from this table",
     0},
    {{"emit", no_argument, NULL, OPTION_EMIT},
     NULL,
     "write such a table, from debug information",
     offsetof(struct hc_command, takes_emit)},
    {{"definitions", required_argument, NULL, OPTION_DEFINITIONS},
     "FILE",
     "heap definitions of extension types: a file, a plugin (.so), or a directory of\n"
     "them; can be given more than once",
     0},
    {{"no-emulation", no_argument, NULL, OPTION_NO_EMULATION},
     NULL,
     "run no code of the process, not even in an emulator: types without a decoder\n"
     "are less exact",
     0},
    {{"baseline", required_argument, NULL, OPTION_BASELINE},
     "CORE",
     "an earlier core of the same process: tell what is new since then",
     offsetof(struct hc_command, takes_baseline)},
    {{"full", no_argument, NULL, OPTION_FULL},
     NULL,
     "all of the report, in place of a screen of it",
     offsetof(struct hc_command, takes_full)},
    {{"locals", no_argument, NULL, OPTION_LOCALS},
     NULL,
     "each frame's variables, too",
     offsetof(struct hc_command, takes_locals)},
    {{"verify", no_argument, NULL, OPTION_VERIFY},
     NULL,
     "run types' own tp_traverse on samples, and tell whether heapcore agrees",
     offsetof(struct hc_command, takes_verify)},
    {{"json", no_argument, NULL, OPTION_JSON}, NULL, "print JSON", 0},
    {{"limit", required_argument, NULL, OPTION_LIMIT}, "N", "show at most N rows (of dump: N objects)", 0},
    {{"color", required_argument, NULL, OPTION_COLOR},
     "WHEN",
     "auto (only on a terminal), always or never",
     0},
    {{"jobs", required_argument, NULL, OPTION_JOBS}, "N", "use N threads; one per processor if not given", 0},
    {{"quiet", no_argument, NULL, OPTION_QUIET}, NULL, "no progress on stderr", 0},
    {{"help", no_argument, NULL, 'h'}, NULL, "print this help", 0},
};

enum { OPTIONS = sizeof(table) / sizeof(*table) };

static bool is_taken(size_t index, const struct hc_command *command)
{
    return !table[index].takes || *(const bool *)((const char *)command + table[index].takes);
}

void hc_options_print(const struct hc_command *command)
{
    printf("options:\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &table[i].option;
        char letter[] = "-x, ", start[32];
        if (!is_taken(i, command))
            continue;
        letter[1] = (char)option->val;
        snprintf(start, sizeof(start), "%s--%s %s", option->val < OPTION_EXE ? letter : "", option->name,
                 table[i].value ? table[i].value : "");
        const char *line = table[i].help, *end = strchrnul(line, '\n');
        printf("  %-22s %.*s\n", start, (int)(end - line), line);
        if (*end)
            printf("  %-22s %s\n", "", end + 1);
    }
}

// "--full is an option of analyze, not of threads".
static struct hc_error *refuse(size_t index, const struct hc_command *command)
{
    char others[64] = "";
    const struct hc_command *other;
    for (size_t i = 0, length = 0; (other = hc_command_at(i)) && length < sizeof(others); i++)
        if (other->run && is_taken(index, other))
            length += (size_t)snprintf(others + length, sizeof(others) - length, "%s%s", length ? ", " : "",
                                       other->name);
    return hc_error_create("%s has no use for --%s; it is an option of: %s", command->name,
                           table[index].option.name, others);
}

// 0: there is none, or it does not say.
static size_t terminal_width(void)
{
    struct winsize size = {0};
    return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

static bool terminal_has_color(void)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && terminal && strcmp(terminal, "dumb") != 0;
}

static struct hc_error *parse_color(const char *text, bool *ret)
{
    if (!strcmp(text, "auto"))
        *ret = terminal_has_color();
    else if (!strcmp(text, "always") || !strcmp(text, "never"))
        *ret = *text == 'a';
    else
        return hc_error_create("--color takes auto, always or never, not '%s'", text);
    return NULL;
}

static struct hc_error *parse_option(int code, char **argv, struct hc_cli_options *options)
{
    long number;
    switch (code) {
    case 'p':
        HC_TRY(hc_parse_number("-p", optarg, 1, INT_MAX, &number));
        options->session.pid = (pid_t)number;
        return NULL;
    case OPTION_EXE:
        options->session.image.exe = optarg;
        return NULL;
    case OPTION_SYSROOT:
        options->session.image.sysroot = options->session.debug.sysroot = optarg;
        return NULL;
    case OPTION_DEBUG_DIR:
        options->session.debug.debug_dir = optarg;
        return NULL;
    case OPTION_LAYOUTS:
        options->session.debug.layouts = optarg;
        return NULL;
    case OPTION_EMIT:
        options->emit = true;
        return NULL;
    case OPTION_DEFINITIONS:
        if (options->session.definitions.count == HC_CLI_DEFINITIONS)
            return hc_error_create("--definitions may be given %d times; a directory may have more files",
                                   HC_CLI_DEFINITIONS);
        options->definitions[options->session.definitions.count++] = optarg;
        return NULL;
    case OPTION_NO_EMULATION:
        options->session.no_emulation = true;
        return NULL;
    case OPTION_BASELINE:
        options->baseline = optarg;
        return NULL;
    case OPTION_FULL:
        options->full = true;
        return NULL;
    case OPTION_LOCALS:
        options->locals = true;
        return NULL;
    case OPTION_VERIFY:
        options->verify = true;
        return NULL;
    case OPTION_JSON:
        options->json = true;
        return NULL;
    case OPTION_LIMIT:
        return hc_parse_number("--limit", optarg, 0, LONG_MAX, &options->render.limit);
    case OPTION_COLOR:
        return parse_color(optarg, &options->render.color);
    case OPTION_JOBS:
        HC_TRY(hc_parse_number("--jobs", optarg, 1, 1024, &number));
        options->session.threads = (unsigned)number;
        return NULL;
    case OPTION_QUIET:
        options->quiet = true;
        return NULL;
    case ':':
        return hc_error_create("option %s needs a value", argv[optind - 1]);
    default:
        if (optopt > 0 && optopt < 256)
            return hc_error_create("unknown option -%c", optopt);
        return hc_error_create("unknown or wrongly used option %s", argv[optind - 1]);
    }
}

// CORE and -p exclude each other; one of them is needed. What follows is the expressions.
static struct hc_error *parse_source(int argc, char **argv, const struct hc_command *command,
                                     struct hc_cli_options *options)
{
    bool takes_expressions = command->takes_expressions;
    if (optind < argc && options->session.pid && !takes_expressions && !command->takes_second)
        return hc_error_create("give a core file or -p PID, not both");
    if (optind == argc && !options->session.pid)
        return hc_error_create("which core file? Name one, or a live process with -p PID");
    if (!options->session.pid)
        options->session.core = argv[optind++];
    if (command->takes_second && optind == argc)
        return hc_error_create("which earlier core? Name two: heapcore %s A B", command->name);
    if (command->takes_second)
        options->baseline = argv[optind++];
    if (argc > optind && !takes_expressions)
        return hc_error_create("one core file at a time: '%s' is one too many", argv[optind]);
    if (argc == optind && takes_expressions)
        return hc_error_create("which expression? Name one or more, for example: byrcs");
    options->expressions = argv + optind;
    options->expression_count = (size_t)(argc - optind);
    return NULL;
}

struct hc_error *hc_options_parse(int argc, char **argv, const struct hc_command *command,
                                  struct hc_cli_options *ret, bool *ret_help)
{
    struct hc_cli_options options = {
        .report = command->report,
        .render = {.limit = HC_NO_LIMIT, .color = terminal_has_color(), .width = terminal_width()},
    };
    struct option longs[OPTIONS + 1] = {{0}};
    for (size_t i = 0; i < OPTIONS; i++)
        longs[i] = table[i].option;
    opterr = 0;
    int code, index = 0;
    while ((code = getopt_long(argc, argv, ":p:h", longs, &index)) != -1) {
        if (code == 'h') {
            *ret_help = true;
            return NULL;
        }
        if (!is_taken((size_t)index, command))
            return refuse((size_t)index, command);
        HC_TRY(parse_option(code, argv, &options));
        index = 0; // it is not set for a short one
    }
    HC_TRY(parse_source(argc, argv, command, &options));
    const char *sysroot = getenv("HEAPCORE_SYSROOT");
    if (!options.session.image.sysroot && sysroot && *sysroot)
        options.session.image.sysroot = options.session.debug.sysroot = sysroot;
    *ret = options;
    ret->session.definitions.paths = ret->definitions;
    *ret_help = false;
    return NULL;
}
