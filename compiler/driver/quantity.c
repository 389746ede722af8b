/* quantity.c: the keys of metrics.jsonl as a reader meets them. */
#include "compiler/driver/quantity.h"

#include <stdio.h>
#include <string.h>

static const struct quantity quantities[] = {
#define QUANTITY(...) {__VA_ARGS__},
#include "compiler/driver/quantities.def"
#undef QUANTITY
};

bool quantity_has(const char *of, const char *key)
{
    size_t n = strlen(of);
    return !strncmp(key, of, n) && (!key[n] || key[n] == '.');
}

const struct quantity *quantity_find(const char *key)
{
    const struct quantity *found = NULL;
    char value_key[256];
    snprintf(value_key, sizeof value_key, "%s", key);
    size_t n = strlen(value_key);
    if (n > 6 && !strcmp(value_key + n - 6, "_error")) value_key[n - 6] = 0;
    for (size_t i = 0; i < LENGTH(quantities); i++)
        if (quantity_has(quantities[i].key, value_key) &&
            (!found || strlen(found->key) < strlen(quantities[i].key)))
            found = &quantities[i];
    return found;
}
