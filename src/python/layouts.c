#include "python/layouts.h"

#include "python/types.h"

#include <stdio.h>
#include <string.h>

HC_DEFINE_VECTOR(request_vector, struct hc_field_request)

static const struct hc_field_request field_requests[HC_FIELD_COUNT] = {
#define HC_FIELD_REQUEST(name, structure, member, unit, needed) {structure, member, unit},
    HC_PYTHON_FIELDS(HC_FIELD_REQUEST)
#undef HC_FIELD_REQUEST
};

static const bool field_needed[HC_FIELD_COUNT] = {
#define HC_FIELD_NEEDED(name, structure, member, unit, needed) needed,
    HC_PYTHON_FIELDS(HC_FIELD_NEEDED)
#undef HC_FIELD_NEEDED
};

// Member names that a request points into; divided strings stay where they are once made.
struct name_store {
    char *text;
    size_t used, capacity;
};

static const char *store_name(struct name_store *store, const char *name, size_t length)
{
    if (store->capacity - store->used < length + 1)
        return NULL;
    char *kept = store->text + store->used;
    memcpy(kept, name, length);
    kept[length] = '\0';
    store->used += length + 1;
    return kept;
}

// One request per alternative of `members`, which are divided by a character of `divider`. What stands behind
// "=" is stored behind the member's name.
static bool add_requests(struct request_vector *requests, struct name_store *store, const char *structure,
                         const char *members, const char *divider, const char *unit)
{
    for (const char *at = members; *at;) {
        size_t length = strcspn(at, divider), own = strcspn(at, "=");
        const char *member = store_name(store, at, own < length ? own : length);
        if (!member || (own < length && !store_name(store, at + own + 1, length - own - 1)) ||
            !request_vector_push(requests, (struct hc_field_request){structure, member, unit}))
            return false;
        at += length + (at[length] != '\0');
    }
    return true;
}

static size_t row_count(void)
{
    size_t count = 0;
    for (size_t family = 0; hc_type_families[family]; family++)
        for (const struct hc_type_row *row = hc_type_families[family]; row->names; row++)
            count++;
    return count;
}

static size_t names_size(void)
{
    size_t size = 0;
    for (size_t i = 0; i < HC_FIELD_COUNT; i++)
        size += field_requests[i].member ? strlen(field_requests[i].member) + 2 : 0;
    for (size_t family = 0; hc_type_families[family]; family++)
        for (const struct hc_type_row *row = hc_type_families[family]; row->names; row++)
            size += (row->visits ? strlen(row->visits) + 2 : 0) + (row->holds ? strlen(row->holds) + 2 : 0);
    return size;
}

static bool build_requests(struct request_vector *requests, struct name_store *store)
{
    for (size_t i = 0; i < HC_FIELD_COUNT; i++) {
        const struct hc_field_request *request = &field_requests[i];
        bool added = request->member ? add_requests(requests, store, request->structure, request->member, "|",
                                                    request->unit)
                                     : request_vector_push(requests, *request);
        if (!added)
            return false;
    }
    for (size_t family = 0; hc_type_families[family]; family++)
        for (const struct hc_type_row *row = hc_type_families[family]; row->names; row++) {
            struct hc_field_request whole = {row->structure, NULL, row->unit};
            if (row->structure && !request_vector_push(requests, whole))
                return false;
            if (row->visits && !add_requests(requests, store, row->structure, row->visits, " ", row->unit))
                return false;
            if (row->holds && !add_requests(requests, store, row->structure, row->holds, " ", row->unit))
                return false;
        }
    return true;
}

static size_t alternatives(const char *member)
{
    size_t count = 1;
    for (; member && *member; member++)
        count += *member == '|';
    return count;
}

static uint32_t offset_of(const struct hc_field_request *request, const struct hc_field *field)
{
    uint64_t value = request->member ? field->offset : field->size;
    return field->present && value < HC_ABSENT ? (uint32_t)value : HC_ABSENT;
}

// Takes the first alternative that is there; returns how many requests were used.
static size_t resolve_field(struct hc_layouts *layouts, size_t id, const struct hc_field *found)
{
    size_t count = alternatives(field_requests[id].member);
    size_t chosen = 0;
    while (chosen + 1 < count && !found[chosen].present)
        chosen++;
    layouts->fields[id] = found[chosen];
    // A size of zero would be divided by, or stepped by.
    layouts->fields[id].present &= field_requests[id].member || found[chosen].size;
    ((uint32_t *)&layouts->at)[id] = offset_of(&field_requests[id], &layouts->fields[id]);
    return count;
}

