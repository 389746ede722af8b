/* digits.c: handwritten-like digits, 16 by 16, drawn from strokes with a shaky hand. */
#include "runtime/data/source.h"
#include "runtime/base/random.h"

#include <math.h>
#include <string.h>

#define MOST_POINTS 12
#define MOST_STROKES 4
#define PIECES 5 /* straight pieces a curve is drawn with between two of its points */

/* A curve through its points (Catmull and Rom's), in a box 1 wide and 1 high, y downwards; `angular` joins them by
 * lines. */
struct stroke {
    uint8_t n_points;
    bool angular;
    float point[MOST_POINTS][2];
};
struct glyph {
    uint8_t digit, n_strokes;
    struct stroke stroke[MOST_STROKES];
};
static const struct glyph glyphs[] = {
#define GLYPH(digit, n, ...) {digit, n, {__VA_ARGS__}},
#define CURVE(n, ...)                                                                                              \
    {                                                                                                              \
        n, false,                                                                                                  \
        {                                                                                                          \
            __VA_ARGS__                                                                                            \
        }                                                                                                          \
    }
#define LINES(n, ...)                                                                                              \
    {                                                                                                              \
        n, true,                                                                                                   \
        {                                                                                                          \
            __VA_ARGS__                                                                                            \
        }                                                                                                          \
    }
#include "runtime/data/digits.def"
#undef GLYPH
#undef CURVE
#undef LINES
};

/* How one sample is written. */
struct hand {
    float xx, xy, yx, yy, x, y; /* box to pixels */
    float radius, ink, shake, noise;
};

static float between(struct random *random, float low, float high)
{
    return low + (high - low) * (float)random_uniform(random);
}

/* Turning by a small angle a: (1 - t^2, 2t) / (1 + t^2) with t = tan(a / 2) needs no sine. */
static struct hand draw_hand(struct random *random)
{
    float width = between(random, 6.0f, 10.5f), height = between(random, 8.5f, 12.5f);
    float slant = between(random, -0.35f, 0.35f), t = between(random, -0.14f, 0.14f);
    float cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
    struct hand h = {.xx = cosine * width, .yx = sine * width};
    h.xy = -(cosine * slant + sine) * height;
    h.yy = (cosine - sine * slant) * height;
    h.x = between(random, 5.5f, 9.5f);
    h.y = between(random, 6.0f, 9.0f);
    h.radius = between(random, 0.35f, 1.05f);
    h.ink = between(random, 0.75f, 1.0f);
    h.shake = 0.045f;
    h.noise = between(random, 0.02f, 0.16f);
    return h;
}

struct segment {
    float ax, ay, bx, by;
};

static float clamp(float v, float low, float high)
{
    return v < low ? low : v > high ? high : v;
}

/* Ink falls from 1 to 0 over one pixel around the edge of the stroke; crossings do not add. */
static void draw_segment(const struct segment *s, float radius, float picture[DIGITS_PIXELS])
{
    float reach = radius + 0.5f, dx = s->bx - s->ax, dy = s->by - s->ay, square = dx * dx + dy * dy;
    int left = (int)ceilf(clamp(fminf(s->ax, s->bx) - reach, 0, DIGITS_SIDE));
    int right = (int)clamp(fmaxf(s->ax, s->bx) + reach, -1, DIGITS_SIDE - 1);
    int top = (int)ceilf(clamp(fminf(s->ay, s->by) - reach, 0, DIGITS_SIDE));
    int bottom = (int)clamp(fmaxf(s->ay, s->by) + reach, -1, DIGITS_SIDE - 1);
    float scale = square > 1e-8f ? 1 / square : 0;
    for (int y = top; y <= bottom; y++) {
        for (int x = left; x <= right; x++) {
            float px = (float)x - s->ax, py = (float)y - s->ay;
            float along = clamp((px * dx + py * dy) * scale, 0, 1);
            float qx = px - along * dx, qy = py - along * dy, distance = qx * qx + qy * qy;
            if (distance >= reach * reach) continue;
            float ink = clamp(reach - sqrtf(distance), 0, 1);
            float *pixel = &picture[y * DIGITS_SIDE + x];
            if (ink > *pixel) *pixel = ink;
        }
    }
}

