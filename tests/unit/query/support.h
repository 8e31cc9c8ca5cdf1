// What the tests of this folder share.
#pragma once

#include "query/parser.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

// The statements of `source`, parentheses around every operation, separated by "; "; or the error's message.
// Free it.
char *render(const char *source);
// How long the deepest path of the tree is, by walking it; fails the test where a node's depth is wrong, its
// span leaves the source, or does not hold those of its children.
unsigned measure(const struct hc_ast *ast);
