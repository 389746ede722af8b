/* text.c: nearest word, numbers to text that reads back the same, growing text. */
#include "runtime/base/text.h"
#include "runtime/base/arena.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_WORD 64

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}
static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edits from a to b (optimal string alignment); three rows of the table are kept: i - 2, i - 1, i. */
static uint32_t edit_distance(const char *a, uint32_t n_a, const char *b, uint32_t n_b)
{
    uint32_t rows[3][LONGEST_WORD + 1];
    for (uint32_t j = 0; j <= n_b; j++) rows[0][j] = j;
    for (uint32_t i = 1; i <= n_a; i++) {
        uint32_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= n_b; j++) {
            row[j] = least(above[j], row[j - 1]) + 1;
            row[j] = least(row[j], above[j - 1] + !same_letter(a[i - 1], b[j - 1]));
            bool swapped = i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]);
            if (swapped) row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[n_a % 3][n_b];
}

const char *text_nearest(const char *found, const char *const words[], uint32_t n_words)
{
    size_t length = strlen(found);
    if (length > LONGEST_WORD) return NULL;
    const char *nearest = NULL;
    uint32_t most = length < 6 ? 1 : (uint32_t)length / 3, best = UINT32_MAX;
    for (uint32_t i = 0; i < n_words; i++) {
        size_t other = strlen(words[i]);
        if (other > LONGEST_WORD) continue;
        uint32_t distance = edit_distance(found, (uint32_t)length, words[i], (uint32_t)other);
        uint32_t rank = 2 * distance + (other != length);
        if (distance > most || distance >= length || rank >= best) continue;
        best = rank;
        nearest = words[i];
    }
    return nearest;
}

/* glibc hands out its built-in locale here: no allocation, no failure. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static bool reads_back(const char *text, double value, bool is_float)
{
    return is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* As few digits as read back the same; an exponent only where zeros would have to fill in for digits. */
static void print_shortest(double value, bool is_float, char out[32])
{
    if (!isfinite(value)) {
        strcpy(out, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    locale_t c = c_locale(), before = uselocale(c);
    int digits = 0;
    do snprintf(out, 32, "%.*e", digits, value);
    while (!reads_back(out, value, is_float) && ++digits < 17);
    int exponent = atoi(strchr(out, 'e') + 1);
    if (exponent >= -5 && exponent < 16)
        snprintf(out, 32, "%.*f", exponent < digits ? digits - exponent : 0, value);
    uselocale(before);
    freelocale(c);
}

void text_number(double value, char out[32])
{
    print_shortest(value, false, out);
}
void text_number_float(float value, char out[32])
{
    print_shortest((double)value, true, out);
}

/* strtod also reads hexadecimal, inf and nan: only the characters of decimal numbers are let through to it. */
bool text_to_number(const char *text, double *out)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0') return false;
    locale_t c = c_locale();
    char *end;
    *out = strtod_l(text, &end, c);
    freelocale(c);
    return *end == '\0' && isfinite(*out);
}

/* Bytes of the UTF-8 character at text, 0 where it is none: no overlong form, no surrogate, nothing above U+10FFFF.
 */
static size_t utf8_bytes(const unsigned char *text, size_t length)
{
    unsigned char first = text[0];
    if (first < 0x80) return 1;
    size_t bytes = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (bytes == 0 || bytes > length) return 0;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((text[i] & 0xC0) != 0x80) return 0;
    return bytes;
}

size_t text_invalid_utf8(const char *text, size_t length)
{
    size_t at = 0, bytes;
    while (at < length && (bytes = utf8_bytes((const unsigned char *)text + at, length - at)) > 0) at += bytes;
    return at;
}

static void reserve(struct text *text, size_t more)
{
    if (more > SIZE_MAX / 4 - text->length) arena_exhausted();
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity) return;
    size_t capacity = needed < 64 ? 64 : 2 * needed;
    char *data = realloc(text->data, capacity);
    if (data == NULL) arena_exhausted();
    text->data = data;
    text->capacity = capacity;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = format == NULL ? -1 : vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) BUG("a format that cannot be printed");
    reserve(text, (size_t)length);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    va_end(again);
    text->length += (size_t)length;
}

void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
    reserve(text, length);
    if (length > 0) memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void text_fini(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}
