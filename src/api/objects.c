// Single objects by address.
#include "api/api.h"

#include "python/value.h"
#include "sets/partition.h"

#include <stdlib.h>

static bool find(const heapcore_session *session, uint64_t address, hc_object_id *ret)
{
    const struct hc_graph *graph = session->session->graph;
    return hc_graph_find(graph, address, ret) && graph->states[ret->i] != HC_STATE_NONE;
}

// The session keeps the name of each type that was asked for.
static const char *type_name(heapcore_session *session, uint32_t type)
{
    const struct hc_type_vector *types = &session->session->graph->types.types;
    if (!session->type_names && !(session->type_names = calloc(types->count, sizeof(char *))))
        return "";
    if (!session->type_names[type])
        session->type_names[type] = hc_kind_class_name(types->items[type]);
    return session->type_names[type] ? session->type_names[type] : "";
}

static uint64_t refcount_of(heapcore_session *session, uint64_t address)
{
    struct hc_tracer *tracer;
    struct hc_object_view view;
    struct hc_error *error = hc_universe_tracer(&session->interpreter.universe, &tracer);
    hc_error_destroy(error);
    return !error && hc_tracer_view(tracer, address, &view) ? hc_tracer_refcount(tracer, &view) : 0;
}

bool heapcore_object_find(heapcore_session *session, uint64_t address, struct heapcore_object *ret)
{
    const struct hc_graph *graph = session->session->graph;
    hc_object_id object;
    if (ret->size < sizeof(*ret) || !find(session, address, &object))
        return false;
    bool is_virtual = hc_graph_is_virtual(graph, object);
    *ret = (struct heapcore_object){
        .size = ret->size,
        .address = address,
        .bytes = hc_graph_size(graph, object),
        .refcount = is_virtual ? 0 : refcount_of(session, address),
        .type = type_name(session, graph->type_indexes[object.i]),
        .state = hc_state_name(hc_graph_state(graph, object)),
    };
    return true;
}

char *heapcore_object_repr(heapcore_session *session, uint64_t address)
{
    hc_object_id object;
    struct hc_tracer *tracer;
    if (!find(session, address, &object))
        return NULL;
    struct hc_error *error = hc_universe_tracer(&session->interpreter.universe, &tracer);
    hc_error_destroy(error);
    return error ? NULL : hc_value_repr(tracer, address);
}
