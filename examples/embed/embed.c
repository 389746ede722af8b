/* embed.c: a network in a C program: trained in place, then asked. Links spirals.o and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spirals.h"

enum { SAMPLES = 64, STEPS = 400 };

/* Two classes of points that a line cannot part: inside and outside of a ring. */
static void draw(float x[2 * SAMPLES], float t[SAMPLES])
{
    int i;
    for (i = 0; i < SAMPLES; i++) {
        float a = (float)rand() / (float)RAND_MAX * 2 - 1, b = (float)rand() / (float)RAND_MAX * 2 - 1;
        x[2 * i] = a;
        x[2 * i + 1] = b;
        t[i] = a * a + b * b < 0.5f;
    }
}

int main(void)
{
    static float parameters[SPIRALS_PARAMETERS], moments[SPIRALS_MOMENTS], x[2 * SAMPLES], t[SAMPLES], y[SAMPLES],
        loss[SAMPLES];
    void *work = malloc(spirals_work_size(SAMPLES));
    int step, i, right = 0;
    if (!work) return 1;
    memcpy(parameters, spirals_weights, sizeof parameters);
    srand(1);
    for (step = 1; step <= STEPS; step++) {
        draw(x, t);
        if (spirals_train_step(parameters, moments, SAMPLES, x, t, 0.01, (uint64_t)step, loss, work)) return 1;
    }
    draw(x, t);
    if (spirals_forward(parameters, SAMPLES, x, y, work)) return 1;
    for (i = 0; i < SAMPLES; i++) right += (y[i] > 0.5f) == (t[i] > 0.5f);
    printf("%d of %d right after %d steps\n", right, SAMPLES, STEPS);
    free(work);
    return right < SAMPLES * 9 / 10;
}
