// Instances traced, named and measured after a definition file.
#include "heapcore/heapdef.h"
#include "python/definition_use.h"
#include "python/type_members.h"

#include <stdio.h>
#include <string.h>

enum {
    DEPTH = 32, // blocks within blocks
    PATH = 256,
};

struct walker {
    struct hc_tracer *tracer;
    struct hc_relater *relater; // NULL: trace
    const struct hc_object_view *object;
    const struct hc_definition_use *use;
    struct hc_definition_budget budget;
    unsigned depth;
    uint64_t position; // in the innermost array or list
    // The way to the block, for references without a name of their own. Only kept when relating.
    char path[PATH];
    size_t path_length;
    bool is_nameless; // a part of the way has no name
};

// A block of the object's.
struct piece {
    const struct hc_definition_layout *layout;
    uint64_t address;
    const uint8_t *bytes;
    uint64_t available;
};

bool hc_definition_charge(struct hc_definition_budget *budget, struct hc_tracer *tracer, uint64_t words)
{
    enum { FREE = 64, STEP = 128, LEAST = 1 << 20 }; // hc_trace_afford() charges what is more than the first
    if (budget->is_exhausted)
        return false;
    if (words <= UINT64_MAX - budget->used)
        budget->used += words;
    else
        budget->used = UINT64_MAX;
    if (budget->used <= FREE || budget->used - FREE <= budget->granted)
        return true;
    uint64_t missing = budget->used - FREE - budget->granted;
    uint64_t step = missing < STEP ? STEP : missing;
    // For each object, all of the image is enough: a tracer that looks at single ones has no allowance.
    const struct hc_image *image = tracer->runtime->image;
    uint64_t most = LEAST + hc_image_size(image) / hc_image_target(image)->word_size;
    if (step > most - budget->granted || !hc_trace_afford(tracer, step)) {
        budget->is_exhausted = true;
        return false;
    }
    budget->granted += step;
    return true;
}

static bool read_field(struct walker *walker, const struct piece *piece, uint32_t place, uint64_t *ret)
{
    const struct hc_field *field = &piece->layout->fields[place];
    const struct hc_target *target = &walker->tracer->reader.target;
    if (field->offset > piece->available || field->size > piece->available - field->offset) {
        walker->tracer->unreadable++;
        return false;
    }
    *ret = field->kind == HC_FIELD_BITS
               ? hc_field_load_bits(field, target, piece->bytes)
               : hc_load_unsigned(target, piece->bytes + field->offset, (unsigned)field->size);
    return true;
}

static bool calculate(enum hc_definition_operation operation, int64_t left, int64_t right, int64_t *ret)
{
    switch (operation) {
    case HC_DEFINITION_ADD:
        return !__builtin_add_overflow(left, right, ret);
    case HC_DEFINITION_SUBTRACT:
        return !__builtin_sub_overflow(left, right, ret);
    case HC_DEFINITION_MULTIPLY:
        return !__builtin_mul_overflow(left, right, ret);
    case HC_DEFINITION_AND:
        *ret = left & right;
        return true;
    case HC_DEFINITION_EQUAL:
        *ret = left == right;
        return true;
    case HC_DEFINITION_UNEQUAL:
        *ret = left != right;
        return true;
    case HC_DEFINITION_LESS:
        *ret = left < right;
        return true;
    case HC_DEFINITION_GREATER:
        *ret = left > right;
        return true;
    default:
        if (!right || (left == INT64_MIN && right == -1))
            return false;
        *ret = left / right;
        return true;
    }
}

static bool load_step(struct walker *walker, const struct piece *piece, const struct hc_definition_step *step,
                      int64_t *ret)
{
    const struct hc_type *type = walker->object->type;
    uint64_t value = step->value;
    switch (step->operation) {
    case HC_DEFINITION_PLACE:
        if (!read_field(walker, piece, (uint32_t)step->value, &value))
            return false;
        break;
    case HC_DEFINITION_BASICSIZE:
        value = type->basicsize;
        break;
    case HC_DEFINITION_ITEMSIZE:
        value = type->itemsize;
        break;
    case HC_DEFINITION_LENGTH:
        value = (uint64_t)hc_view_signed(walker->tracer, walker->object, walker->tracer->at->var_size);
        break;
    case HC_DEFINITION_SIZEOF:
        value = piece->layout->size;
        break;
    default:
        break;
    }
    *ret = (int64_t)value;
    return true;
}

