// Heap definitions as they apply to one process: places resolved to offsets, for each module that has types.
#pragma once

#include "python/definition.h"
#include "python/definition_model.h"

// A block in one module.
struct hc_definition_layout {
    const struct hc_definition_block *block;
    uint64_t size;           // of the struct; 0: not known
    struct hc_field *fields; // by place; all there unless there is a cause
    char *cause;             // why it cannot be used, or NULL
};

// The blocks of one file in one module. Belongs to the definitions.
struct hc_definition_layouts {
    const struct hc_definition_file *file;
    const struct hc_module *module;       // NULL: no struct had to be looked up
    struct hc_definition_layout *layouts; // by the block's index
};

// A type's definition, ready to trace its instances. Belongs to the definitions.
struct hc_definition_use {
    const struct hc_definition *definition;
    const struct hc_definition_layouts *layouts;
    const struct hc_definition_use *base; // whose fields the instances have, too; NULL: none
    void *state;                          // of a plugin
};

static inline const struct hc_definition_layout *
hc_definition_layout_of(const struct hc_definition_use *use, const struct hc_definition_block *block)
{
    return &use->layouts->layouts[block->index];
}

struct hc_opened_info {
    const struct hc_module *module;
    struct hc_debug_info *info; // NULL: there is none, for this
    char *cause;
};

HC_DEFINE_VECTOR(hc_opened_infos, struct hc_opened_info)

// The debug information of modules, opened when first asked for.
struct hc_debug_infos {
    struct hc_opened_infos opened;
};

void hc_debug_infos_deinit(struct hc_debug_infos *infos);
// NULL, with *ret_cause set: there is none. Both belong to the infos.
struct hc_debug_info *hc_debug_infos_get(struct hc_debug_infos *infos, const struct hc_runtime *runtime,
                                         const struct hc_module *module, const char **ret_cause);

// Finds the places of all blocks of `file`. `module` may be NULL: then blocks with a struct have a cause.
struct hc_error *hc_definition_layouts_create(const struct hc_definition_file *file,
                                              const struct hc_module *module,
                                              const struct hc_runtime *runtime, struct hc_debug_infos *infos,
                                              struct hc_definition_layouts **ret);
void hc_definition_layouts_destroy(struct hc_definition_layouts *layouts);
HC_DEFINE_POINTER_CLEANUP(hc_definition_layouts_destroy, struct hc_definition_layouts)
// Why what the definition describes cannot be read; NULL: it can.
const char *hc_definition_layouts_cause(const struct hc_definition_layouts *layouts,
                                        const struct hc_definition_block *block);

// What a plugin sees of the type; an error says why the plugin does not take it.
struct hc_error *hc_plugin_prepare(const struct hc_definition *definition, struct hc_type_table *table,
                                   const struct hc_type *native, struct hc_debug_info *info,
                                   void **ret_state);
void hc_plugin_release(const struct hc_definition *definition, void *state);
void hc_plugin_trace(const struct hc_definition_use *use, struct hc_tracer *tracer,
                     const struct hc_object_view *object);
void hc_plugin_relate(const struct hc_definition_use *use, struct hc_relater *relater,
                      const struct hc_object_view *object);
// False: it does not say, or could not.
bool hc_plugin_size(const struct hc_definition_use *use, struct hc_tracer *tracer,
                    const struct hc_object_view *object, uint64_t *ret);

// How much of the image one object may have read: forged lists are endless. What small objects need is free,
// the rest is charged to the tracer's allowance.
struct hc_definition_budget {
    uint64_t used, granted; // words
    bool is_exhausted;
};
bool hc_definition_charge(struct hc_definition_budget *budget, struct hc_tracer *tracer, uint64_t words);
