// layout-probe FILE [--debug-dir DIR] [--sysroot DIR] [--time N]: reads questions from standard input, one a
// line, and answers each on a line of its own:
//   field STRUCT MEMBER UNIT      -> offset size kind bit_offset bit_size, or "absent" (MEMBER and UNIT may
//   be -) symbol NAME UNIT              -> address size, or "absent" pointers STRUCT UNIT POINTEE  ->
//   path:offset:count ...
// All fields are asked for in one call. With --time, prints how long that took.
#include "layout/layout.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MAX_QUESTIONS 32768

struct question {
    char verb[16], first[128], second[256], third[256];
    struct hc_field field;
};

static const char *optional(const char *word)
{
    return *word && strcmp(word, "-") != 0 ? word : NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void print_pointer(void *argument, const char *path, uint64_t offset, uint64_t count)
{
    (void)argument;
    printf(" %s:%" PRIu64 ":%" PRIu64, path, offset, count);
}

static struct hc_error *answer(struct hc_debug_info *info, struct question *question)
{
    static const char *const kinds[] = {"scalar", "pointer", "struct", "array", "bits"};
    const struct hc_field *field = &question->field;
    if (strcmp(question->verb, "pointers") == 0) {
        printf("pointers");
        HC_TRY(hc_debug_info_each_pointer(info, question->first, optional(question->second), question->third,
                                          print_pointer, NULL));
        printf("\n");
    } else if (strcmp(question->verb, "symbol") == 0) {
        uint64_t address, size;
        if (hc_debug_info_find_symbol(info, question->first, optional(question->second), &address, &size))
            printf("%" PRIu64 " %" PRIu64 "\n", address, size);
        else
            printf("absent\n");
    } else if (field->present) {
        printf("%" PRIu64 " %" PRIu64 " %s %u %u\n", field->offset, field->size, kinds[field->kind],
               field->bit_offset, field->bit_size);
    } else {
        printf("absent\n");
    }
    return NULL;
}

static struct hc_error *run(const struct hc_module *module, const struct hc_debug_options *options,
                            bool timed)
{
    static struct question questions[MAX_QUESTIONS];
    static struct hc_field_request requests[MAX_QUESTIONS];
    static struct hc_field fields[MAX_QUESTIONS];
    char line[1024];
    size_t count = 0, asked = 0;
    while (count < MAX_QUESTIONS && fgets(line, sizeof(line), stdin)) {
        struct question *question = &questions[count];
        if (sscanf(line, "%15s %127s %255s %255s", question->verb, question->first, question->second,
                   question->third) < 1)
            continue;
        count++;
        if (strcmp(question->verb, "field") == 0)
            requests[asked++] = (struct hc_field_request){question->first, optional(question->second),
                                                          optional(question->third)};
    }
    double start = now();
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = NULL;
    HC_TRY(hc_debug_info_open(module, options, &info));
    double opened = now();
    HC_TRY(hc_debug_info_find_fields(info, requests, asked, fields));
    double found = now();
    uint64_t ignored;
    hc_debug_info_find_symbol(info, "_PyRuntime", NULL, &ignored, NULL);
    double symbols = now();
    if (timed)
        printf("%s: open %.1f ms, %zu fields %.1f ms, symbol table %.1f ms\n", hc_debug_info_file(info),
               opened - start, asked, found - opened, symbols - found);
    for (size_t i = 0, next = 0; i < count; i++) {
        if (strcmp(questions[i].verb, "field") == 0)
            questions[i].field = fields[next++];
        HC_TRY(answer(info, &questions[i]));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    struct hc_debug_options options = {0};
    bool timed = false;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--time") == 0)
            timed = true;
        else if (i + 1 < argc && strcmp(argv[i], "--debug-dir") == 0)
            options.debug_dir = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--sysroot") == 0)
            options.sysroot = argv[++i];
        else
            return 2;
    }
    _cleanup_(hc_closep) int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(argv[1]);
        return 2;
    }
    struct hc_module module = {.path = argv[1], .file = argv[1], .fd = fd};
    _cleanup_(hc_error_destroyp) struct hc_error *error = run(&module, &options, timed);
    if (error) {
        fprintf(stderr, "%s\n", hc_error_message(error));
        return 1;
    }
    return 0;
}
