#include "cli/line_editor.h"

#include "base/interrupt.h"
#include "base/utf8.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum {
    HISTORY_SIZE = 1000,
    LISTED = 200, // of the names that fit
    TERMINAL_WIDTH = 80,
};

struct hc_line_editor {
    EditLine *edit;
    HistoryW *history;
    wchar_t prompt[16];
    hc_complete_fn *complete;
    void *argument;
};

static wchar_t *get_prompt(EditLine *edit)
{
    struct hc_line_editor *editor;
    el_wget(edit, EL_CLIENTDATA, &editor);
    return editor->prompt;
}

// UTF-8 whatever the locale says. Free it.
static char *to_utf8(const wchar_t *text, size_t length)
{
    char *bytes = malloc(4 * length + 1), *end = bytes;
    for (size_t i = 0; bytes && i < length; i++)
        end += hc_utf8_encode((uint32_t)text[i], end);
    if (bytes)
        *end = '\0';
    return bytes;
}

static wchar_t *from_utf8(const char *text)
{
    size_t left = strlen(text);
    wchar_t *wide = calloc(left + 1, sizeof(*wide)), *end = wide;
    while (wide && left) {
        uint32_t c;
        size_t length = hc_utf8_decode(text, left, &c);
        *end++ = length ? (wchar_t)c : L'?';
        text += length ? length : 1;
        left -= length ? length : 1;
    }
    return wide;
}

// 1, or 0 at the end, or -1.
static int read_byte(int descriptor, char *ret)
{
    ssize_t length = -1;
    if (!hc_input_wait(descriptor))
        return -1;
    do
        length = read(descriptor, ret, 1);
    while (length < 0 && errno == EINTR && !hc_interrupt_is_requested());
    return (int)length;
}

// One character of the terminal: 1, or 0 at the end, or -1.
static int read_character(EditLine *edit, wchar_t *ret)
{
    char bytes[4];
    FILE *input;
    (void)edit;
    el_wget(edit, EL_GETFP, 0, &input);
    for (size_t length = 1;; length++) {
        uint32_t c;
        int status = read_byte(fileno(input), &bytes[length - 1]);
        if (status != 1)
            return status;
        if (!hc_utf8_decode(bytes, length, &c) && length < sizeof(bytes) && (unsigned char)bytes[0] >= 0xc0)
            continue;
        *ret = hc_utf8_decode(bytes, length, &c) ? (wchar_t)c : L'?';
        return 1;
    }
}

// How long the beginning is that all names share.
static size_t common_length(const struct hc_name_vector *names)
{
    size_t length = strlen(names->items[0]);
    for (size_t i = 1; i < names->count; i++) {
        size_t same = 0;
        while (same < length && names->items[i][same] == names->items[0][same])
            same++;
        length = same;
    }
    return length;
}

static void list(const struct hc_name_vector *names)
{
    size_t width = 0;
    for (size_t i = 0; i < names->count && i < LISTED; i++)
        width = strlen(names->items[i]) > width ? strlen(names->items[i]) : width;
    size_t columns = TERMINAL_WIDTH / (width + 2);
    columns = columns ? columns : 1;
    for (size_t i = 0; i < names->count && i < LISTED; i++)
        printf("%s%-*s", i % columns ? "  " : "\n", (int)width, names->items[i]);
    printf(names->count > LISTED ? "\n… and %zu more\n" : "\n", names->count - LISTED);
    fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key)
{
    struct hc_line_editor *editor;
    (void)key;
    el_wget(edit, EL_CLIENTDATA, &editor);
    const LineInfoW *info = el_wline(edit);
    _cleanup_(hc_freep) char *line = to_utf8(info->buffer, (size_t)(info->cursor - info->buffer));
    _cleanup_(hc_completion_deinit) struct hc_completion completion = {0};
    if (!line)
        return CC_ERROR;
    struct hc_error *error = editor->complete(editor->argument, line, strlen(line), &completion);
    hc_error_destroy(error);
    if (error || !completion.names.count)
        return CC_REFRESH_BEEP;
    size_t typed = strlen(line) - completion.start, common = common_length(&completion.names);
    if (common > typed) {
        completion.names.items[0][common] = '\0';
        _cleanup_(hc_freep) wchar_t *rest = from_utf8(completion.names.items[0] + typed);
        return rest && !el_winsertstr(edit, rest) ? CC_REFRESH : CC_ERROR;
    }
    if (completion.names.count == 1)
        return CC_REFRESH;
    list(&completion.names);
    return CC_REDISPLAY;
}

static bool configure(struct hc_line_editor *editor)
{
    HistEventW event;
    EditLine *edit = editor->edit;
    return !history_w(editor->history, &event, H_SETSIZE, HISTORY_SIZE) &&
           !history_w(editor->history, &event, H_SETUNIQUE, 1) && !el_wset(edit, EL_CLIENTDATA, editor) &&
           !el_wset(edit, EL_PROMPT, get_prompt) && !el_wset(edit, EL_EDITOR, L"emacs") &&
           !el_wset(edit, EL_SIGNAL, 1) && !el_wset(edit, EL_HIST, history_w, editor->history) &&
           !el_wset(edit, EL_GETCFN, read_character) &&
           !el_wset(edit, EL_ADDFN, L"complete", L"Complete a name", complete) &&
           !el_wset(edit, EL_BIND, L"^I", L"complete", NULL) &&
           !el_wset(edit, EL_BIND, L"^R", L"em-inc-search-prev", NULL);
}

struct hc_line_editor *hc_line_editor_create(hc_complete_fn *complete_line, void *argument)
{
    struct hc_line_editor *editor = calloc(1, sizeof(*editor));
    if (!editor)
        return NULL;
    *editor = (struct hc_line_editor){.complete = complete_line, .argument = argument};
    editor->history = history_winit();
    editor->edit = el_init("heapcore", stdin, stdout, stderr);
    if (!editor->history || !editor->edit || !configure(editor)) {
        hc_line_editor_destroy(editor);
        return NULL;
    }
    el_source(editor->edit, NULL); // the user's ~/.editrc
    return editor;
}

void hc_line_editor_destroy(struct hc_line_editor *editor)
{
    if (!editor)
        return;
    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_wend(editor->history);
    free(editor);
}

struct hc_error *hc_line_editor_read(struct hc_line_editor *editor, const char *prompt,
                                     enum hc_line_status *ret_status, char **ret)
{
    int length;
    swprintf(editor->prompt, sizeof(editor->prompt) / sizeof(*editor->prompt), L"%s", prompt);
    // Before the prompt is seen: or the terminal's own echo would get keys that come at once.
    el_wset(editor->edit, EL_PREP_TERM, 1);
    const wchar_t *line = el_wgets(editor->edit, &length);
    *ret = NULL;
    *ret_status = hc_interrupt_is_requested() ? HC_LINE_INTERRUPTED : HC_LINE_END;
    if (!line || length <= 0 || *ret_status == HC_LINE_INTERRUPTED)
        return NULL;
    size_t count = (size_t)length;
    count -= line[count - 1] == L'\n';
    *ret = to_utf8(line, count);
    *ret_status = HC_LINE_READ;
    return *ret ? NULL : hc_error_out_of_memory();
}

void hc_line_editor_remember(struct hc_line_editor *editor, const char *line)
{
    HistEventW event;
    _cleanup_(hc_freep) wchar_t *wide = from_utf8(line);
    if (wide)
        history_w(editor->history, &event, H_ENTER, wide);
}
