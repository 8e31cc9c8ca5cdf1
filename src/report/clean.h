// Names come from a dump: before they reach JSON or a terminal they are made harmless.
#pragma once

// A copy that is valid UTF-8: each byte that is not part of any becomes U+FFFD. Free it; NULL: out of memory.
char *hc_clean_utf8(const char *text);
// A copy of valid UTF-8 in which control characters stand as \n or \xNN. Free it; NULL: out of memory.
char *hc_clean_controls(const char *text);
// A copy of several lines that is both, line breaks apart.
char *hc_clean_lines(const char *text);
