// The C struct behind an object: its members by their own names, and how relations call them.
#include "base/cleanup.h"
#include "python/type_members.h"
#include "query/objects.h"

#include <stdio.h>
#include <string.h>

static void write_relation(FILE *file, const struct hc_type *type, const struct hc_type_members *members,
                           const struct hc_struct_member *member)
{
    if ((int64_t)member->offset == type->dictoffset) {
        fputs(".__dict__", file);
        return;
    }
    for (size_t i = 0; i < members->count; i++)
        if (members->items[i].offset == member->offset && members->items[i].kind == HC_LINK_ATTRIBUTE) {
            fprintf(file, ".%s", members->items[i].name);
            return;
        }
    fprintf(file, "->%s%s", member->name, member->kind == HC_MEMBER_ITEMS || member->is_open ? "[N]" : "");
}

static void write_struct(FILE *file, const struct hc_type *type, const struct hc_type_members *members)
{
    const struct hc_struct *structure = &members->native->structure;
    const char *divider = "";
    fprintf(file, "%s {", structure->name);
    for (size_t i = 0; i < structure->members.count; i++) {
        const struct hc_struct_member *member = &structure->members.items[i];
        if (member->kind == HC_MEMBER_COUNT || !strcmp(member->name, "ob_type"))
            continue;
        fprintf(file, "%s%s: ", divider, member->name);
        divider = ", ";
        if (member->block == HC_NO_BLOCK)
            write_relation(file, type, members, member);
        else
            fprintf(file, "->%s%s", member->name, member->kind == HC_MEMBER_ITEMS ? "[N]" : "");
    }
    fputc('}', file);
}

// A decoder's row has the name of the struct, and knows its members by what relations call them.
static void write_row(FILE *file, const struct hc_type *type, const struct hc_type_members *members)
{
    const char *structure = type->layout ? type->layout->row->structure : NULL;
    if (!structure && !members->count) {
        fputs("not known", file);
        return;
    }
    fprintf(file, "%s {", structure ? structure : type->name);
    for (size_t i = 0; i < members->count; i++)
        fprintf(file, "%s%s%s", i ? ", " : "", members->items[i].kind == HC_LINK_ATTRIBUTE ? "." : "->",
                members->items[i].name);
    fputc('}', file);
}

static struct hc_error *describe(struct hc_relater *relater, const struct hc_type *type, char **ret)
{
    const struct hc_type_members *members = hc_type_members_get(relater, type);
    size_t size;
    FILE *file = members ? open_memstream(ret, &size) : NULL;
    if (!file)
        return hc_error_out_of_memory();
    if (members->native)
        write_struct(file, type, members);
    else
        write_row(file, type, members);
    bool is_whole = !ferror(file);
    if (fclose(file) == 0 && is_whole)
        return NULL;
    free(*ret);
    *ret = NULL;
    return hc_error_out_of_memory();
}

static struct hc_error *get_structure(struct hc_evaluation *evaluation, const struct hc_answer *self,
                                      struct hc_answer *ret)
{
    (void)evaluation;
    const struct hc_object_thing *object = (const struct hc_object_thing *)self->thing;
    _cleanup_(hc_relater_deinit) struct hc_relater relater = {0};
    HC_TRY(hc_universe_tracer(object->universe, &relater.tracer));
    HC_TRY(describe(&relater, hc_graph_type(object->universe->graph, (hc_object_id){object->object}),
                    &ret->text));
    ret->type = HC_ANSWER_TEXT;
    return NULL;
}

const struct hc_attribute hc_structure_attributes[] = {
    {.name = "cstruct",
     .get = get_structure,
     .help = "Is the C struct behind the object: the members that may lead to objects, and how relations "
             "call them. "
             "Names come from the debug information of the module that makes the type.",
     .example = "h.byid[0].theone.cstruct"},
    {0},
};
