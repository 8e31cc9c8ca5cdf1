#include "sets/kind.h"

#include <stdlib.h>
#include <string.h>

struct hc_kind *hc_kind_keep(struct hc_kind *kind)
{
    kind->references++;
    return kind;
}

void hc_kind_release(struct hc_kind *kind)
{
    // Left branches may be as deep as a session is long; right ones are as deep as one expression.
    while (kind && !--kind->references) {
        struct hc_kind *left = kind->left;
        hc_kind_release(kind->right);
        hc_set_release(kind->set);
        free(kind);
        kind = left;
    }
}

struct hc_error *hc_kind_refused(void)
{
    return hc_error_create("a symbolic set of more than %d parts, or no memory for it", HC_KIND_MAX_PARTS);
}

static struct hc_kind *create(struct hc_kind kind)
{
    struct hc_kind *created = malloc(sizeof(*created));
    if (!created)
        return NULL;
    *created = kind;
    created->references = 1;
    if (!created->parts)
        created->parts = 1;
    return created;
}

struct hc_kind *hc_kind_of_class(enum hc_relation relation, uint64_t key)
{
    return create((struct hc_kind){.operation = HC_KIND_CLASS, .relation = relation, .key = key});
}

struct hc_kind *hc_kind_of_clodo(const struct hc_universe *universe, uint64_t kind)
{
    bool is_class = kind < universe->type_count && !universe->is_dict[kind];
    return hc_kind_of_class(is_class ? HC_BY_TYPE : HC_BY_CLODO, kind);
}

struct hc_kind *hc_kind_of_set(struct hc_set *set)
{
    struct hc_kind *kind = create((struct hc_kind){.operation = HC_KIND_SET});
    if (kind)
        kind->set = hc_set_keep(set);
    return kind;
}

struct hc_kind *hc_kind_of_all(void)
{
    return create((struct hc_kind){.operation = HC_KIND_ALL});
}

static struct hc_kind *around(enum hc_kind_operation operation, struct hc_kind *operand)
{
    if (operand->depth >= HC_KIND_MAX_DEPTH || operand->parts >= HC_KIND_MAX_PARTS)
        return NULL;
    struct hc_kind *kind = create(
        (struct hc_kind){.operation = operation, .depth = operand->depth + 1, .parts = operand->parts + 1});
    if (kind)
        kind->left = hc_kind_keep(operand);
    return kind;
}

struct hc_kind *hc_kind_not(struct hc_kind *operand)
{
    return operand->operation == HC_KIND_NOT ? hc_kind_keep(operand->left) : around(HC_KIND_NOT, operand);
}

struct hc_kind *hc_kind_dicts(struct hc_kind *operand)
{
    return around(HC_KIND_DICTS, operand);
}

struct hc_kind *hc_kind_both(enum hc_kind_operation operation, struct hc_kind *left, struct hc_kind *right)
{
    unsigned depth = 1 + (left->depth > right->depth ? left->depth : right->depth);
    unsigned parts = 1 + left->parts + right->parts;
    if (depth > HC_KIND_MAX_DEPTH || parts > HC_KIND_MAX_PARTS)
        return NULL;
    struct hc_kind *kind = create((struct hc_kind){.operation = operation, .depth = depth, .parts = parts});
    if (kind) {
        kind->left = hc_kind_keep(left);
        kind->right = hc_kind_keep(right);
    }
    return kind;
}

static bool has_alternatives(enum hc_relation relation)
{
    return relation == HC_BY_TYPE || relation == HC_BY_SIZE || relation == HC_BY_RCS ||
           relation == HC_BY_VIA || relation == HC_BY_PROD;
}

struct hc_error *hc_kind_alternative(const struct hc_kind *kind, enum hc_comparison comparison,
                                     struct hc_kind **ret)
{
    *ret = NULL;
    if (kind->operation != HC_KIND_CLASS || !has_alternatives(kind->relation))
        return NULL;
    *ret = create((struct hc_kind){
        .operation = HC_KIND_CLASS, .relation = kind->relation, .comparison = comparison, .key = kind->key});
    return *ret ? NULL : hc_error_out_of_memory();
}
