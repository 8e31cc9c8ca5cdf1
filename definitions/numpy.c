// Heap definition of numpy's arrays, dtypes and structured scalars, checked with 1.19, 1.24 and 2.2.
// Their structs are numpy's binary interface (ndarraytypes.h, arrayscalars.h), so that they need no debug
// information. The types whose size a line can tell are in numpy.heapdef.
#include "heapcore/heapdef.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// PyArrayObject_fields, the same since 1.7; _buffer_info (1.20) and mem_handler (1.22) were added at its end.
enum {
    ARRAY_DATA = 16,
    ARRAY_ND = 24,
    ARRAY_DIMENSIONS = 32,
    ARRAY_STRIDES = 40,
    ARRAY_BASE = 48,
    ARRAY_DESCR = 56,
    ARRAY_FLAGS = 64,
    ARRAY_MEM_HANDLER = 88,
};

// PyVoidScalarObject
enum { VOID_DESCR = 32, VOID_BASE = 48, VOID_OLD = 56, VOID_NEW = 64 /* 1.20 */ };

enum { TYPEOBJ = 16, TYPE_NUM = 28 }; // of a dtype
enum { SUBARRAY_BASE = 0, SUBARRAY_SHAPE = 8 };
enum { OBJECT = 17, ITEM_REFCOUNT = 1, OWNDATA = 4 };
enum { MOST_DIMENSIONS = 64, MOST_FIELDS = 1024, DEPTH = 8, NAME = 64 };

// What moved with numpy 2. Its new dtypes (StringDType) have no fields, and elements that are no objects.
struct descr_layout {
    uint64_t basicsize;
    unsigned flags, flags_size, elsize, elsize_size, subarray, fields, names, metadata;
};

static const struct descr_layout descr_layouts[] = {
    {.basicsize = 96,
     .flags = 27,
     .flags_size = 1,
     .elsize = 32,
     .elsize_size = 4,
     .subarray = 40,
     .fields = 48,
     .names = 56,
     .metadata = 72},
    {.basicsize = 120,
     .flags = 32,
     .flags_size = 8,
     .elsize = 40,
     .elsize_size = 8,
     .subarray = 88,
     .fields = 96,
     .names = 104,
     .metadata = 56},
};

enum { NEW_LEAST = 88 };
static const struct descr_layout new_descr_layout = {
    .flags = 32, .flags_size = 8, .elsize = 40, .elsize_size = 8, .metadata = 56};

static const struct descr_layout *layout_by_size(uint64_t basicsize)
{
    for (size_t i = 0; i < sizeof(descr_layouts) / sizeof(*descr_layouts); i++)
        if (descr_layouts[i].basicsize == basicsize)
            return &descr_layouts[i];
    return basicsize >= NEW_LEAST ? &new_descr_layout : NULL;
}

static const struct descr_layout *layout_of(const struct heapdef_host *host, heapdef_object *object,
                                            uint64_t descr)
{
    uint64_t basicsize;
    return host->type_basicsize(object, descr, &basicsize) ? layout_by_size(basicsize) : NULL;
}

// A member that this kind of dtype may not have: then 0.
static int part_of(const struct heapdef_host *host, heapdef_object *object, uint64_t descr, unsigned offset,
                   uint64_t *ret)
{
    *ret = 0;
    return !offset || host->word(object, descr + offset, ret);
}

static const char other_version[] = "made for 64-bit numpy 1.x and 2.x, and this has another size";

// ---- What is where in an element

struct element_field {
    uint64_t offset;
    char name[NAME]; // "" of an array of objects
};

struct element {
    const struct heapdef_host *host;
    heapdef_object *object;
    unsigned count;
    struct element_field fields[MOST_FIELDS]; // the object pointers
};

struct member {
    struct element *element;
    uint64_t offset;
    const char *name;
    unsigned depth;
    int failed;
};

static int add_descr(struct element *element, uint64_t descr, uint64_t offset, const char *name,
                     unsigned depth);

static int add_object(struct element *element, uint64_t offset, const char *name)
{
    if (element->count == MOST_FIELDS)
        return 1;
    struct element_field *field = &element->fields[element->count++];
    field->offset = offset;
    snprintf(field->name, sizeof(field->name), "%s", name);
    return 0;
}

