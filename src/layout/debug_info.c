#include "layout/debug_info.h"

#include "layout/functions.h"
#include "layout/table.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <string.h>

#define MAX_UNITS (1u << 18)

const char *hc_layout_source_name(enum hc_layout_source source)
{
    switch (source) {
    case HC_LAYOUT_NONE:
        return "none";
    case HC_LAYOUT_DWARF:
        return "dwarf";
    case HC_LAYOUT_DEBUG_OFFSETS:
        return "debug_offsets";
    case HC_LAYOUT_TABLE:
        return "table";
    }
    return "unknown";
}

// libdw unpacks every compressed section that it knows when it opens a file. Those that layouts do not need
// (line tables, location lists …) are three quarters of the work, so it is shown them as empty.
static void hide_unneeded_sections(Elf *elf)
{
    static const char *const needed[] = {"info",     "types", "abbrev",      "str",
                                         "line_str", "addr",  "str_offsets", "cu_index"};
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (!name)
            continue;
        const char *suffix = strncmp(name, ".debug_", 7) == 0    ? name + 7
                             : strncmp(name, ".zdebug_", 8) == 0 ? name + 8
                                                                 : NULL;
        bool hide = suffix != NULL;
        for (size_t i = 0; hide && i < sizeof(needed) / sizeof(*needed); i++)
            hide = strcmp(suffix, needed[i]) != 0;
        if (!hide)
            continue;
        header.sh_type = SHT_NOBITS;
        gelf_update_shdr(section, &header);
    }
}

static struct hc_error *open_dwarf(const struct hc_debug_file *file, Dwarf **ret)
{
    hide_unneeded_sections(file->elf);
    *ret = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
    if (!*ret)
        return hc_error_create("cannot read the debug info in %s: %s", file->path, dwarf_errmsg(-1));
    return NULL;
}

static struct hc_error *open_alternate(struct hc_debug_info *info, const struct hc_debug_file *file,
                                       const struct hc_debug_options *options)
{
    const char *name;
    const void *build_id;
    ssize_t length = dwelf_dwarf_gnu_debugaltlink(info->dwarf, &name, &build_id);
    if (length <= 0)
        return NULL;
    HC_TRY(hc_debug_file_find_alternate(file, name, build_id, (size_t)length, options, &info->alternate));
    HC_TRY(open_dwarf(&info->alternate, &info->alternate_dwarf));
    dwarf_setalt(info->dwarf, info->alternate_dwarf);
    return NULL;
}

// All that matters is in a .dwo file, the name included (-gsplit-dwarf).
static void use_split_unit(struct hc_unit *unit)
{
    Dwarf_Die split;
    if (unit->type == DW_UT_skeleton &&
        dwarf_cu_info(unit->die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) == 0 && split.addr)
        unit->die = split;
}

// Reads the first entry of each unit only. Damaged debug info ends the table where the damage begins.
// *ret_first_section is how many units stand in .debug_info; those of .debug_types follow.
static struct hc_error *list_units(struct hc_debug_info *info, Dwarf *dwarf, bool is_alternate,
                                   size_t *ret_first_section)
{
    Dwarf_CU *cu = NULL;
    struct hc_unit unit = {.is_alternate = is_alternate};
    size_t first_section = 0;
    while (info->units.count < MAX_UNITS &&
           dwarf_get_units(dwarf, cu, &cu, NULL, &unit.type, &unit.die, NULL) == 0) {
        if (!unit.die.addr)
            continue;
        Dwarf_Off offset = dwarf_dieoffset(&unit.die);
        if (!first_section && offset <= unit.offset)
            first_section = info->units.count;
        unit.offset = offset;
        use_split_unit(&unit);
        unit.name = hc_entry_name(&unit.die);
        info->has_type_units |= unit.type == DW_UT_type;
        if (!hc_unit_vector_push(&info->units, unit))
            return hc_error_out_of_memory();
    }
    *ret_first_section = first_section ? first_section : info->units.count;
    return NULL;
}

static struct hc_error *open_files(struct hc_debug_info *info, const struct hc_module *module,
                                   const struct hc_debug_options *options)
{
    HC_TRY(hc_debug_file_open_module(module, &info->main));
    const struct hc_debug_file *file = &info->main;
    if (!file->elf || !hc_debug_file_has_dwarf(file->elf)) {
        HC_TRY(hc_debug_file_find(module, &info->main, options, &info->separate));
        file = &info->separate;
    }
    HC_TRY(open_dwarf(file, &info->dwarf));
    HC_TRY(open_alternate(info, file, options));
    HC_TRY(list_units(info, info->dwarf, false, &info->info_units));
    info->alternate_units = info->units.count;
    if (!info->alternate_dwarf)
        return NULL;
    size_t alternate_info_units; // dwz makes no type units
    return list_units(info, info->alternate_dwarf, true, &alternate_info_units);
}

