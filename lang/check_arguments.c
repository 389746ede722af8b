/* check_arguments.c: calls against the argument texts of the tables: by position, then by name. */
#include "lang/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the texts of the tables ---- */

static void keep(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size) BUG("an argument text of %zu bytes", length);
    memcpy(to, from, length);
    to[length] = 0;
}

uint32_t split_arguments(const char *text, struct argument out[MOST_SETTINGS])
{
    uint32_t n = 0;
    while (*text) {
        size_t length = strcspn(text, " "), name = strcspn(text, " =");
        if (n == MOST_SETTINGS) BUG("more than %d arguments", MOST_SETTINGS);
        out[n] = (struct argument){0};
        keep(out[n].name, sizeof out[n].name, text, name);
        if (name < length) keep(out[n].fallback, sizeof out[n].fallback, text + name + 1, length - name - 1);
        n++;
        text += length;
        text += strspn(text, " ");
    }
    return n;
}

/* ---- calls ---- */

static struct argument *find_argument(const struct scope *s, const struct ast *call, const struct ast *pair,
                                      struct argument *row, uint32_t n)
{
    const struct ast *key = pair->child[0];
    if (key->kind == AST_ERROR) return NULL;
    struct choice choice = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (key->kind == AST_NAME && !strcmp(row[i].name, key->text)) return &row[i];
        choice_add(s->c, &choice, row[i].name);
    }
    mistake(s, key->span, "unknown-argument", "'%s' has no argument '%s'", call->text, key->text);
    suggest(s->c, key->text, &choice);
    return NULL;
}

static bool take_argument(const struct scope *s, const struct ast *call, uint32_t i, struct argument *row,
                          uint32_t n, bool *by_name)
{
    const struct ast *a = call->child[i];
    struct argument *to = NULL;
    if (a->kind == AST_ERROR) return false;
    if (a->kind == AST_PAIR) {
        *by_name = true;
        if (!(to = find_argument(s, call, a, row, n))) return false;
    } else if (*by_name) {
        mistake(s, a->span, "wrong-arguments", "an argument without a name stands behind a named one");
        return false;
    } else if (i >= n) {
        mistake(s, a->span, "wrong-arguments", "'%s' takes %u argument%s; this one is too many", call->text, n,
                n == 1 ? "" : "s");
        return false;
    } else {
        to = &row[i];
    }
    if (to->given) {
        mistake(s, a->span, "wrong-arguments", "'%s' is given twice", to->name);
        return false;
    }
    to->given = a->kind == AST_PAIR ? a->child[1] : a;
    return true;
}

bool match_arguments(const struct scope *s, const struct ast *call, const char *text,
                     struct argument out[MOST_SETTINGS], uint32_t *out_n)
{
    uint32_t n = split_arguments(text, out);
    *out_n = n;
    bool ok = true, by_name = false;
    for (uint32_t i = 0; call->kind == AST_CALL && i < call->n_children; i++)
        if (!take_argument(s, call, i, out, n, &by_name)) ok = false;
    for (uint32_t i = 0; ok && i < n; i++) {
        if (out[i].given || out[i].fallback[0]) continue;
        mistake(s, name_of(call), "missing-argument", "'%s' lacks its argument '%s'", call->text, out[i].name);
        diag_hint(s->c->diag, "write '%s(%s: …)'", call->text, out[i].name);
        return false;
    }
    return ok;
}

double argument_number(const struct scope *s, const struct argument *a, double low, double high, bool *ok)
{
    double value = 0;
    char found[32], least[32], most[32];
    if (!a->given) {
        if (!text_to_number(a->fallback, &value)) BUG("default '%s' of '%s' is no number", a->fallback, a->name);
        return value;
    }
    if (!constant_number(s, a->given, a->name, &value)) {
        *ok = false;
    } else if (value < low || value > high) {
        text_number(value, found);
        text_number(low, least);
        text_number(high, most);
        if (isinf(high))
            mistake(s, a->given->span, "out-of-range", "%s is %s; at least %s was expected", a->name, found, least);
        else
            mistake(s, a->given->span, "out-of-range", "%s is %s; a number from %s to %s was expected", a->name,
                    found, least, most);
        *ok = false;
    }
    return value;
}

double argument_positive(const struct scope *s, const struct argument *a, bool *ok)
{
    double value = argument_number(s, a, -HUGE_VAL, HUGE_VAL, ok);
    if (!*ok || value > 0) return value;
    char found[32];
    text_number(value, found);
    mistake(s, a->given->span, "out-of-range", "%s is %s; a number above 0 was expected", a->name, found);
    *ok = false;
    return value;
}

uint64_t argument_whole(const struct scope *s, const struct argument *a, double low, double high, bool *ok)
{
    uint64_t value = 0;
    if (!a->given) return strtoull(a->fallback, NULL, 10);
    if (!constant_whole(s, a->given, a->name, low, high, &value)) *ok = false;
    return value;
}