// One entry of dtype.fields: name → (dtype, offset[, title]). With a title, that has an entry of its own.
static int add_member(void *argument, uint64_t key, uint64_t value)
{
    struct member *member = argument;
    struct element *element = member->element;
    const struct heapdef_host *host = element->host;
    heapdef_object *object = element->object;
    char own[NAME], name[NAME], title[NAME];
    uint64_t descr, number, third;
    int64_t offset;
    if (!host->string(object, key, own, sizeof(own)) ||
        (host->item(object, value, 2, &third) && host->string(object, third, title, sizeof(title)) &&
         !strcmp(title, own)))
        return 0;
    int length = snprintf(name, sizeof(name), "%s%s%s", member->name, *member->name ? "." : "", own);
    if (length < 0 || (size_t)length >= sizeof(name) || !host->item(object, value, 0, &descr) ||
        !host->item(object, value, 1, &number) || !host->number(object, number, &offset) || offset < 0 ||
        add_descr(element, descr, member->offset + (uint64_t)offset, name, member->depth + 1))
        member->failed = 1;
    return member->failed;
}

static int add_subarray(struct element *element, uint64_t subarray, uint64_t offset, const char *name,
                        unsigned depth)
{
    const struct heapdef_host *host = element->host;
    heapdef_object *object = element->object;
    uint64_t base, shape, item, count = 1, size;
    const struct descr_layout *layout;
    if (!host->word(object, subarray + SUBARRAY_BASE, &base) ||
        !host->word(object, subarray + SUBARRAY_SHAPE, &shape) || !(layout = layout_of(host, object, base)) ||
        !host->integer(object, base + layout->elsize, layout->elsize_size, &size))
        return 1;
    for (unsigned i = 0; i < MOST_DIMENSIONS && host->item(object, shape, i, &item); i++) {
        int64_t length;
        if (!host->number(object, item, &length) || length < 0 || length > MOST_FIELDS ||
            (count *= (uint64_t)length) > MOST_FIELDS)
            return 1;
    }
    for (uint64_t i = 0; i < count; i++) {
        char own[NAME];
        int length = snprintf(own, sizeof(own), "%s[%u]", name, (unsigned)i);
        if (length < 0 || (size_t)length >= sizeof(own) ||
            add_descr(element, base, offset + i * size, own, depth + 1))
            return 1;
    }
    return 0;
}

static int add_descr(struct element *element, uint64_t descr, uint64_t offset, const char *name,
                     unsigned depth)
{
    const struct heapdef_host *host = element->host;
    heapdef_object *object = element->object;
    const struct descr_layout *layout = layout_of(host, object, descr);
    uint64_t flags, number, subarray, fields;
    if (!layout || depth > DEPTH ||
        !host->integer(object, descr + layout->flags, layout->flags_size, &flags) ||
        !host->integer(object, descr + TYPE_NUM, 4, &number) ||
        !part_of(host, object, descr, layout->subarray, &subarray) ||
        !part_of(host, object, descr, layout->fields, &fields))
        return 1;
    if (!(flags & ITEM_REFCOUNT) || !layout->fields)
        return 0;
    if (number == OBJECT)
        return add_object(element, offset, name);
    if (subarray)
        return add_subarray(element, subarray, offset, name, depth);
    struct member member = {.element = element, .offset = offset, .name = name, .depth = depth};
    return !host->each(object, fields, add_member, &member) || member.failed;
}

// ---- ndarray

struct array {
    uint64_t data, base, descr, flags, dimensions, nd;
    uint64_t shape[MOST_DIMENSIONS];
    int64_t strides[MOST_DIMENSIONS];
    uint64_t count; // of elements
};

static int read_array(const struct heapdef_host *host, heapdef_object *object, struct array *ret)
{
    uint64_t address = host->address(object), strides;
    if (!host->word(object, address + ARRAY_DATA, &ret->data) ||
        !host->integer(object, address + ARRAY_ND, 4, &ret->nd) ||
        !host->word(object, address + ARRAY_DIMENSIONS, &ret->dimensions) ||
        !host->word(object, address + ARRAY_STRIDES, &strides) ||
        !host->word(object, address + ARRAY_BASE, &ret->base) ||
        !host->word(object, address + ARRAY_DESCR, &ret->descr) ||
        !host->integer(object, address + ARRAY_FLAGS, 4, &ret->flags) || ret->nd > MOST_DIMENSIONS)
        return 0;
    ret->count = 1;
    for (uint64_t i = 0; i < ret->nd; i++) {
        uint64_t stride;
        if (!host->word(object, ret->dimensions + 8 * i, &ret->shape[i]) ||
            !host->word(object, strides + 8 * i, &stride) ||
            (ret->shape[i] && ret->count > UINT32_MAX * 4096ull / ret->shape[i]))
            return 0;
        ret->strides[i] = (int64_t)stride;
        ret->count *= ret->shape[i];
    }
    return 1;
}

