#include "cli/own_options.h"

struct hc_error *hc_read_own_options(int argc, char **argv, const char *shorts, const struct option *longs,
                                     hc_own_option_fn *take, void *argument)
{
    int code;
    opterr = 0;
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == ':')
            return hc_error_create("option %s needs a value", argv[optind - 1]);
        if (code == '?')
            return hc_error_create("unknown or wrongly used option %s", argv[optind - 1]);
        HC_TRY(take(argument, code, optarg));
    }
    return NULL;
}
