#include "sets/pattern.h"

#include "base/interrupt.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_LINES = 1000000 };
static const uint64_t MOST_BYTES = 1ull << 30; // of the members of all lines

static void frame_deinit(struct hc_pattern_frame *frame)
{
    hc_partition_deinit(&frame->partition);
    free(frame->objects);
    *frame = (struct hc_pattern_frame){0};
}

static void members_deinit(struct hc_members *members)
{
    free(members->objects);
    hc_set_release(members->set);
    *members = (struct hc_members){0};
}

void hc_pattern_destroy(struct hc_pattern *pattern)
{
    for (size_t i = 0; i < pattern->lines.count; i++) {
        free(pattern->lines.items[i].kind);
        members_deinit(&pattern->lines.items[i].members);
    }
    hc_pattern_line_vector_deinit(&pattern->lines);
    for (size_t i = pattern->first_frame; i < pattern->frames.count; i++)
        frame_deinit(&pattern->frames.items[i]);
    hc_pattern_frame_vector_deinit(&pattern->frames);
    hc_kind_release(pattern->options.stop);
    hc_set_release(pattern->options.source);
    hc_set_release(pattern->reached);
    free(pattern->buckets);
    free(pattern);
}

static bool is_list_smaller(const struct hc_universe *universe, uint64_t count)
{
    return count / 2 <= universe->graph->count / 64;
}

static struct hc_error *members_of_objects(struct hc_universe *universe, const uint32_t *objects,
                                           uint64_t count, struct hc_members *ret)
{
    struct hc_members members = {.count = count};
    if (is_list_smaller(universe, count)) {
        if (!(members.objects = malloc((count + 1) * sizeof(*objects))))
            return hc_error_out_of_memory();
        memcpy(members.objects, objects, count * sizeof(*objects));
    } else {
        if (!(members.set = hc_set_create(universe)))
            return hc_error_out_of_memory();
        for (uint64_t i = 0; i < count; i++)
            hc_set_put(members.set, objects[i]);
        hc_set_seal(members.set);
    }
    *ret = members;
    return NULL;
}

uint32_t hc_members_next(const struct hc_members *members, const struct hc_universe *universe,
                         uint64_t *place, uint32_t from)
{
    if (members->set)
        return hc_set_next(members->set, from);
    return *place < members->count ? members->objects[(*place)++] : universe->graph->count;
}

struct hc_error *hc_pattern_set(const struct hc_pattern *pattern, uint32_t line, struct hc_set **ret)
{
    const struct hc_members *members = &pattern->lines.items[line].members;
    if (members->set) {
        *ret = hc_set_keep(members->set);
        return NULL;
    }
    struct hc_set *set = hc_set_create(pattern->universe);
    if (!set)
        return hc_error_out_of_memory();
    for (uint64_t i = 0; i < members->count; i++)
        hc_set_put(set, members->objects[i]);
    hc_set_seal(set);
    *ret = set;
    return NULL;
}

