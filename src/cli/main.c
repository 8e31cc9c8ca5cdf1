// heapcore COMMAND …: finds the command, parses its options, runs it, tells how that went.
#include "cli/options.h"
#include "query/help.h"
#include "report/clean.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void print_usage(FILE *file)
{
    fprintf(file, "usage: heapcore COMMAND [options] CORE | -p PID\n\ncommands:\n");
    const struct hc_command *command;
    for (size_t i = 0; (command = hc_command_at(i)); i++)
        fprintf(file, "  %-10s %s\n", command->name, command->summary);
    fprintf(file, "\n`heapcore help COMMAND` tells more; `heapcore --version` prints the version.\n");
}

static void print_help(const struct hc_command *command)
{
    printf("usage: heapcore %s %s\n\n%s\n", command->name, command->arguments, command->help);
    if (command->run_alone)
        fputs(command->own_options, stdout);
    else
        hc_options_print(command);
}

// What an error quotes of a core or of the arguments is made harmless to a terminal.
static void print_error(const struct hc_error *error)
{
    _cleanup_(hc_freep) char *text = hc_clean_utf8(hc_error_message(error));
    _cleanup_(hc_freep) char *clean = text ? hc_clean_controls(text) : NULL;
    fprintf(stderr, "heapcore: %s\n", clean ? clean : "out of memory");
}

static enum hc_exit_status wrong_usage(const struct hc_command *command, struct hc_error *error)
{
    print_error(error);
    if (command)
        fprintf(stderr, "usage: heapcore %s %s\n", command->name, command->arguments);
    else
        fprintf(stderr, "usage: heapcore COMMAND [options] CORE | -p PID\n");
    hc_error_destroy(error);
    return HC_EXIT_USAGE;
}

// `heapcore help query NAME`: of a name of the query language.
static enum hc_exit_status help_of_name(const char *name)
{
    _cleanup_(hc_freep) char *text = NULL;
    struct hc_error *error = hc_help_name(name, &text);
    if (error)
        return wrong_usage(&hc_command_query, error);
    fputs(text, stdout);
    return HC_EXIT_DONE;
}

static enum hc_exit_status help(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stdout);
        return HC_EXIT_DONE;
    }
    const struct hc_command *command = hc_command_find(argv[1]);
    if (!command)
        return wrong_usage(NULL, hc_error_create("there is no command '%s'", argv[1]));
    if (argc > 2 && command == &hc_command_query)
        return help_of_name(argv[2]);
    print_help(command);
    return HC_EXIT_DONE;
}

static enum hc_exit_status run_alone(const struct hc_command *command, int argc, char **argv)
{
    enum hc_exit_status status = HC_EXIT_DONE;
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        print_help(command);
        return HC_EXIT_DONE;
    }
    struct hc_error *error = command->run_alone(argc, argv, &status);
    if (!error)
        return status;
    if (status == HC_EXIT_USAGE)
        return wrong_usage(command, error);
    fflush(stdout);
    print_error(error);
    hc_error_destroy(error);
    return HC_EXIT_FAILED;
}

static enum hc_exit_status run(const struct hc_command *command, int argc, char **argv)
{
    struct hc_cli_options options;
    bool wants_help;
    struct hc_error *error = hc_options_parse(argc, argv, command, &options, &wants_help);
    if (error)
        return wrong_usage(command, error);
    if (wants_help) {
        print_help(command);
        return HC_EXIT_DONE;
    }
    error = command->run(&options);
    if (!error)
        return HC_EXIT_DONE;
    fflush(stdout);
    print_error(error);
    hc_error_destroy(error);
    return HC_EXIT_FAILED;
}

static enum hc_exit_status dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr);
        return HC_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("heapcore %s\n", HC_VERSION);
        return HC_EXIT_DONE;
    }
    if (!strcmp(argv[1], "help"))
        return help(argc - 1, argv + 1);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
        return help(1, argv);
    const struct hc_command *command = hc_command_find(argv[1]);
    if (!command)
        return wrong_usage(NULL, hc_error_create("there is no command '%s'", argv[1]));
    return (command->run_alone ? run_alone : run)(command, argc - 1, argv + 1);
}

static bool reader_is_gone(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO};
    return poll(&output, 1, 0) == 1 && output.revents & POLLERR;
}

int main(int argc, char **argv)
{
    // A reader that goes away ends the output, not the program: `heapcore dump core | head`.
    signal(SIGPIPE, SIG_IGN);
    enum hc_exit_status status = dispatch(argc, argv);
    bool failed = ferror(stdout) | fflush(stdout);
    if (!failed || status != HC_EXIT_DONE)
        return status;
    if (!reader_is_gone())
        fprintf(stderr, "heapcore: cannot write the output; is the disk full?\n");
    return HC_EXIT_FAILED;
}
