// Symbols by name, static ones and those that link-time optimisation renamed included.
#include "layout/debug_info.h"
#include "base/path.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

#define MAX_SYMBOLS (1u << 24)
#define NO_SYMBOL UINT32_MAX
#define MAX_CANDIDATES 64

struct symbol {
    const char *name;
    const char *file; // of the STT_FILE symbol above it, for local symbols
    uint64_t address; // in the file's terms
    uint64_t size;
    uint32_t next; // with the same hash
    bool is_local;
};

HC_DEFINE_VECTOR(symbol_vector, struct symbol)

struct hc_symbol_table {
    struct symbol_vector symbols;
    uint32_t *heads;
    uint32_t mask;
};

void hc_symbol_table_destroy(struct hc_symbol_table *table)
{
    if (!table)
        return;
    symbol_vector_deinit(&table->symbols);
    free(table->heads);
    free(table);
}

HC_DEFINE_POINTER_CLEANUP(hc_symbol_table_destroy, struct hc_symbol_table)

// FNV-1a of the part before the first '.', so that "arenas" and "arenas.lto_priv.0" meet.
static uint32_t hash_stem(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name && *name != '.'; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return hash ^ hash >> 15;
}

// "NAME.5", "NAME.lto_priv.0": the variable itself under another name. A function's ".cold", ".part.0" or
// ".constprop.0" is not the function that a pointer would point to.
static bool is_renamed(const char *suffix)
{
    while (*suffix == '.') {
        if (strncmp(suffix, ".lto_priv", 9) == 0)
            suffix += 9;
        size_t digits = *suffix == '.' ? strspn(suffix + 1, "0123456789") : 0;
        if (digits == 0)
            return false;
        suffix += digits + 1;
    }
    return !*suffix;
}

static bool is_place(const GElf_Sym *symbol)
{
    switch (GELF_ST_TYPE(symbol->st_info)) {
    case STT_NOTYPE:
    case STT_OBJECT:
    case STT_FUNC:
    case STT_GNU_IFUNC:
        return symbol->st_shndx != SHN_UNDEF && symbol->st_shndx != SHN_ABS;
    default:
        return false;
    }
}

static bool add_section(struct hc_symbol_table *table, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    if (!data || header->sh_entsize == 0)
        return true;
    const char *file = NULL;
    uint64_t count = header->sh_size / header->sh_entsize;
    for (uint64_t i = 0; i < count && table->symbols.count < MAX_SYMBOLS; i++) {
        GElf_Sym entry;
        if (!gelf_getsym(data, (int)i, &entry))
            break;
        const char *name = elf_strptr(elf, header->sh_link, entry.st_name);
        if (GELF_ST_TYPE(entry.st_info) == STT_FILE)
            file = name;
        if (!name || !*name || !is_place(&entry))
            continue;
        bool is_local = GELF_ST_BIND(entry.st_info) == STB_LOCAL;
        struct symbol symbol = {.name = name,
                                .file = is_local ? file : NULL,
                                .address = entry.st_value,
                                .size = entry.st_size,
                                .is_local = is_local};
        if (!symbol_vector_push(&table->symbols, symbol))
            return false;
    }
    return true;
}

static bool add_file(struct hc_symbol_table *table, Elf *elf, uint32_t type)
{
    for (Elf_Scn *section = NULL; elf && (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == type &&
            !add_section(table, elf, section, &header))
            return false;
    }
    return true;
}

static bool index_table(struct hc_symbol_table *table)
{
    uint32_t size = 64;
    while (size < table->symbols.count)
        size *= 2;
    table->heads = malloc(size * sizeof(*table->heads));
    if (!table->heads)
        return false;
    memset(table->heads, 0xff, size * sizeof(*table->heads));
    table->mask = size - 1;
    for (uint32_t i = (uint32_t)table->symbols.count; i-- > 0;) {
        struct symbol *symbol = &table->symbols.items[i];
        uint32_t *head = &table->heads[hash_stem(symbol->name) & table->mask];
        symbol->next = *head;
        *head = i;
    }
    return true;
}

// .symtab first: it holds all that .dynsym holds, and knows files.
static bool build_table(struct hc_debug_info *info)
{
    _cleanup_(hc_symbol_table_destroyp) struct hc_symbol_table *table = calloc(1, sizeof(*table));
    if (!table || !add_file(table, info->separate.elf, SHT_SYMTAB) ||
        !add_file(table, info->main.elf, SHT_SYMTAB) || !add_file(table, info->main.elf, SHT_DYNSYM) ||
        !index_table(table))
        return false;
    info->symbols = hc_take(table);
    return true;
}

struct candidates {
    const struct symbol *items[MAX_CANDIDATES]; // of different addresses
    size_t count;
};

static void add_candidate(struct candidates *candidates, const struct symbol *symbol)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (candidates->items[i]->address == symbol->address)
            return;
    if (candidates->count < MAX_CANDIDATES)
        candidates->items[candidates->count++] = symbol;
}

// In order of preference: global, local, renamed.
static void collect(const struct hc_symbol_table *table, const char *name, struct candidates *candidates)
{
    enum { GLOBAL, LOCAL, RENAMED, RANKS };
    size_t length = strlen(name);
    for (int rank = GLOBAL; rank < RANKS; rank++) {
        for (uint32_t i = table->heads[hash_stem(name) & table->mask]; i != NO_SYMBOL;
             i = table->symbols.items[i].next) {
            const struct symbol *symbol = &table->symbols.items[i];
            if (strncmp(symbol->name, name, length) != 0)
                continue;
            bool is_exact = !symbol->name[length];
            if (!is_exact && !is_renamed(symbol->name + length))
                continue;
            if (rank == (!is_exact ? RENAMED : symbol->is_local ? LOCAL : GLOBAL))
                add_candidate(candidates, symbol);
        }
    }
}