static uint64_t hash_members(const struct hc_members *members, const struct hc_universe *universe)
{
    uint64_t hash = members->count, place = 0;
    for (uint32_t object = hc_members_next(members, universe, &place, 0); object < universe->graph->count;
         object = hc_members_next(members, universe, &place, object + 1))
        hash = (hash ^ object) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static bool members_equal(const struct hc_members *left, const struct hc_members *right)
{
    if (left->count != right->count)
        return false;
    if (left->set)
        return hc_set_is_within(left->set, right->set);
    return !memcmp(left->objects, right->objects, left->count * sizeof(*left->objects));
}

// The bucket of the line with these members, or an empty one.
static uint32_t *find_bucket(const struct hc_pattern *pattern, const struct hc_pattern_line *line)
{
    size_t mask = pattern->bucket_count - 1, bucket = line->hash & mask;
    while (pattern->buckets[bucket]) {
        const struct hc_pattern_line *other = &pattern->lines.items[pattern->buckets[bucket] - 1];
        if (other->hash == line->hash && members_equal(&other->members, &line->members))
            break;
        bucket = (bucket + 1) & mask;
    }
    return &pattern->buckets[bucket];
}

static bool grow_buckets(struct hc_pattern *pattern)
{
    if (pattern->lines.count * 2 < pattern->bucket_count)
        return true;
    size_t grown = pattern->bucket_count ? pattern->bucket_count * 2 : 64;
    uint32_t *buckets = calloc(grown, sizeof(*buckets));
    if (!buckets)
        return false;
    free(pattern->buckets);
    pattern->buckets = buckets;
    pattern->bucket_count = grown;
    for (size_t i = 0; i < pattern->lines.count; i++) {
        uint32_t *bucket = find_bucket(pattern, &pattern->lines.items[i]);
        if (!*bucket) // a set seen before stands there by its first line
            *bucket = (uint32_t)i + 1;
    }
    return true;
}

// What `from` reaches outside of `avoid` (NULL: nothing is avoided), `from` itself included.
static struct hc_error *reach(const struct hc_set *from, const struct hc_set *avoid, struct hc_set **ret)
{
    const struct hc_graph *graph = from->universe->graph;
    _cleanup_(hc_id_vector_deinit) struct hc_id_vector stack = {0};
    _cleanup_(hc_set_releasep) struct hc_set *seen = NULL;
    if (avoid)
        HC_TRY(hc_set_combine(from, avoid, HC_SET_MINUS, &seen));
    else
        HC_TRY(hc_set_combine(from, from, HC_SET_AND, &seen));
    for (uint32_t object = hc_set_next(seen, 0); object < graph->count;
         object = hc_set_next(seen, object + 1))
        if (!hc_id_vector_push(&stack, object))
            return hc_error_out_of_memory();
    for (uint64_t visited = 0; stack.count; visited++) {
        uint32_t object = stack.items[--stack.count];
        if (visited % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        for (uint32_t edge = graph->edge_starts[object]; edge < graph->edge_starts[object + 1]; edge++) {
            uint32_t referent = graph->edges[edge];
            if (hc_set_has(seen, referent) || (avoid && hc_set_has(avoid, referent)) ||
                graph->states[referent] == HC_STATE_NONE)
                continue;
            hc_set_put(seen, referent);
            if (!hc_id_vector_push(&stack, referent))
                return hc_error_out_of_memory();
        }
    }
    hc_set_seal(seen);
    *ret = hc_take(seen);
    return NULL;
}

// The referrers that options.source is among, or reaches without passing another.
static struct hc_error *dominators_from_source(const struct hc_pattern *pattern,
                                               const struct hc_set *referrers, struct hc_set **ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *without = NULL, *around = NULL, *near = NULL;
    HC_TRY(reach(pattern->options.source, referrers, &without));
    HC_TRY(hc_set_referents(without, &around));
    HC_TRY(hc_set_combine(around, pattern->options.source, HC_SET_OR, &near));
    return hc_set_combine(near, referrers, HC_SET_AND, ret);
}

static struct hc_error *referrers_of(const struct hc_pattern *pattern, const struct hc_set *set,
                                     struct hc_set **ret)
{
    bool is_dominators = pattern->options.image == HC_PATTERN_DOMINATORS;
    if (!pattern->reached)
        return is_dominators ? hc_set_immediate_dominators(set, ret) : hc_set_referrers(set, ret);
    _cleanup_(hc_set_releasep) struct hc_set *all = NULL, *some = NULL;
    HC_TRY(hc_set_referrers(set, &all));
    HC_TRY(hc_set_combine(all, pattern->reached, HC_SET_AND, &some));
    if (is_dominators)
        return dominators_from_source(pattern, some, ret);
    *ret = hc_take(some);
    return NULL;
}

// The referrers of a line's set, those of the lines above it left out if there are to be no cycles.
static struct hc_error *find_referrers(const struct hc_pattern *pattern, uint32_t line,
                                       const struct hc_set *set, struct hc_set **ret)
{
    _cleanup_(hc_set_releasep) struct hc_set *found = NULL;
    HC_TRY(referrers_of(pattern, set, &found));
    while (pattern->options.has_no_cycles && line != HC_NO_LINE) {
        const struct hc_pattern_line *above = &pattern->lines.items[line];
        uint64_t place = 0;
        uint32_t end = pattern->universe->graph->count;
        for (uint32_t object = hc_members_next(&above->members, pattern->universe, &place, 0); object < end;
             object = hc_members_next(&above->members, pattern->universe, &place, object + 1))
            found->bits[object / 64] &= ~(1ull << (object % 64));
        line = above->parent;
    }
    hc_set_seal(found);
    *ret = hc_take(found);
    return NULL;
}

static int by_class(const void *a, const void *b, void *argument)
{
    const struct hc_partition *partition = argument;
    const struct hc_class *left = &partition->rows[*(const uint32_t *)a].class;
    const struct hc_class *right = &partition->rows[*(const uint32_t *)b].class;
    for (unsigned i = 0; i < partition->classifier.count; i++)
        if (left->keys[i] != right->keys[i])
            return left->keys[i] < right->keys[i] ? -1 : 1;
    return 0;
}

// The row of the class, which has one, by bisection of the rows in the order of their classes.
static uint32_t find_row(const struct hc_partition *partition, const uint32_t *order,
                         const struct hc_class *class)
{
    size_t low = 0, high = partition->row_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        const struct hc_class *other = &partition->rows[order[middle]].class;
        unsigned i = 0;
        while (i < partition->classifier.count && other->keys[i] == class->keys[i])
            i++;
        if (i < partition->classifier.count && other->keys[i] > class->keys[i])
            high = middle;
        else
            low = middle;
    }
    return order[low];
}

// frame->objects = the members of `set` by rows of frame->partition. `places` has room for a number a row.
static struct hc_error *group(const struct hc_set *set, struct hc_pattern_frame *frame, uint32_t *order,
                              uint64_t *places)
{
    const struct hc_partition *partition = &frame->partition;
    _cleanup_(hc_classify_deinit) struct hc_classify classify = {0};
    HC_TRY(hc_classify_init(&classify, set->universe, &partition->classifier, set));
    uint64_t total = 0;
    for (size_t i = 0; i < partition->row_count; i++) {
        order[i] = (uint32_t)i;
        places[i] = total;
        total += partition->rows[i].count;
    }
    qsort_r(order, partition->row_count, sizeof(*order), by_class, &frame->partition);
    uint32_t row = order[0], end = set->universe->graph->count;
    uint64_t visited = 0;
    for (uint32_t object = hc_set_next(set, 0); object < end; object = hc_set_next(set, object + 1)) {
        struct hc_class class;
        if (++visited % HC_INTERRUPT_STRIDE == 0)
            HC_TRY(hc_interrupt_check());
        HC_TRY(hc_classify_object(&classify, object, &class));
        if (!hc_class_equal(&partition->rows[row].class, &class, partition->classifier.count))
            row = find_row(partition, order, &class);
        frame->objects[places[row]++] = object;
    }
    return NULL;
}

// Divides what refers to a line, so that its children can get lines.
static struct hc_error *open_frame(struct hc_pattern *pattern, uint32_t line, const struct hc_set *referrers)
{
    _cleanup_(frame_deinit) struct hc_pattern_frame frame = {.line = line};
    HC_TRY(hc_partition_set(referrers, &pattern->options.classifier, &frame.partition));
    size_t rows = frame.partition.row_count;
    _cleanup_(hc_freep) uint32_t *order = calloc(rows + 1, sizeof(*order));
    _cleanup_(hc_freep) uint64_t *places = calloc(rows + 1, sizeof(*places));
    frame.objects = malloc((referrers->count + 1) * sizeof(*frame.objects));
    if (!order || !places || !frame.objects)
        return hc_error_out_of_memory();
    HC_TRY(group(referrers, &frame, order, places));
    if (!hc_pattern_frame_vector_push(&pattern->frames, frame))
        return hc_error_out_of_memory();
    frame = (struct hc_pattern_frame){0};
    pattern->bytes += referrers->count * sizeof(*frame.objects);
    return NULL;
}

// Sets the line's mark, and opens it if it has children to show.
static struct hc_error *look_further(struct hc_pattern *pattern, uint32_t index)
{
    struct hc_pattern_line *line = &pattern->lines.items[index];
    line->is_ready = true;
    if (line->seen != HC_NO_LINE) {
        line->mark = HC_PATTERN_SEEN;
        return NULL;
    }
    _cleanup_(hc_set_releasep) struct hc_set *set = NULL, *stopped = NULL, *referrers = NULL;
    HC_TRY(hc_pattern_set(pattern, index, &set));
    HC_TRY(find_referrers(pattern, index, set, &referrers));
    line->mark = HC_PATTERN_ROOT;
    if (!referrers->count)
        return NULL;
    if (line->depth && pattern->options.stop)
        HC_TRY(hc_kind_select(pattern->options.stop, set, &stopped));
    line->mark = stopped && stopped->count == set->count ? HC_PATTERN_STOP
                 : line->depth < pattern->options.depth  ? HC_PATTERN_EXPANDED
                                                         : HC_PATTERN_TOO_DEEP;
    if (line->mark != HC_PATTERN_EXPANDED)
        return NULL;
    line->is_ready = false;
    return open_frame(pattern, index, referrers);
}

static void attach(struct hc_pattern *pattern, uint32_t index)
{
    struct hc_pattern_line *line = &pattern->lines.items[index];
    if (line->parent == HC_NO_LINE)
        return;
    struct hc_pattern_line *parent = &pattern->lines.items[line->parent];
    line->depth = parent->depth + 1;
    if (parent->last_child == HC_NO_LINE) {
        parent->first_child = index;
    } else {
        line->letter = pattern->lines.items[parent->last_child].letter + 1;
        pattern->lines.items[parent->last_child].next_sibling = index;
    }
    parent->last_child = index;
}

// Takes the members, whether it fails or not.
static struct hc_error *add_line(struct hc_pattern *pattern, uint32_t parent, const char *kind,
                                 bool is_one_class, struct hc_members members)
{
    struct hc_pattern_line line = {.members = members,
                                   .kind = kind ? strdup(kind) : NULL,
                                   .has_renderings = is_one_class,
                                   .hash = hash_members(&members, pattern->universe),
                                   .seen = HC_NO_LINE,
                                   .parent = parent,
                                   .first_child = HC_NO_LINE,
                                   .last_child = HC_NO_LINE,
                                   .next_sibling = HC_NO_LINE};
    uint32_t index = (uint32_t)pattern->lines.count;
    pattern->bytes += members.set ? members.set->words * 8 : members.count * 4;
    if (!line.kind || !grow_buckets(pattern) || !hc_pattern_line_vector_push(&pattern->lines, line)) {
        free(line.kind);
        members_deinit(&line.members);
        return hc_error_out_of_memory();
    }
    uint32_t *bucket = find_bucket(pattern, &line);
    if (*bucket)
        pattern->lines.items[index].seen = *bucket - 1;
    else
        *bucket = index + 1;
    attach(pattern, index);
    return look_further(pattern, index);
}

struct hc_error *hc_pattern_create(struct hc_set *set, const char *kind, bool is_one_class,
                                   const struct hc_pattern_options *options, struct hc_pattern **ret)
{
    _cleanup_(hc_pattern_destroyp) struct hc_pattern *pattern = calloc(1, sizeof(*pattern));
    if (!pattern)
        return hc_error_out_of_memory();
    pattern->universe = set->universe;
    pattern->options = *options;
    if (options->stop)
        hc_kind_keep(options->stop);
    if (options->source)
        hc_set_keep(options->source);
    if (options->source)
        HC_TRY(reach(options->source, NULL, &pattern->reached));
    _cleanup_(hc_freep) uint32_t *objects = malloc((set->count + 1) * sizeof(*objects));
    if (!objects)
        return hc_error_out_of_memory();
    uint64_t count = 0;
    uint32_t end = set->universe->graph->count;
    for (uint32_t object = hc_set_next(set, 0); object < end; object = hc_set_next(set, object + 1))
        objects[count++] = object;
    struct hc_members members;
    HC_TRY(members_of_objects(set->universe, objects, count, &members));
    HC_TRY(add_line(pattern, HC_NO_LINE, kind, is_one_class, members));
    *ret = hc_take(pattern);
    return NULL;
}

static struct hc_error *add_child(struct hc_pattern *pattern, struct hc_pattern_frame *frame)
{
    size_t row = frame->next++;
    uint64_t start = frame->start, count = frame->partition.rows[row].count;
    frame->start += count;
    struct hc_members members;
    HC_TRY(members_of_objects(pattern->universe, frame->objects + start, count, &members));
    // The frame moves when another is opened: nothing of it is read afterwards.
    uint16_t relation = pattern->options.classifier.parts[0];
    bool is_one_class =
        pattern->options.classifier.count == 1 && (relation == HC_BY_CLODO || relation == HC_BY_TYPE);
    return add_line(pattern, frame->line, hc_partition_name(&frame->partition, row), is_one_class, members);
}

// One line more, unless there is none.
static struct hc_error *step(struct hc_pattern *pattern)
{
    while (pattern->first_frame < pattern->frames.count) {
        size_t at = pattern->options.is_breadth_first ? pattern->first_frame : pattern->frames.count - 1;
        struct hc_pattern_frame *frame = &pattern->frames.items[at];
        if (frame->next < frame->partition.row_count)
            return add_child(pattern, frame);
        pattern->lines.items[frame->line].is_ready = true;
        pattern->bytes -= frame->start * sizeof(*frame->objects); // behind the last row by now
        frame_deinit(frame);
        if (pattern->options.is_breadth_first)
            pattern->first_frame++;
        else
            pattern->frames.count--;
    }
    pattern->is_whole = true;
    return NULL;
}

static struct hc_error *make_one(struct hc_pattern *pattern)
{
    HC_TRY(hc_interrupt_check());
    if (pattern->lines.count >= MOST_LINES || pattern->bytes >= MOST_BYTES)
        return hc_error_create("the reference pattern has too many lines to keep, more than %zu; a smaller "
                               "depth or a coarser relation has fewer",
                               pattern->lines.count);
    return step(pattern);
}

struct hc_error *hc_pattern_make(struct hc_pattern *pattern, size_t line)
{
    while (line >= pattern->lines.count && !pattern->is_whole)
        HC_TRY(make_one(pattern));
    return NULL;
}

static struct hc_error *find_child(struct hc_pattern *pattern, uint32_t line, uint32_t letter, uint32_t *ret)
{
    while (!pattern->lines.items[line].is_ready &&
           (pattern->lines.items[line].last_child == HC_NO_LINE ||
            pattern->lines.items[pattern->lines.items[line].last_child].letter < letter))
        HC_TRY(make_one(pattern));
    uint32_t child = pattern->lines.items[line].first_child;
    while (child != HC_NO_LINE && pattern->lines.items[child].letter != letter)
        child = pattern->lines.items[child].next_sibling;
    *ret = child;
    return NULL;
}

// a … z, A … Z, then (52), (53) … heapy goes on with `{`, which no attribute can be called.
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
enum { LETTERS = sizeof(letters) - 1 };

static bool read_letter(const char **text, uint32_t *ret)
{
    const char *found = **text ? strchr(letters, **text) : NULL;
    if (found) {
        (*text)++;
        *ret = (uint32_t)(found - letters);
        return true;
    }
    char *end;
    if (**text != '(' || (*text)[1] < '0' || (*text)[1] > '9')
        return false;
    unsigned long number = strtoul(*text + 1, &end, 10);
    if (*end != ')' || number < LETTERS || number > UINT32_MAX)
        return false;
    *text = end + 1;
    *ret = (uint32_t)number;
    return true;
}

struct hc_error *hc_pattern_find(struct hc_pattern *pattern, const char *name, uint32_t *ret)
{
    uint32_t line = 0, letter;
    if (!strcmp(name, "_"))
        name = "";
    while (*name && line != HC_NO_LINE) {
        unsigned long times = 1;
        bool is_letter = read_letter(&name, &letter);
        if (is_letter && *name >= '0' && *name <= '9')
            times = strtoul(name, (char **)&name, 10);
        if (!is_letter || times > HC_PATTERN_MAX_DEPTH)
            line = HC_NO_LINE;
        for (; times && line != HC_NO_LINE; times--)
            HC_TRY(find_child(pattern, line, letter, &line));
    }
    *ret = line;
    return NULL;
}

static void write_letters(FILE *file, uint32_t letter, size_t times)
{
    for (size_t i = 0; i < (times > 2 ? 1 : times); i++)
        if (letter < LETTERS)
            fputc(letters[letter], file);
        else
            fprintf(file, "(%u)", letter);
    if (times > 2)
        fprintf(file, "%zu", times);
}

char *hc_pattern_name(const struct hc_pattern *pattern, uint32_t line)
{
    const struct hc_pattern_line *lines = pattern->lines.items;
    uint32_t depth = lines[line].depth;
    _cleanup_(hc_freep) uint32_t *path = calloc(depth + 1ul, sizeof(*path));
    char *name = NULL;
    size_t size;
    FILE *file = path ? open_memstream(&name, &size) : NULL;
    if (!file)
        return NULL;
    for (uint32_t at = line; lines[at].depth; at = lines[at].parent)
        path[lines[at].depth - 1] = lines[at].letter;
    if (!depth)
        fputc('_', file);
    for (uint32_t i = 0, next; i < depth; i = next) {
        for (next = i + 1; next < depth && path[next] == path[i];)
            next++;
        write_letters(file, path[i], next - i);
    }
    bool is_whole = !ferror(file);
    if (fclose(file) || !is_whole) {
        free(name);
        return NULL;
    }
    return name;
}