typedef void found_fn(const struct heapdef_host *host, heapdef_object *object, uint64_t index,
                      const struct element_field *field, uint64_t address);

// The objects in the elements, in C order. A view has none: they are its base's.
static int each_object(const struct heapdef_host *host, heapdef_object *object, const struct array *array,
                       found_fn *found)
{
    uint64_t index[MOST_DIMENSIONS] = {0}, at = array->data;
    struct element *element = calloc(1, sizeof(*element));
    int failed = !element;
    if (element) {
        element->host = host;
        element->object = object;
        failed = add_descr(element, array->descr, 0, "", 0);
    }
    for (uint64_t i = 0; !failed && element->count && i < array->count; i++) {
        for (unsigned j = 0; j < element->count; j++) {
            uint64_t word;
            if (!host->word(object, at + element->fields[j].offset, &word))
                failed = 1;
            else
                found(host, object, i, &element->fields[j], word);
        }
        for (uint64_t axis = array->nd; axis-- > 0;) {
            at += (uint64_t)array->strides[axis];
            if (++index[axis] < array->shape[axis])
                break;
            at -= (uint64_t)array->strides[axis] * array->shape[axis];
            index[axis] = 0;
        }
    }
    free(element);
    return failed;
}

struct array_version {
    uint64_t basicsize;
    int leaves_class_out; // __sizeof__() counts no more than that
    int has_mem_handler;
};

static const struct array_version array_versions[] = {
    {.basicsize = 80, .leaves_class_out = 1}, // up to 1.19
    {.basicsize = 88},                        // 1.20
    {.basicsize = 96, .has_mem_handler = 1},  // 1.22
};

static const char *array_prepare(const struct heapdef_host *host, heapdef_target *type, void **ret_state)
{
    for (size_t i = 0; i < sizeof(array_versions) / sizeof(*array_versions); i++)
        if (host->target_word_size(type) == 8 &&
            host->target_basicsize(type) == array_versions[i].basicsize) {
            *ret_state = (void *)(uintptr_t)&array_versions[i];
            return NULL;
        }
    return other_version;
}

// array_sizeof()
static int array_size(const struct heapdef_host *host, heapdef_object *object, void *state, uint64_t *ret)
{
    const struct array_version *version = state;
    struct array array;
    uint64_t size;
    const struct descr_layout *layout;
    if (!read_array(host, object, &array))
        return 1;
    *ret = (version->leaves_class_out ? version->basicsize : host->basicsize(object)) + array.nd * 16;
    if (!(array.flags & OWNDATA))
        return 0;
    layout = layout_of(host, object, array.descr);
    if (!layout || !host->integer(object, array.descr + layout->elsize, layout->elsize_size, &size) ||
        (size && array.count > INT64_MAX / 2 / size))
        return 1;
    *ret += array.count * size;
    return 0;
}

static void visit_element(const struct heapdef_host *host, heapdef_object *object, uint64_t index,
                          const struct element_field *field, uint64_t address)
{
    (void)index;
    (void)field;
    host->visit(object, address);
}

// array_dealloc() tells what it owns: numpy's arrays have no tp_traverse.
static int array_traverse(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    const struct array_version *version = state;
    struct array array;
    uint64_t handler;
    if (!read_array(host, object, &array))
        return 1;
    host->visit(object, array.base);
    host->visit(object, array.descr);
    host->buffer(object, array.dimensions);
    if (!(array.flags & OWNDATA))
        return 0;
    host->buffer(object, array.data);
    if (version->has_mem_handler && host->word(object, host->address(object) + ARRAY_MEM_HANDLER, &handler))
        host->visit(object, handler);
    return each_object(host, object, &array, visit_element);
}

static void relate_element(const struct heapdef_host *host, heapdef_object *object, uint64_t index,
                           const struct element_field *field, uint64_t address)
{
    char name[NAME + 32];
    snprintf(name, sizeof(name), "data[%llu].%s", (unsigned long long)index, field->name);
    if (*field->name)
        host->relate_name(object, HEAPDEF_MEMBER, name, address);
    else
        host->relate_number(object, HEAPDEF_ITEM, index, address);
}

