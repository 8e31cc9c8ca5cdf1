#include "sets/statistics.h"

#include "base/interrupt.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct hc_statistics *hc_statistics_keep(struct hc_statistics *statistics)
{
    statistics->references++;
    return statistics;
}

void hc_statistics_release(struct hc_statistics *statistics)
{
    if (!statistics || --statistics->references)
        return;
    for (size_t i = 0; i < statistics->rows.count; i++)
        free(statistics->rows.items[i].name);
    hc_statistics_row_vector_deinit(&statistics->rows);
    free(statistics->kind_header);
    free(statistics->kind_name);
    free(statistics);
}

static double now(void)
{
    struct timespec time;
    return clock_gettime(CLOCK_REALTIME, &time) ? 0 : (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Without rows. NULL: out of memory.
static struct hc_statistics *create(enum hc_statistics_format format, const char *kind_header,
                                    const char *kind_name)
{
    struct hc_statistics *statistics = calloc(1, sizeof(*statistics));
    if (!statistics)
        return NULL;
    statistics->references = 1;
    statistics->format = format;
    statistics->time_made = now();
    statistics->kind_header = strdup(kind_header);
    statistics->kind_name = strdup(kind_name);
    if (statistics->kind_header && statistics->kind_name)
        return statistics;
    hc_statistics_release(statistics);
    return NULL;
}

// Totals included.
static struct hc_error *add_row(struct hc_statistics *statistics, const char *name, int64_t count,
                                int64_t size)
{
    if (__builtin_add_overflow(statistics->count, count, &statistics->count) ||
        __builtin_add_overflow(statistics->size, size, &statistics->size))
        return hc_error_create("the rows of the table add up to more than 2^63");
    struct hc_statistics_row row = {.name = name ? strdup(name) : NULL, .count = count, .size = size};
    if (!row.name || !hc_statistics_row_vector_push(&statistics->rows, row)) {
        free(row.name);
        return hc_error_out_of_memory();
    }
    return NULL;
}

struct hc_error *hc_statistics_of(struct hc_partition *partition, struct hc_statistics **ret)
{
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics =
        create(HC_STATISTICS_SET, partition->kind_header, "");
    if (!statistics || !hc_statistics_row_vector_reserve(&statistics->rows, partition->row_count))
        return hc_error_out_of_memory();
    for (size_t i = 0; i < partition->row_count; i++) {
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(add_row(statistics, hc_partition_name(partition, i), (int64_t)partition->rows[i].count,
                       (int64_t)partition->rows[i].size));
    }
    *ret = hc_take(statistics);
    return NULL;
}

struct hc_error *hc_statistics_of_identity(struct hc_identity *identity, struct hc_statistics **ret)
{
    bool is_objects = identity->look == HC_IDENTITY_OBJECTS;
    _cleanup_(hc_freep) char *kind_name = NULL;
    if (asprintf(&kind_name, "<%s>", identity->is_mixed ? "mixed" : identity->kind_name) < 0) {
        kind_name = NULL;
        return hc_error_out_of_memory();
    }
    _cleanup_(hc_statistics_releasep) struct hc_statistics *statistics = create(
        is_objects ? HC_STATISTICS_ID : HC_STATISTICS_SET, identity->header, is_objects ? kind_name : "");
    if (!statistics)
        return hc_error_out_of_memory();
    HC_TRY(hc_identity_settle(identity, 0, identity->count));
    for (size_t i = 0; i < identity->count; i++) {
        _cleanup_(hc_freep) char *name = NULL;
        if (i % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(hc_identity_name(identity, i, &name));
        HC_TRY(add_row(statistics, name, 1, (int64_t)hc_identity_size(identity, i)));
    }
    *ret = hc_take(statistics);
    return NULL;
}

struct hc_error *hc_statistics_slice(const struct hc_statistics *statistics, size_t first, size_t end,
                                     struct hc_statistics **ret)
{
    _cleanup_(hc_statistics_releasep) struct hc_statistics *slice =
        create(statistics->format, statistics->kind_header, statistics->kind_name);
    if (!slice)
        return hc_error_out_of_memory();
    slice->time_made = statistics->time_made;
    slice->b_count = statistics->b_count;
    slice->b_size = statistics->b_size;
    for (size_t i = first; i < end; i++) {
        const struct hc_statistics_row *row = &statistics->rows.items[i];
        HC_TRY(add_row(slice, row->name, row->count, row->size));
    }
    *ret = hc_take(slice);
    return NULL;
}

// A row of A, of B, or of their difference.
struct entry {
    const char *name;
    int64_t count, size;
    size_t place; // in the order of A's rows, then B's
    bool is_b;
};

static int by_name(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order)
        return order;
    return left->place < right->place ? -1 : left->place > right->place;
}

static uint64_t magnitude(int64_t size)
{
    return size < 0 ? -(uint64_t)size : (uint64_t)size;
}

static int by_magnitude(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    if (magnitude(left->size) != magnitude(right->size))
        return magnitude(left->size) < magnitude(right->size) ? 1 : -1;
    return left->place < right->place ? -1 : left->place > right->place;
}

static bool add_to(struct entry *total, const struct entry *entry)
{
    return !__builtin_add_overflow(total->count, entry->count, &total->count) &&
           !__builtin_add_overflow(total->size, entry->size, &total->size);
}

static struct hc_error *too_large(void)
{
    return hc_error_create("the difference of the tables is more than 2^63");
}

// What rows of one name come to; B's stand behind A's. The first row of A that makes a difference gives the
// place; a name that only B has keeps its place there.
static struct hc_error *subtract_name(const struct entry *entries, size_t count, struct entry *ret,
                                      bool *ret_differs)
{
    struct entry b = {0};
    size_t own = 0;
    while (own < count && !entries[own].is_b)
        own++;
    for (size_t i = own; i < count; i++)
        if (!add_to(&b, &entries[i]))
            return too_large();
    if (__builtin_sub_overflow(0, b.count, &b.count) || __builtin_sub_overflow(0, b.size, &b.size))
        return too_large();
    *ret_differs = !own;
    *ret = entries[0];
    ret->count = own ? 0 : b.count;
    ret->size = own ? 0 : b.size;
    for (size_t i = 0; i < own; i++) {
        struct entry difference = entries[i];
        if (!i && !add_to(&difference, &b))
            return too_large();
        if (!difference.count && !difference.size)
            continue;
        if (!*ret_differs)
            ret->place = difference.place;
        *ret_differs = true;
        if (!add_to(ret, &difference))
            return too_large();
    }
    return NULL;
}

// `entries`, with one left a name.
static struct hc_error *merge(struct entry *entries, size_t count, size_t *ret)
{
    size_t kept = 0;
    for (size_t first = 0, end; first < count; first = end) {
        struct entry difference;
        bool differs = false;
        for (end = first + 1; end < count && !strcmp(entries[end].name, entries[first].name);)
            end++;
        HC_TRY(subtract_name(entries + first, end - first, &difference, &differs));
        if (differs && (difference.count || difference.size))
            entries[kept++] = difference;
    }
    *ret = kept;
    return NULL;
}

struct hc_error *hc_statistics_subtract(const struct hc_statistics *a, const struct hc_statistics *b,
                                        struct hc_statistics **ret)
{
    if (strcmp(a->kind_header, b->kind_header))
        return hc_error_create("tables by '%s' and by '%s' cannot be subtracted", a->kind_header,
                               b->kind_header);
    size_t count = a->rows.count + b->rows.count;
    _cleanup_(hc_freep) struct entry *entries = calloc(count + 1, sizeof(*entries));
    _cleanup_(hc_statistics_releasep) struct hc_statistics *difference =
        create(HC_STATISTICS_DIFF, a->kind_header, a->kind_name);
    if (!entries || !difference)
        return hc_error_out_of_memory();
    for (size_t i = 0; i < count; i++) {
        bool is_b = i >= a->rows.count;
        const struct hc_statistics_row *row = is_b ? &b->rows.items[i - a->rows.count] : &a->rows.items[i];
        entries[i] = (struct entry){row->name, row->count, row->size, i, is_b};
    }
    qsort(entries, count, sizeof(*entries), by_name);
    HC_TRY(merge(entries, count, &count));
    qsort(entries, count, sizeof(*entries), by_magnitude);
    difference->b_count = b->count;
    difference->b_size = b->size;
    for (size_t i = 0; i < count; i++)
        HC_TRY(add_row(difference, entries[i].name, entries[i].count, entries[i].size));
    *ret = hc_take(difference);
    return NULL;
}
