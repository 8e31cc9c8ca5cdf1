// How a path reads.
#include "sets/paths.h"

#include "python/value.h"

#include <inttypes.h>
#include <stdio.h>

static void write_name(FILE *file, const char *before, const char *name, const char *after)
{
    fputs(before, file);
    for (const char *c = name ? name : "?"; *c; c++)
        if (*c == '\n')
            fputs("\\n", file);
        else
            fputc(*c, file);
    fputs(after, file);
}

static void write_number(FILE *file, const char *before, uint64_t number)
{
    fprintf(file, "%s[%" PRIu64 "]", before, number);
}

struct hc_error *hc_path_write_link(FILE *file, struct hc_tracer *tracer, const struct hc_link *link)
{
    _cleanup_(hc_freep) char *key = NULL;
    switch ((enum hc_link_kind)link->kind) {
    case HC_LINK_ATTRIBUTE:
    case HC_LINK_ROOT:
        write_name(file, ".", link->name, "");
        break;
    case HC_LINK_VALUE:
        if (!(key = hc_value_repr_limited(tracer, link->key)))
            return hc_error_out_of_memory();
        write_name(file, "[", key, "]");
        break;
    case HC_LINK_ITEM:
    case HC_LINK_MEMBER: // what stands before it all says that this is a set
        write_number(file, "", link->number);
        break;
    case HC_LINK_KEY:
        write_number(file, ".keys()", link->number);
        break;
    case HC_LINK_INTERNAL:
        write_name(file, "->", link->name, "");
        break;
    case HC_LINK_HASATTR:
        write_number(file, ".__dict__.keys()", link->number);
        break;
    case HC_LINK_LOCAL:
        write_name(file, ".f_locals['", link->name, "']");
        break;
    case HC_LINK_CELL:
        write_name(file, ".f_locals ['", link->name, "']");
        break;
    case HC_LINK_STACK:
        write_number(file, "->f_valuestack", link->number);
        break;
    case HC_LINK_UNKNOWN:
    case HC_LINK_KIND_COUNT:
        fputs(".??", file);
    }
    return NULL;
}

static const struct hc_link *link_at(const struct hc_path_walk *walk, size_t index)
{
    const struct hc_path_fork *fork = &walk->forks.items[index];
    return &fork->links[fork->chosen].link;
}

static struct hc_error *write_path(struct hc_path_walk *walk, const char *source, FILE *file)
{
    const struct hc_path_start *start = &walk->paths->starts[walk->start];
    for (size_t i = 0; i < walk->forks.count; i++) // a set's member is list(…)[N]
        if (link_at(walk, i)->kind == HC_LINK_MEMBER)
            fputs("list(", file);
    fputs(source, file);
    if (start->link)
        HC_TRY(hc_path_write_link(file, walk->relater.tracer, &start->link->link));
    for (size_t i = 0; i < walk->forks.count; i++) {
        if (link_at(walk, i)->kind == HC_LINK_MEMBER)
            fputc(')', file);
        HC_TRY(hc_path_write_link(file, walk->relater.tracer, link_at(walk, i)));
    }
    return NULL;
}

struct hc_error *hc_path_walk_text(struct hc_path_walk *walk, const char *source, char **ret)
{
    _cleanup_(hc_freep) char *text = NULL;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    if (!file)
        return hc_error_out_of_memory();
    struct hc_error *error = walk->is_at_end ? NULL : write_path(walk, source, file);
    bool is_whole = !fclose(file) && text;
    HC_TRY(error);
    if (!is_whole)
        return hc_error_out_of_memory();
    *ret = hc_take(text);
    return NULL;
}

struct hc_error *hc_path_to(struct hc_universe *universe, uint32_t object, char **ret)
{
    enum { LONGEST = 100 };
    _cleanup_(hc_set_releasep) struct hc_set *target = hc_set_create(universe);
    _cleanup_(hc_paths_destroyp) struct hc_paths *paths = NULL;
    _cleanup_(hc_path_walk_deinit) struct hc_path_walk walk = {0};
    *ret = NULL;
    if (!target)
        return hc_error_out_of_memory();
    hc_set_put(target, object);
    hc_set_seal(target);
    const struct hc_path_request request = {.universe = universe, .targets = target};
    HC_TRY(hc_paths_find(&request, &paths));
    if (paths->length > LONGEST)
        return asprintf(ret, "%" PRIu64 " references away", paths->length) < 0 ? hc_error_out_of_memory()
                                                                               : NULL;
    HC_TRY(hc_path_walk_init(&walk, paths, 0));
    return walk.is_at_end ? NULL : hc_path_walk_text(&walk, "hp.Root", ret);
}
