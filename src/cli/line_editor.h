// Lines of input on a terminal that can move its cursor, by libedit: editing, history, completion.
#pragma once

#include "cli/line_reader.h"
#include "query/complete.h"

struct hc_line_editor;

typedef struct hc_error *hc_complete_fn(void *argument, const char *line, size_t cursor,
                                        struct hc_completion *ret);

// NULL if the terminal is none that can be used so.
struct hc_line_editor *hc_line_editor_create(hc_complete_fn *complete, void *argument);
void hc_line_editor_destroy(struct hc_line_editor *editor);
HC_DEFINE_POINTER_CLEANUP(hc_line_editor_destroy, struct hc_line_editor)

struct hc_error *hc_line_editor_read(struct hc_line_editor *editor, const char *prompt,
                                     enum hc_line_status *ret_status, char **ret);
// Adds to what the arrow keys bring back.
void hc_line_editor_remember(struct hc_line_editor *editor, const char *line);
