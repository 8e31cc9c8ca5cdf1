// Paths of the process under study, looked up below a root of our own.
#include "image/internal.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct walk {
    char result[PATH_MAX];
    size_t length;
    size_t root_length;
    char pending[PATH_MAX];
};

static bool push_component(struct walk *walk, const char *name, size_t length)
{
    if (walk->length + 1 + length >= sizeof(walk->result))
        return false;
    walk->result[walk->length++] = '/';
    memcpy(walk->result + walk->length, name, length);
    walk->length += length;
    walk->result[walk->length] = '\0';
    return true;
}

static void pop_component(struct walk *walk)
{
    while (walk->length > walk->root_length && walk->result[--walk->length] != '/')
        ;
    walk->result[walk->length] = '\0';
}

// Puts the target of the link that was just pushed, if it is one, in front of what is pending.
static int follow_link(struct walk *walk, const char *rest)
{
    char target[PATH_MAX];
    ssize_t length = readlink(walk->result, target, sizeof(target));
    if (length < 0)
        return 0;
    size_t rest_length = strlen(rest);
    if (length == sizeof(target) || length + 1 + rest_length >= sizeof(walk->pending))
        return -1;
    pop_component(walk);
    if (target[0] == '/') {
        walk->length = walk->root_length;
        walk->result[walk->length] = '\0';
    }
    memmove(walk->pending + length + 1, rest, rest_length + 1);
    memcpy(walk->pending, target, length);
    walk->pending[length] = '/';
    return 1;
}

static int resolve(struct walk *walk)
{
    enum { LINK_LIMIT = 40 };
    int links = 0;
    const char *cursor = walk->pending;
    for (;;) {
        cursor += strspn(cursor, "/");
        size_t length = strcspn(cursor, "/");
        if (length == 0)
            return 0;
        const char *name = cursor;
        cursor += length;
        if (length == 1 && name[0] == '.')
            continue;
        if (length == 2 && name[0] == '.' && name[1] == '.') {
            pop_component(walk);
            continue;
        }
        if (!push_component(walk, name, length))
            return ENAMETOOLONG;
        int followed = follow_link(walk, cursor);
        if (followed < 0)
            return ENAMETOOLONG;
        if (followed > 0) {
            if (++links > LINK_LIMIT)
                return ELOOP;
            cursor = walk->pending;
        }
    }
}

char *hc_path_resolve_below(const char *root, const char *path)
{
    if (root[0] == '\0')
        return strdup(path);
    _cleanup_(hc_freep) struct walk *walk = calloc(1, sizeof(*walk));
    if (!walk)
        return NULL;
    size_t root_length = strlen(root);
    while (root_length > 0 && root[root_length - 1] == '/')
        root_length--;
    if (root_length >= sizeof(walk->result) || strlen(path) >= sizeof(walk->pending)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(walk->result, root, root_length);
    walk->length = walk->root_length = root_length;
    strcpy(walk->pending, path);
    int error = resolve(walk);
    if (error) {
        errno = error;
        return NULL;
    }
    return strdup(walk->result);
}