static const struct symbol *in_file(const struct candidates *candidates, const char *unit)
{
    const char *file = hc_path_name(unit);
    const struct symbol *found = NULL;
    for (size_t i = 0; i < candidates->count; i++) {
        const struct symbol *symbol = candidates->items[i];
        if (!symbol->file || strcmp(symbol->file, file) != 0)
            continue;
        if (found)
            return NULL;
        found = symbol;
    }
    return found;
}

// Which of the candidates is defined in a unit, by the unit's own entry, or, after link-time optimisation, by
// an entry elsewhere that stands for one in the unit.
struct definition_search {
    const struct candidates *candidates;
    const char *name;
    Dwarf_Off low, high; // the unit's extent in .debug_info
    const struct symbol *found;
};

static bool entry_address(Dwarf_Die *entry, uint64_t *ret)
{
    Dwarf_Attribute attribute;
    Dwarf_Addr address;
    if (dwarf_tag(entry) == DW_TAG_subprogram) {
        if (dwarf_lowpc(entry, &address) != 0)
            return false;
        *ret = address;
        return true;
    }
    Dwarf_Op *operations;
    size_t count;
    if (!dwarf_attr(entry, DW_AT_location, &attribute) ||
        dwarf_getlocation(&attribute, &operations, &count) != 0 || count != 1)
        return false;
    if (operations[0].atom == DW_OP_addr) {
        *ret = operations[0].number;
        return true;
    }
    Dwarf_Attribute indexed;
    return dwarf_getlocation_attr(&attribute, operations, &indexed) == 0 &&
           dwarf_formaddr(&indexed, &address) == 0 && (*ret = address, true);
}

static const char *inherited_name(Dwarf_Die *entry)
{
    Dwarf_Attribute attribute;
    return dwarf_attr_integrate(entry, DW_AT_name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

static bool visit_definition(void *argument, Dwarf_Die *entry)
{
    struct definition_search *search = argument;
    int tag = dwarf_tag(entry);
    if (tag != DW_TAG_variable && tag != DW_TAG_subprogram)
        return true;
    uint64_t address;
    const char *name = inherited_name(entry);
    if (!name || strcmp(name, search->name) != 0 || !entry_address(entry, &address))
        return true;
    for (size_t i = 0; i < search->candidates->count; i++)
        if (search->candidates->items[i]->address == address)
            search->found = search->candidates->items[i];
    return !search->found;
}

// Cheaper than a name: most entries elsewhere refer to other units.
static bool visit_stand_in(void *argument, Dwarf_Die *entry)
{
    struct definition_search *search = argument;
    Dwarf_Attribute attribute;
    Dwarf_Die origin;
    if (!dwarf_attr(entry, DW_AT_abstract_origin, &attribute) || !dwarf_formref_die(&attribute, &origin))
        return true;
    Dwarf_Off offset = dwarf_dieoffset(&origin);
    if (offset < search->low || offset >= search->high)
        return true;
    return visit_definition(argument, entry);
}

static const struct symbol *by_definition(struct hc_debug_info *info, const struct candidates *candidates,
                                          const char *name, const char *unit)
{
    struct definition_search search = {.candidates = candidates, .name = name};
    size_t index = hc_debug_info_next_unit(info, 0, unit);
    if (index >= info->info_units)
        return NULL;
    hc_debug_info_walk_unit(info, &info->units.items[index], visit_definition, &search);
    if (search.found)
        return search.found;
    search.low = info->units.items[index].offset;
    search.high = index + 1 < info->info_units ? info->units.items[index + 1].offset : ~(Dwarf_Off)0;
    for (size_t i = 0; i < info->info_units && !search.found; i++) {
        struct hc_unit *other = &info->units.items[i];
        if (other->name && strcmp(other->name, "<artificial>") == 0)
            hc_debug_info_walk_unit(info, other, visit_stand_in, &search);
    }
    return search.found;
}

bool hc_debug_info_find_symbol(struct hc_debug_info *info, const char *name, const char *unit,
                               uint64_t *ret_address, uint64_t *ret_size)
{
    if (!info->symbols && !build_table(info))
        return false;
    struct candidates candidates = {0};
    collect(info->symbols, name, &candidates);
    if (candidates.count == 0)
        return false;
    const struct symbol *symbol = NULL;
    if (unit && candidates.count > 1) {
        symbol = in_file(&candidates, unit);
        if (!symbol)
            symbol = by_definition(info, &candidates, name, unit);
    }
    if (!symbol)
        symbol = candidates.items[0];
    *ret_address = symbol->address + info->load_bias;
    if (ret_size)
        *ret_size = symbol->size;
    return true;
}

bool hc_debug_info_find_only_symbol(struct hc_debug_info *info, const char *name, uint64_t *ret)
{
    if (!info->symbols && !build_table(info))
        return false;
    struct candidates candidates = {0};
    collect(info->symbols, name, &candidates);
    if (candidates.count != 1)
        return false;
    *ret = candidates.items[0]->address;
    return true;
}
