#include "emulator/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>

static struct hc_unicorn functions;
static bool is_loaded;

static void load(void)
{
    void *library = dlopen("libunicorn.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    is_loaded = true;
#define LOAD(name) is_loaded &= (functions.name = (__typeof__(functions.name))dlsym(library, #name)) != NULL;
    HC_UNICORN_FUNCTIONS(LOAD)
#undef LOAD
}

const struct hc_unicorn *hc_unicorn_load(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return is_loaded ? &functions : NULL;
}
