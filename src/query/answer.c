#include "query/answer.h"

#include <stdlib.h>
#include <string.h>

static void view_release(struct hc_view *view)
{
    if (!view || --view->references)
        return;
    hc_partition_deinit(&view->partition);
    hc_identity_destroy(view->identity);
    hc_set_release(view->set);
    free(view);
}

static void thing_release(struct hc_thing *thing)
{
    if (thing && !--thing->references)
        thing->class->destroy(thing);
}

void hc_answer_deinit(struct hc_answer *answer)
{
    free(answer->text);
    view_release(answer->view);
    hc_kind_release(answer->kind);
    thing_release(answer->thing);
    if (answer->self) {
        hc_answer_deinit(answer->self);
        free(answer->self);
    }
    *answer = (struct hc_answer){0};
}

struct hc_error *hc_answer_copy(const struct hc_answer *answer, struct hc_answer *ret)
{
    _cleanup_(hc_answer_deinit) struct hc_answer copy = {
        .type = answer->type,
        .integer = answer->integer,
        .first_row = answer->first_row,
        .all_rows = answer->all_rows,
        .function = answer->function,
    };
    if (answer->text && !(copy.text = strdup(answer->text)))
        return hc_error_out_of_memory();
    if (answer->self) {
        if (!(copy.self = calloc(1, sizeof(*copy.self))))
            return hc_error_out_of_memory();
        HC_TRY(hc_answer_copy(answer->self, copy.self));
    }
    copy.kind = answer->kind ? hc_kind_keep(answer->kind) : NULL;
    copy.thing = answer->thing;
    if (copy.thing)
        copy.thing->references++;
    copy.view = answer->view;
    if (copy.view)
        copy.view->references++;
    *ret = copy;
    copy = (struct hc_answer){0};
    return NULL;
}

const char *hc_answer_name(const struct hc_answer *answer)
{
    static const char *const names[] = {
        [HC_ANSWER_NONE] = "None",           [HC_ANSWER_INTEGER] = "an integer", [HC_ANSWER_TRUTH] = "a bool",
        [HC_ANSWER_TEXT] = "a string",       [HC_ANSWER_SET] = "a set",          [HC_ANSWER_KIND] = "a kind",
        [HC_ANSWER_FUNCTION] = "a function", [HC_ANSWER_HEAPY] = "hp",
    };
    return answer->type == HC_ANSWER_THING ? answer->thing->class->name : names[answer->type];
}

struct hc_error *hc_answer_set(struct hc_set *set, const struct hc_classifier *classifier,
                               struct hc_answer *ret)
{
    struct hc_view *view = calloc(1, sizeof(*view));
    if (!view) {
        hc_set_release(set);
        return hc_error_out_of_memory();
    }
    *view = (struct hc_view){.references = 1, .set = set, .classifier = *classifier};
    *ret = (struct hc_answer){.type = HC_ANSWER_SET, .view = view};
    return NULL;
}

struct hc_error *hc_answer_kind(struct hc_kind *kind, struct hc_answer *ret)
{
    if (!kind)
        return hc_error_out_of_memory();
    *ret = (struct hc_answer){.type = HC_ANSWER_KIND, .kind = kind};
    return NULL;
}

struct hc_error *hc_answer_thing(struct hc_thing *thing, const struct hc_thing_class *class,
                                 struct hc_answer *ret)
{
    if (!thing)
        return hc_error_out_of_memory();
    *thing = (struct hc_thing){.class = class, .references = 1};
    *ret = (struct hc_answer){.type = HC_ANSWER_THING, .thing = thing};
    return NULL;
}

struct hc_error *hc_view_divide(struct hc_view *view, struct hc_partition **ret)
{
    if (!view->is_divided)
        HC_TRY(hc_partition_set(view->set, &view->classifier, &view->partition));
    view->is_divided = true;
    *ret = &view->partition;
    return NULL;
}

bool hc_view_is_by_identity(const struct hc_view *view)
{
    return view->classifier.count == 1 &&
           (view->classifier.parts[0] == HC_BY_ID || view->classifier.parts[0] == HC_BY_IDSET);
}

struct hc_error *hc_view_identify(struct hc_view *view, struct hc_identity **ret)
{
    enum hc_identity_look look =
        view->classifier.parts[0] == HC_BY_ID ? HC_IDENTITY_OBJECTS : HC_IDENTITY_SETS;
    if (!view->identity)
        HC_TRY(hc_identity_create(view->set, look, &view->identity));
    *ret = view->identity;
    return NULL;
}

struct hc_error *hc_view_row_count(struct hc_view *view, size_t *ret)
{
    struct hc_partition *partition;
    if (hc_view_is_by_identity(view)) {
        *ret = view->set->count;
        return NULL;
    }
    HC_TRY(hc_view_divide(view, &partition));
    *ret = partition->row_count;
    return NULL;
}

struct hc_error *hc_view_rows(struct hc_view *view, size_t first, size_t end, struct hc_set **ret)
{
    struct hc_partition *partition;
    struct hc_identity *identity;
    if (hc_view_is_by_identity(view)) {
        HC_TRY(hc_view_identify(view, &identity));
        return hc_identity_rows(identity, first, end, ret);
    }
    HC_TRY(hc_view_divide(view, &partition));
    return hc_partition_rows(partition, view->set, first, end, ret);
}

size_t hc_answer_page_end(const struct hc_answer *answer, size_t rows)
{
    size_t left = answer->first_row < rows ? rows - answer->first_row : 0;
    if (answer->all_rows || left <= HC_ANSWER_PAGE + 1)
        return answer->first_row + left;
    return answer->first_row + HC_ANSWER_PAGE;
}