// The value, if it is not negative: what the definition counts and measures never is.
static bool evaluate(struct walker *walker, const struct piece *piece,
                     const struct hc_definition_expression *expression, uint64_t *ret)
{
    int64_t stack[HC_DEFINITION_STACK];
    size_t top = 0;
    for (size_t i = 0; i < expression->count; i++) {
        const struct hc_definition_step *step = &expression->items[i];
        if (step->operation < HC_DEFINITION_ADD) {
            if (!load_step(walker, piece, step, &stack[top]))
                return false;
            top++;
            continue;
        }
        top--;
        if (!calculate(step->operation, stack[top - 1], stack[top], &stack[top - 1]))
            return false;
    }
    *ret = (uint64_t)stack[0];
    return stack[0] >= 0;
}

// Is the reference at this place of the object named by others: by tp_members, or as its __dict__?
static bool is_named(const struct walker *walker, const struct hc_definition_relation *relation,
                     uint64_t offset)
{
    const struct hc_type_members *members = walker->relater->members;
    if (walker->object->type->dictoffset > 0 && offset == (uint64_t)walker->object->type->dictoffset)
        return true;
    if (relation->naming != HC_NAMING_DEFAULT && relation->naming != HC_NAMING_NAME)
        return false;
    return hc_type_members_have(members, offset, relation->name);
}

static void relate_default(struct walker *walker, const struct hc_definition_item *item,
                           const struct piece *piece, uint64_t target)
{
    const char *member = piece->layout->block->places.items[item->place].member;
    bool is_array = item->kind == HC_ITEM_ARRAY;
    char name[PATH + 64];
    if (is_array && !walker->depth) {
        hc_relate_numbered(walker->relater, HC_LINK_ITEM, target, walker->position);
        return;
    }
    if (!member || walker->is_nameless)
        return;
    int length = is_array ? snprintf(name, sizeof(name), "%s%s[%llu]", walker->path, member,
                                     (unsigned long long)walker->position)
                          : snprintf(name, sizeof(name), "%s%s", walker->path, member);
    if (length > 0 && (size_t)length < sizeof(name))
        hc_relate_copied(walker->relater, HC_LINK_INTERNAL, target, name);
}

static void relate(struct walker *walker, const struct hc_definition_item *item, const struct piece *piece,
                   uint64_t target)
{
    const struct hc_definition_relation *relation = &item->relation;
    const char *star = relation->name ? strchr(relation->name, '*') : NULL;
    char name[PATH];
    uint64_t key;
    if (!walker->depth && item->kind != HC_ITEM_ARRAY &&
        is_named(walker, relation, piece->layout->fields[item->place].offset))
        return;
    switch (relation->naming) {
    case HC_NAMING_DEFAULT:
        relate_default(walker, item, piece, target);
        return;
    case HC_NAMING_NAME:
        if (!star) {
            hc_relate_named(walker->relater, relation->kind, target, relation->name);
            return;
        }
        snprintf(name, sizeof(name), "%.*s%llu%s", (int)(star - relation->name), relation->name,
                 (unsigned long long)walker->position, star + 1);
        hc_relate_copied(walker->relater, relation->kind, target, name);
        return;
    case HC_NAMING_NUMBER:
        hc_relate_numbered(walker->relater, relation->kind, target, walker->position);
        return;
    case HC_NAMING_KEY:
        if (read_field(walker, piece, relation->key, &key) && key)
            hc_relate_keyed(walker->relater, relation->kind, target, key);
        return;
    }
}

static void found(struct walker *walker, const struct hc_definition_item *item, const struct piece *piece,
                  uint64_t target)
{
    if (!target)
        return;
    if (walker->relater)
        relate(walker, item, piece, target);
    else if (item->kind == HC_ITEM_HELD || !walker->object->type->traverse)
        hc_trace_hold(walker->tracer, target);
    else
        hc_trace_visit(walker->tracer, target);
}

