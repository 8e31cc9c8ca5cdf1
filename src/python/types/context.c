// Context, ContextVar and Token of contextvars.
#include "python/types/families.h"

const struct hc_type_row hc_context_types[] = {
    {.names = "Context|_contextvars.Context",
     .structure = "_pycontextobject",
     .unit = "Python/context.c",
     .visits = "ctx_prev ctx_vars"},
    {.names = "ContextVar|_contextvars.ContextVar",
     .structure = "_pycontextvarobject",
     .unit = "Python/context.c",
     .visits = "var_name=name var_default"},
    {.names = "Token|_contextvars.Token",
     .structure = "_pycontexttokenobject",
     .unit = "Python/context.c",
     .visits = "tok_ctx tok_var=var tok_oldval=old_value"},
    {0},
};