struct hc_error *hc_debug_info_open(const struct hc_module *module, const struct hc_debug_options *options,
                                    struct hc_debug_info **ret)
{
    static const struct hc_debug_options no_options = {0};
    _cleanup_(hc_debug_info_destroyp) struct hc_debug_info *info = calloc(1, sizeof(*info));
    if (!info)
        return hc_error_out_of_memory();
    info->main.fd = info->separate.fd = info->alternate.fd = -1;
    info->load_bias = module->load_bias;
    HC_TRY(open_files(info, module, options ? options : &no_options));
    *ret = hc_take(info);
    return NULL;
}

void hc_debug_info_destroy(struct hc_debug_info *info)
{
    if (!info)
        return;
    hc_function_table_destroy(info->functions);
    hc_symbol_table_destroy(info->symbols);
    hc_unit_vector_deinit(&info->units);
    dwarf_end(info->dwarf);
    dwarf_end(info->alternate_dwarf);
    hc_debug_file_close(&info->alternate);
    hc_debug_file_close(&info->separate);
    hc_debug_file_close(&info->main);
    free(info);
}

const char *hc_debug_info_file(const struct hc_debug_info *info)
{
    if (info->table)
        return hc_layout_table_name(info->table);
    return info->separate.elf ? info->separate.path : info->main.elf ? info->main.path : "no file";
}

const char *hc_entry_name(Dwarf_Die *entry)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(entry, DW_AT_name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

size_t hc_debug_info_next_unit(const struct hc_debug_info *info, size_t start, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = start; i < info->units.count; i++) {
        const char *unit = info->units.items[i].name;
        size_t unit_length = unit ? strlen(unit) : 0;
        if (unit_length < length || strcmp(unit + unit_length - length, name) != 0)
            continue;
        if (unit_length == length || unit[unit_length - length - 1] == '/')
            return i;
    }
    return info->units.count;
}

static struct hc_unit *find_unit(struct hc_debug_info *info, Dwarf_Die *die)
{
    Dwarf_Die unit;
    if (!dwarf_diecu(die, &unit, NULL, NULL))
        return NULL;
    bool is_alternate = dwarf_cu_getdwarf(die->cu) != info->dwarf;
    size_t low = is_alternate ? info->alternate_units : 0;
    size_t end = is_alternate ? info->units.count : info->info_units;
    Dwarf_Off offset = dwarf_dieoffset(&unit);
    for (size_t high = end; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (info->units.items[middle].offset == offset)
            return &info->units.items[middle];
        if (info->units.items[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// Imported units are chained, not recursed into: a long chain of imports needs no deep stack, a ring ends.
static void chain_import(struct hc_debug_info *info, Dwarf_Die *import, struct hc_unit **last)
{
    Dwarf_Attribute attribute;
    Dwarf_Die target;
    if (!dwarf_attr(import, DW_AT_import, &attribute) || !dwarf_formref_die(&attribute, &target))
        return;
    struct hc_unit *unit = find_unit(info, &target);
    if (!unit || unit->visit == info->visits)
        return;
    unit->visit = info->visits;
    unit->next_import = NULL;
    (*last)->next_import = unit;
    *last = unit;
}

// `last_import` is NULL if imports are not to be followed.
static bool walk_entries(struct hc_debug_info *info, struct hc_unit *unit, struct hc_unit **last_import,
                         hc_entry_fn *callback, void *argument)
{
    Dwarf_Die entry;
    if (dwarf_child(&unit->die, &entry) != 0)
        return true;
    do {
        if (last_import && dwarf_tag(&entry) == DW_TAG_imported_unit)
            chain_import(info, &entry, last_import);
        else if (!callback(argument, &entry))
            return false;
    } while (dwarf_siblingof(&entry, &entry) == 0);
    return true;
}

bool hc_debug_info_walk_unit(struct hc_debug_info *info, struct hc_unit *unit, hc_entry_fn *callback,
                             void *argument)
{
    info->visits++;
    unit->visit = info->visits;
    unit->next_import = NULL;
    struct hc_unit *last = unit;
    for (; unit; unit = unit->next_import)
        if (!walk_entries(info, unit, &last, callback, argument))
            return false;
    return true;
}

bool hc_debug_info_walk_all(struct hc_debug_info *info, hc_entry_fn *callback, void *argument)
{
    for (size_t i = 0; i < info->units.count; i++)
        if (!walk_entries(info, &info->units.items[i], NULL, callback, argument))
            return false;
    return true;
}