static size_t resolve_members(const struct hc_field_request *requests, const struct hc_field *found,
                              const char *members, uint32_t *offsets, struct hc_member_name *names,
                              uint8_t *count)
{
    size_t used = 0;
    for (const char *at = members; at && *at; used++) {
        size_t length = strcspn(at, " ");
        if (found[used].present && *count < HC_ROW_MEMBERS) {
            const char *name = requests[used].member;
            bool is_attribute = strcspn(at, "=") < length;
            if (is_attribute && at[length - 1] != '=')
                name += strlen(name) + 1; // add_requests() put it there
            names[*count] = (struct hc_member_name){name, is_attribute};
            offsets[(*count)++] = offset_of(&requests[used], &found[used]);
        }
        at += length + (at[length] != '\0');
    }
    return used;
}

static void resolve_rows(struct hc_layouts *layouts, const struct hc_field_request *requests,
                         const struct hc_field *found)
{
    struct hc_row_layout *layout = layouts->rows;
    for (size_t family = 0; hc_type_families[family]; family++)
        for (const struct hc_type_row *row = hc_type_families[family]; row->names; row++, layout++) {
            *layout = (struct hc_row_layout){
                .row = row, .size = row->structure ? offset_of(requests++, found++) : HC_ABSENT};
            size_t used = resolve_members(requests, found, row->visits, layout->visits, layout->visit_names,
                                          &layout->visit_count);
            requests += used;
            found += used;
            used = resolve_members(requests, found, row->holds, layout->holds, layout->hold_names,
                                   &layout->hold_count);
            requests += used;
            found += used;
        }
}

static struct hc_error *check_needed(const struct hc_layouts *layouts, const char *file)
{
    if (layouts->fields[HC_FIELD_object_owner].present)
        return hc_error_create(
            "%s is of a free-threaded build of CPython, which heapcore does not read; run the "
            "program with a build that has the global interpreter lock",
            file);
    for (size_t i = 0; i < HC_FIELD_COUNT; i++)
        if (field_needed[i] && !layouts->fields[i].present)
            return hc_error_create("%s has no layout of %s%s%s; is it of CPython 3.6 or later, and complete?",
                                   file, field_requests[i].structure, field_requests[i].member ? "." : "",
                                   field_requests[i].member ? field_requests[i].member : "");
    return NULL;
}

struct hc_error *hc_layouts_init(struct hc_layouts *layouts, struct hc_debug_info *debug_info)
{
    _Static_assert(sizeof(struct hc_offsets) == HC_FIELD_COUNT * sizeof(uint32_t), "offsets are an array");
    *layouts = (struct hc_layouts){0};
    _cleanup_(request_vector_deinit) struct request_vector requests = {0};
    struct name_store store = {.capacity = names_size()};
    layouts->names = store.text = malloc(store.capacity);
    layouts->rows = calloc(row_count() + 1, sizeof(*layouts->rows));
    if (!store.text || !layouts->rows || !build_requests(&requests, &store))
        return hc_error_out_of_memory();
    _cleanup_(hc_freep) struct hc_field *found = calloc(requests.count, sizeof(*found));
    layouts->entries.items = calloc(requests.count, sizeof(*layouts->entries.items));
    if (!found || !layouts->entries.items)
        return hc_error_out_of_memory();
    HC_TRY(hc_debug_info_find_fields(debug_info, requests.items, requests.count, found));

    size_t next = 0;
    for (size_t id = 0; id < HC_FIELD_COUNT; id++)
        next += resolve_field(layouts, id, found + next);
    resolve_rows(layouts, requests.items + next, found + next);
    for (size_t i = 0; i < requests.count; i++)
        layouts->entries.items[layouts->entries.count++] = (struct hc_layout_entry){
            .structure = requests.items[i].structure, .member = requests.items[i].member, .field = found[i]};
    return check_needed(layouts, hc_debug_info_file(debug_info));
}

void hc_layouts_deinit(struct hc_layouts *layouts)
{
    free(layouts->rows);
    free(layouts->entries.items);
    free(layouts->names);
    *layouts = (struct hc_layouts){0};
}