static void walk_piece(struct walker *walker, const struct piece *piece);

// Goes into the block at `address`, which item of `outer` leads to.
static void enter(struct walker *walker, const struct hc_definition_item *item, const struct piece *outer,
                  uint64_t address, bool by_pointer, struct piece *ret)
{
    *ret = (struct piece){.layout = hc_definition_layout_of(walker->use, item->element), .address = address};
    ret->bytes = hc_reader_span(&walker->tracer->reader, address, &ret->available);
    if (!ret->bytes) {
        walker->tracer->unreadable++;
        return;
    }
    size_t length = walker->path_length;
    bool was_nameless = walker->is_nameless;
    if (walker->relater) {
        const char *member = outer->layout->block->places.items[item->place].member;
        char number[32] = "";
        if (item->kind != HC_ITEM_NESTED)
            snprintf(number, sizeof(number), "[%llu]", (unsigned long long)walker->position);
        int added = snprintf(walker->path + length, PATH - length, "%s%s%s", member ? member : "", number,
                             by_pointer ? "->" : ".");
        walker->is_nameless |= !member || added < 0 || (size_t)added >= PATH - length;
        walker->path_length = walker->is_nameless ? length : length + (size_t)added;
    }
    walker->depth++;
    walk_piece(walker, ret);
    walker->depth--;
    walker->path_length = length;
    walker->path[length] = '\0';
    walker->is_nameless = was_nameless;
}

// Where the item's target begins: at the place, or behind its pointer. False: nowhere.
static bool locate(struct walker *walker, const struct hc_definition_item *item, const struct piece *piece,
                   uint64_t *ret)
{
    if (!item->is_pointer) {
        *ret = piece->address + piece->layout->fields[item->place].offset;
        return true;
    }
    if (!read_field(walker, piece, item->place, ret) || !*ret)
        return false;
    if (!walker->relater)
        hc_trace_buffer(walker->tracer, *ret);
    return true;
}

static void walk_array(struct walker *walker, const struct hc_definition_item *item,
                       const struct piece *piece)
{
    const struct hc_target *target = &walker->tracer->reader.target;
    const struct hc_field *field = &piece->layout->fields[item->place];
    bool are_words = !item->element || item->are_pointers;
    uint64_t stride =
        are_words ? target->word_size : hc_definition_layout_of(walker->use, item->element)->size;
    uint64_t address, count, available, outer = walker->position;
    if (!evaluate(walker, piece, &item->count, &count)) {
        walker->tracer->unreadable++;
        return;
    }
    if (!count || !locate(walker, item, piece, &address))
        return;
    // The last member of a struct may go on behind it: `PyObject *items[1]`.
    bool is_bounded = !item->is_pointer && field->kind == HC_FIELD_ARRAY &&
                      field->offset + field->size < piece->layout->size;
    if (is_bounded && count > field->size / stride)
        count = field->size / stride;
    const uint8_t *bytes = hc_reader_span(&walker->tracer->reader, address, &available);
    if (!bytes || count > available / stride) {
        walker->tracer->unreadable++;
        count = bytes ? available / stride : 0;
    }
    for (uint64_t i = 0; i < count && hc_definition_charge(&walker->budget, walker->tracer, 1); i++) {
        uint64_t word = are_words ? hc_load_word(target, bytes + i * stride) : address + i * stride;
        struct piece element;
        walker->position = i;
        if (!item->element)
            found(walker, item, piece, word);
        else if (word)
            enter(walker, item, piece, word, item->are_pointers, &element);
    }
    walker->position = outer;
}

static void walk_list(struct walker *walker, const struct hc_definition_item *item, const struct piece *piece)
{
    uint64_t address, outer = walker->position;
    if (!locate(walker, item, piece, &address))
        return;
    // A ring ends where it began, a damaged list by Brent's search for cycles.
    uint64_t first = address, mark = address, steps = 0, power = 1;
    for (walker->position = 0; address; walker->position++) {
        struct piece element;
        uint64_t position = walker->position;
        enter(walker, item, piece, address, position || item->is_pointer, &element);
        walker->position = position;
        if (!element.bytes || !hc_definition_charge(&walker->budget, walker->tracer, 1) ||
            !read_field(walker, &element, item->next, &address) || address == first || address == mark)
            break;
        if (++steps == power) {
            mark = address;
            power *= 2;
            steps = 0;
        }
        if (address && !walker->relater)
            hc_trace_buffer(walker->tracer, address);
    }
    walker->position = outer;
}

