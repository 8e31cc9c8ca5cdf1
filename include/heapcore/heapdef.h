// The binary interface of heap definitions: a shared object that tells heapcore how the instances of an
// extension's C types are read, as heapy's NyHeapDef told heapy: how big they are, what they refer to, and
// how.
//
// The process under study is dead, or stopped and not to be touched: nothing here is a pointer to an object.
// Addresses are numbers of that process, and what is there is read through the host's functions. Any read may
// find a hole: then the function says so, and what was found until then counts.
//
// Conventions
// - A plugin exports one symbol, `heapdef_exports`, by HEAPDEF_EXPORT. It links with no library of
// heapcore's.
// - heapcore loads it for --definitions FILE.so, or from a directory that is searched (docs/definitions.md).
// - `host`, `object` and `type` are only valid during the call, and opaque; never keep or compare them.
// - Functions that return int return 1 for yes and 0 for no, those of the plugin 0 for success.
// - The plugin's functions are called from several threads at once, so all that they write to is their own:
//   what `prepare` leaves in *ret_state is only read afterwards.
// - They must come back whatever they read: the image may be damaged or forged. When one object has had far
//   more read than there is, all further reads fail.
// - They must not throw, exit, or change signal handlers.
// - Stability: within one HEAPDEF_ABI functions are only added at the end of struct heapdef_host, whose
// `size`
//   says how many there are.
#ifndef HEAPDEF_H
#define HEAPDEF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEAPDEF_ABI 1

typedef struct heapdef_object heapdef_object; // an instance
typedef struct heapdef_target heapdef_target; // its type, and what is known of its binary

// How an object refers to another.
enum heapdef_relation {
    HEAPDEF_ATTRIBUTE, // .name: Python code sees it so
    HEAPDEF_MEMBER,    // ->name: C code does
    HEAPDEF_ITEM,      // [number]
    HEAPDEF_KEY,       // .keys()[number]
};

// For each entry of a dict; anything but 0 ends it.
typedef int heapdef_entry_fn(void *argument, uint64_t key, uint64_t value);

struct heapdef_host {
    size_t size; // of this struct

    // ---- The instance
    uint64_t (*address)(const heapdef_object *object);
    uint64_t (*basicsize)(const heapdef_object *object); // tp_basicsize of its class
    uint64_t (*itemsize)(const heapdef_object *object);  // tp_itemsize
    int64_t (*length)(const heapdef_object *object);     // ob_size; 0 if it has none

    // ---- Memory. In the byte order and word size of the process
    unsigned (*word_size)(const heapdef_object *object);
    int (*read)(heapdef_object *object, uint64_t address, void *bytes, size_t length);
    int (*word)(heapdef_object *object, uint64_t address, uint64_t *ret);
    int (*integer)(heapdef_object *object, uint64_t address, unsigned bytes, uint64_t *ret); // 1, 2, 4 or 8

    // ---- Python objects that it refers to
    // "module.Type"
    int (*type_name)(heapdef_object *object, uint64_t address, char *buffer, size_t size);
    int (*type_basicsize)(heapdef_object *object, uint64_t address, uint64_t *ret);
    int (*string)(heapdef_object *object, uint64_t address, char *buffer, size_t size);   // a str, as UTF-8
    int (*number)(heapdef_object *object, uint64_t address, int64_t *ret);                // an int that fits
    int (*item)(heapdef_object *object, uint64_t address, uint64_t index, uint64_t *ret); // of tuple or list
    int (*each)(heapdef_object *object, uint64_t dict, heapdef_entry_fn *entry, void *argument);

    // ---- For `traverse`. An address of 0 is none
    void (*visit)(heapdef_object *object, uint64_t address);  // a reference that tp_traverse visits
    void (*hold)(heapdef_object *object, uint64_t address);   // a reference that it does not visit
    void (*buffer)(heapdef_object *object, uint64_t address); // allocated memory that belongs to the object

    // ---- For `relate`. What is no reference after all is left out, so that it may say too much. Names are
    // copied
    void (*relate_name)(heapdef_object *object, enum heapdef_relation relation, const char *name,
                        uint64_t address);
    void (*relate_number)(heapdef_object *object, enum heapdef_relation relation, uint64_t number,
                          uint64_t address);
    void (*relate_key)(heapdef_object *object, uint64_t key, uint64_t address); // value of a mapping: [key]

    // ---- For `prepare`
    uint64_t (*target_basicsize)(const heapdef_target *type);
    unsigned (*target_word_size)(const heapdef_target *type);
    // A member ("table.used") of a struct of the binary, by its debug information. NULL for the member: the
    // struct itself
    int (*target_member)(heapdef_target *type, const char *structure, const char *member,
                         uint64_t *ret_offset, uint64_t *ret_size);
};

// One type. Every function may be NULL; what a class statement adds (slots, __dict__) is none of theirs.
struct heapdef_type {
    const char *name; // "module.Type"; * stands for any characters
    // Called once for each type of the process that has this name. NULL: go on; else why not, in a few words
    // ("made for 2.x"); the next definition that fits is tried then. NULL for the function: always.
    const char *(*prepare)(const struct heapdef_host *host, heapdef_target *type, void **ret_state);
    void (*release)(void *state); // frees it
    // What __sizeof__() gives. NULL: heapcore finds it out by itself.
    int (*size)(const struct heapdef_host *host, heapdef_object *object, void *state, uint64_t *ret);
    // Calls host->visit(), hold() and buffer(), as tp_traverse calls visit. NULL: it refers to nothing.
    int (*traverse)(const struct heapdef_host *host, heapdef_object *object, void *state);
    // Calls host->relate_…() for the same references. NULL: nobody knows how.
    int (*relate)(const struct heapdef_host *host, heapdef_object *object, void *state);
};

struct heapdef_exports {
    uint32_t abi; // HEAPDEF_ABI
    uint32_t count;
    const struct heapdef_type *types;
};

#if defined(__GNUC__)
#define HEAPDEF_VISIBLE __attribute__((visibility("default")))
#else
#define HEAPDEF_VISIBLE
#endif

extern HEAPDEF_VISIBLE const struct heapdef_exports heapdef_exports;

// HEAPDEF_EXPORT(types): what the plugin has, an array.
#define HEAPDEF_EXPORT(array)                                                                                \
    const struct heapdef_exports heapdef_exports = {HEAPDEF_ABI,                                             \
                                                    (uint32_t)(sizeof(array) / sizeof(*(array))), array}

#ifdef __cplusplus
}
#endif

#endif