static int array_relate(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    const struct array_version *version = state;
    struct array array;
    uint64_t handler;
    if (!read_array(host, object, &array))
        return 1;
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "base", array.base);
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "dtype", array.descr);
    if (!(array.flags & OWNDATA))
        return 0;
    if (version->has_mem_handler && host->word(object, host->address(object) + ARRAY_MEM_HANDLER, &handler))
        host->relate_name(object, HEAPDEF_MEMBER, "mem_handler", handler);
    return each_object(host, object, &array, relate_element);
}

// ---- dtype

// The addresses of its parts; 0: none.
struct parts {
    uint64_t type, fields, names, metadata, base, shape;
};

static const char *descr_prepare(const struct heapdef_host *host, heapdef_target *type, void **ret_state)
{
    (void)ret_state;
    return host->target_word_size(type) == 8 && layout_by_size(host->target_basicsize(type)) ? NULL
                                                                                             : other_version;
}

static int read_parts(const struct heapdef_host *host, heapdef_object *object, struct parts *ret)
{
    uint64_t descr = host->address(object), subarray;
    const struct descr_layout *layout = layout_of(host, object, descr);
    if (!layout || !host->word(object, descr + TYPEOBJ, &ret->type) ||
        !part_of(host, object, descr, layout->fields, &ret->fields) ||
        !part_of(host, object, descr, layout->names, &ret->names) ||
        !host->word(object, descr + layout->metadata, &ret->metadata) ||
        !part_of(host, object, descr, layout->subarray, &subarray))
        return 0;
    ret->base = ret->shape = 0;
    return !subarray || (host->word(object, subarray + SUBARRAY_BASE, &ret->base) &&
                         host->word(object, subarray + SUBARRAY_SHAPE, &ret->shape));
}

static int descr_traverse(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    (void)state;
    struct parts parts;
    if (!read_parts(host, object, &parts))
        return 1;
    host->visit(object, parts.type);
    host->visit(object, parts.fields);
    host->visit(object, parts.names);
    host->visit(object, parts.metadata);
    host->visit(object, parts.base);
    host->visit(object, parts.shape);
    return 0;
}

static int descr_relate(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    (void)state;
    struct parts parts;
    if (!read_parts(host, object, &parts))
        return 1;
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "type", parts.type);
    host->relate_name(object, HEAPDEF_MEMBER, "fields", parts.fields); // Python sees a proxy of it
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "names", parts.names);
    host->relate_name(object, HEAPDEF_MEMBER, "metadata", parts.metadata);
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "base", parts.base);
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "shape", parts.shape);
    return 0;
}

// ---- void: a scalar of a structured dtype

static const char *void_prepare(const struct heapdef_host *host, heapdef_target *type, void **ret_state)
{
    (void)ret_state;
    uint64_t basicsize = host->target_basicsize(type);
    return host->target_word_size(type) == 8 && (basicsize == VOID_OLD || basicsize == VOID_NEW)
               ? NULL
               : other_version;
}

// gentype_sizeof()
static int void_size(const struct heapdef_host *host, heapdef_object *object, void *state, uint64_t *ret)
{
    (void)state;
    uint64_t descr, size;
    const struct descr_layout *layout;
    if (!host->word(object, host->address(object) + VOID_DESCR, &descr) ||
        !(layout = layout_of(host, object, descr)) ||
        !host->integer(object, descr + layout->elsize, layout->elsize_size, &size))
        return 1;
    *ret = host->basicsize(object) + size;
    return 0;
}

static int void_traverse(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    (void)state;
    uint64_t descr, base;
    if (!host->word(object, host->address(object) + VOID_DESCR, &descr) ||
        !host->word(object, host->address(object) + VOID_BASE, &base))
        return 1;
    host->visit(object, descr);
    host->visit(object, base);
    return 0;
}

static int void_relate(const struct heapdef_host *host, heapdef_object *object, void *state)
{
    (void)state;
    uint64_t descr, base;
    if (!host->word(object, host->address(object) + VOID_DESCR, &descr) ||
        !host->word(object, host->address(object) + VOID_BASE, &base))
        return 1;
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "dtype", descr);
    host->relate_name(object, HEAPDEF_ATTRIBUTE, "base", base);
    return 0;
}

static const struct heapdef_type types[] = {
    {.name = "numpy.ndarray",
     .prepare = array_prepare,
     .size = array_size,
     .traverse = array_traverse,
     .relate = array_relate},
    {.name = "numpy.dtype*", .prepare = descr_prepare, .traverse = descr_traverse, .relate = descr_relate},
    {.name = "numpy.void",
     .prepare = void_prepare,
     .size = void_size,
     .traverse = void_traverse,
     .relate = void_relate},
};

HEAPDEF_EXPORT(types);
