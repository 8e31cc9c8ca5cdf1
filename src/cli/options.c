#include "cli/options.h"

#include "cli/numbers.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char hc_options_help[] =
    "options:\n"
    "  -p, --pid PID          read a live process, which goes on unharmed, in place of CORE\n"
    "  --exe FILE             the program's file, if it is not where the process had it\n"
    "  --sysroot DIR          look for the process's files under DIR ($HEAPCORE_SYSROOT)\n"
    "  --debug-dir DIR        look for debug information in DIR first\n"
    "  --layouts FILE         where there is no debug information, take the layouts from this table\n"
    "  --emit                 layouts: write such a table, from debug information\n"
    "  --definitions FILE     heap definitions of extension types: a file, a plugin (.so), or a directory "
    "of\n"
    "                         them; can be given more than once\n"
    "  --no-emulation         run no code of the process, not even in an emulator: types without a decoder "
    "are less "
    "exact\n"
    "  --baseline CORE        analyze, query, shell: what is new since this core of the process\n"
    "  --full                 analyze: all of the report, in place of a screen of it\n"
    "  --locals               threads: each frame's variables, too\n"
    "  --verify               analyze: run types' own tp_traverse on samples, and tell whether heapcore "
    "agrees\n"
    "  --json                 print JSON\n"
    "  --limit N              show at most N rows (of dump: N objects)\n"
    "  --color WHEN           auto (only on a terminal), always or never\n"
    "  --jobs N               use N threads; one per processor if not given\n"
    "  --quiet                no progress on stderr\n"
    "  -h, --help             print this help\n";

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

static const struct option long_options[] = {
    {"exe", required_argument, NULL, OPTION_EXE},
    {"sysroot", required_argument, NULL, OPTION_SYSROOT},
    {"debug-dir", required_argument, NULL, OPTION_DEBUG_DIR},
    {"layouts", required_argument, NULL, OPTION_LAYOUTS},
    {"emit", no_argument, NULL, OPTION_EMIT},
    {"definitions", required_argument, NULL, OPTION_DEFINITIONS},
    {"no-emulation", no_argument, NULL, OPTION_NO_EMULATION},
    {"baseline", required_argument, NULL, OPTION_BASELINE},
    {"full", no_argument, NULL, OPTION_FULL},
    {"locals", no_argument, NULL, OPTION_LOCALS},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"json", no_argument, NULL, OPTION_JSON},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"jobs", required_argument, NULL, OPTION_JOBS},
    {"quiet", no_argument, NULL, OPTION_QUIET},
    {"pid", required_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

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
    opterr = 0;
    int code;
    while ((code = getopt_long(argc, argv, ":p:h", long_options, NULL)) != -1) {
        if (code == 'h') {
            *ret_help = true;
            return NULL;
        }
        HC_TRY(parse_option(code, argv, &options));
    }
    if (options.baseline && !command->takes_baseline)
        return hc_error_create("%s has no use for --baseline; analyze, query and shell have", command->name);
    if (options.locals && !command->takes_locals)
        return hc_error_create("%s has no use for --locals; threads has", command->name);
    if (options.full && !command->takes_full)
        return hc_error_create("%s has no use for --full; analyze has", command->name);
    if (options.emit && !command->takes_emit)
        return hc_error_create("%s has no use for --emit; layouts has", command->name);
    if (options.verify && !command->takes_verify)
        return hc_error_create("%s has no use for --verify; analyze has", command->name);
    HC_TRY(parse_source(argc, argv, command, &options));
    const char *sysroot = getenv("HEAPCORE_SYSROOT");
    if (!options.session.image.sysroot && sysroot && *sysroot)
        options.session.image.sysroot = options.session.debug.sysroot = sysroot;
    *ret = options;
    ret->session.definitions.paths = ret->definitions;
    *ret_help = false;
    return NULL;
}