static float spline(float p0, float p1, float p2, float p3, float t)
{
    return p1 + 0.5f * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)));
}

static void draw_stroke(const struct stroke *s, const struct hand *h, float x[], float y[],
                        float picture[DIGITS_PIXELS])
{
    int last = s->n_points - 1, pieces = s->angular ? 1 : PIECES;
    for (int i = 0; i < last; i++) {
        int before = i > 0 ? i - 1 : 0, after = i + 2 <= last ? i + 2 : last;
        float from_x = x[i], from_y = y[i];
        for (int k = 1; k <= pieces; k++) {
            float t = (float)k / (float)pieces;
            float to_x = s->angular ? x[i + 1] : spline(x[before], x[i], x[i + 1], x[after], t);
            float to_y = s->angular ? y[i + 1] : spline(y[before], y[i], y[i + 1], y[after], t);
            draw_segment(&(struct segment){from_x, from_y, to_x, to_y}, h->radius, picture);
            from_x = to_x;
            from_y = to_y;
        }
    }
}

static void draw_glyph(const struct glyph *g, const struct hand *h, struct random *random,
                       float picture[DIGITS_PIXELS])
{
    for (int k = 0; k < g->n_strokes; k++) {
        const struct stroke *s = &g->stroke[k];
        float x[MOST_POINTS], y[MOST_POINTS];
        for (int i = 0; i < s->n_points; i++) {
            float u = s->point[i][0] - 0.5f + between(random, -h->shake, h->shake);
            float v = s->point[i][1] - 0.5f + between(random, -h->shake, h->shake);
            x[i] = h->x + h->xx * u + h->xy * v;
            y[i] = h->y + h->yx * u + h->yy * v;
        }
        draw_stroke(s, h, x, y, picture);
    }
}

/* Two bytes of a word at a time: their sum is a triangle, near enough to a normal, and needs no logarithm. */
static void add_noise(const struct hand *h, struct random *random, float picture[DIGITS_PIXELS])
{
    for (int i = 0; i < DIGITS_PIXELS; i += 2) {
        uint32_t bits = random_bits(random);
        for (int k = 0; k < 2; k++, bits >>= 16) {
            float triangle = (float)((int)(bits & 0xFF) + (int)(bits >> 8 & 0xFF) - 255) / 104.0f; /* deviation 1 */
            picture[i + k] = clamp(h->ink * picture[i + k] + h->noise * triangle, 0, 1);
        }
    }
}

static const struct glyph *choose_glyph(uint8_t digit, struct random *random)
{
    const struct glyph *found[LENGTH(glyphs)];
    uint32_t n = 0;
    for (size_t i = 0; i < LENGTH(glyphs); i++)
        if (glyphs[i].digit == digit) found[n++] = &glyphs[i];
    return found[random_below(random, n)];
}

/* Each ten samples hold each digit once, in an order of their own. */
static uint8_t digit_of(uint64_t seed, uint32_t sample)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 1, sample / 10);
    uint32_t order[10];
    random_permutation(&random, 10, order);
    return (uint8_t)order[sample % 10];
}

void digits_draw(uint64_t seed, uint32_t sample, float picture[DIGITS_PIXELS], uint8_t *out_label)
{
    struct random random = random_stream(seed, RANDOM_SOURCE, 0, sample);
    *out_label = digit_of(seed, sample);
    struct hand hand = draw_hand(&random);
    memset(picture, 0, DIGITS_PIXELS * sizeof *picture);
    draw_glyph(choose_glyph(*out_label, &random), &hand, &random, picture);
    add_noise(&hand, &random, picture);
}

bool digits_open(struct diag *diag, const struct source_spec *spec, struct table *out)
{
    static const char *const names[] = {"image", "label"};
    out->count = (uint32_t)spec->number[0];
    if (!table_new_fields(diag, spec->at, out, 2, names) ||
        !field_new_numbers(diag, spec->at, &out->field[0], out->count, DIGITS_PIXELS) ||
        !field_new_label(diag, spec->at, &out->field[1], out->count, 10))
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        digits_draw((uint64_t)spec->number[1], i, out->field[0].numbers + (size_t)i * DIGITS_PIXELS,
                    &out->field[1].bytes[i]);
    return true;
}
