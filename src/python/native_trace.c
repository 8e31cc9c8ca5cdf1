#include "python/native_trace.h"

#include "python/native_struct.h"

// The object that a member leads to, or 0.
static uint64_t referent_of(struct hc_tracer *tracer, const struct hc_object_view *object,
                            const struct hc_struct_member *member)
{
    struct hc_object_view view;
    uint64_t address = 0;
    if (member->block == HC_NO_BLOCK) {
        address = hc_view_word(tracer, object, member->offset);
    } else {
        uint64_t block = hc_view_word(tracer, object, member->block);
        if (!block || !hc_reader_word(&tracer->reader, block + member->offset, &address))
            return 0;
    }
    // A view of another object moves the reader that `object` was read with.
    struct hc_reader kept = tracer->object_reader;
    bool is_object = address && hc_tracer_view(tracer, address, &view);
    tracer->object_reader = kept;
    return is_object ? address : 0;
}

// The items of a variable-sized object that stand in its struct's last member, from `offset` on.
static void visit_items(struct hc_tracer *tracer, const struct hc_object_view *object, uint64_t offset)
{
    const struct hc_type *type = object->type;
    unsigned word = tracer->object_reader.target.word_size;
    uint64_t count = hc_view_word(tracer, object, tracer->at->var_size), end = type->basicsize;
    if (type->itemsize == word && count <= object->available / word)
        end += count * word;
    if (end > object->available)
        end = object->available;
    if (offset > end || !hc_trace_afford(tracer, (end - offset) / word))
        return;
    for (; offset + word <= end; offset += word) {
        const struct hc_struct_member item = {.offset = offset, .block = HC_NO_BLOCK};
        hc_trace_visit(tracer, referent_of(tracer, object, &item)); // 0 is not visited
    }
}

bool hc_native_trace(struct hc_tracer *tracer, const struct hc_object_view *object)
{
    const struct hc_type *type = object->type;
    const struct hc_native_struct *native;
    struct hc_error *error = hc_native_struct_find(tracer->types, type, &native);
    if (error || !native) {
        tracer->out_of_memory |= error != NULL;
        hc_error_destroy(error);
        return false;
    }
    uint64_t weak_references = 0;
    if (type->native && hc_is_present(tracer->at->type_weaklistoffset))
        hc_reader_word(&tracer->reader, type->native->address + tracer->at->type_weaklistoffset,
                       &weak_references);
    for (size_t i = 0; i < native->structure.members.count; i++) {
        const struct hc_struct_member *member = &native->structure.members.items[i];
        uint64_t offset = member->block == HC_NO_BLOCK ? member->offset : member->block;
        if ((member->kind != HC_MEMBER_OBJECT && member->kind != HC_MEMBER_UNTYPED) ||
            offset < type->words_from || offset > type->words_to || offset == weak_references)
            continue;
        if (member->is_open && member->block == HC_NO_BLOCK)
            visit_items(tracer, object, offset);
        else
            hc_trace_visit(tracer, referent_of(tracer, object, member)); // 0 is not visited
    }
    return true;
}
