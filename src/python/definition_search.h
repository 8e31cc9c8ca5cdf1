// The files with definitions that count: named ones, and those of the directories that are searched.
#pragma once

#include "python/definition.h"
#include "python/definition_model.h"

HC_DEFINE_VECTOR(hc_definition_files, struct hc_definition_file *)

// On an error, `ret` has what was read before it.
struct hc_error *hc_definition_files_find(const struct hc_definition_options *options,
                                          struct hc_definition_files *ret);