static void walk_item(struct walker *walker, const struct hc_definition_item *item, const struct piece *piece)
{
    struct piece inner;
    uint64_t value;
    switch (item->kind) {
    case HC_ITEM_VISITED:
    case HC_ITEM_HELD:
        if (read_field(walker, piece, item->place, &value))
            found(walker, item, piece, value);
        return;
    case HC_ITEM_BORROWED:
        return;
    case HC_ITEM_NESTED:
        if (locate(walker, item, piece, &value))
            enter(walker, item, piece, value, item->is_pointer, &inner);
        return;
    case HC_ITEM_ARRAY:
        walk_array(walker, item, piece);
        return;
    case HC_ITEM_LIST:
        walk_list(walker, item, piece);
        return;
    case HC_ITEM_BUFFER:
        locate(walker, item, piece, &value);
        return;
    }
}

static void walk_piece(struct walker *walker, const struct piece *piece)
{
    const struct hc_definition_items *items = &piece->layout->block->items;
    if (walker->depth > DEPTH) {
        walker->tracer->unreadable++;
        return;
    }
    for (size_t i = 0; i < items->count; i++) {
        if (!hc_definition_charge(&walker->budget, walker->tracer, 1))
            return;
        walk_item(walker, &items->items[i], piece);
    }
}

static struct piece piece_of(const struct hc_definition_use *use, const struct hc_object_view *object)
{
    return (struct piece){.layout = hc_definition_layout_of(use, use->definition->block),
                          .address = object->address,
                          .bytes = object->bytes,
                          .available = object->available};
}

static void walk(const struct hc_definition_use *use, struct hc_tracer *tracer, struct hc_relater *relater,
                 const struct hc_object_view *object)
{
    struct walker walker = {.tracer = tracer, .relater = relater, .object = object, .use = use};
    struct piece piece = piece_of(use, object);
    walk_piece(&walker, &piece);
}

void hc_definition_trace(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    for (const struct hc_definition_use *use = object->type->definition; use; use = use->base)
        if (use->definition->plugin)
            hc_plugin_trace(use, tracer, object);
        else
            walk(use, tracer, NULL, object);
}

void hc_definition_relate(struct hc_relater *relater, const struct hc_object_view *object)
{
    for (const struct hc_definition_use *use = object->type->definition; use; use = use->base)
        if (use->definition->plugin)
            hc_plugin_relate(use, relater, object);
        else
            walk(use, relater->tracer, relater, object);
}

static bool has_size(const struct hc_definition_use *use)
{
    const struct hc_definition *definition = use->definition;
    return definition->plugin ? definition->plugin->size != NULL : definition->block->size.count != 0;
}

bool hc_definition_has_size(const struct hc_definition_use *use)
{
    for (; use; use = use->base)
        if (has_size(use))
            return true;
    return false;
}

static bool size_by(const struct hc_definition_use *use, struct hc_tracer *tracer,
                    const struct hc_object_view *object, uint64_t *ret)
{
    if (use->definition->plugin)
        return hc_plugin_size(use, tracer, object, ret);
    struct walker walker = {.tracer = tracer, .object = object, .use = use};
    struct piece piece = piece_of(use, object);
    return evaluate(&walker, &piece, &use->definition->block->size, ret);
}

uint64_t hc_definition_size(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    // A type that no definition names has the __sizeof__ of its base.
    const struct hc_type *type = object->type;
    while (!type->definition || !hc_definition_has_size(type->definition))
        type = type->base;
    const struct hc_definition_use *use = type->definition;
    uint64_t size;
    while (!has_size(use))
        use = use->base;
    if (size_by(use, tracer, object, &size))
        return size;
    tracer->unreadable++;
    tracer->size_is_exact = false;
    return hc_object_size_default(tracer, object);
}
