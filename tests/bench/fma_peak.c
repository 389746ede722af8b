/* fma_peak.c: the machine's peak: fused multiply-adds on registers alone. */
#include "tests/bench/harness.h"

#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

enum { CHAINS = 12, ROUNDS = 1000000 };

/* Compilers may split a sum that runs through its addend into two instructions, for latency's sake: it is written out. */
static inline vector multiply_add(vector sum, vector factor, vector term)
{
#if defined(__FMA__)
    __asm__("vfmadd213ps %2, %1, %0" : "+v"(sum) : "v"(factor), "v"(term));
    return sum;
#else
    return sum * factor + term;
#endif
}

static float run(float seed)
{
    vector sum[CHAINS], factor = {0}, term = {0};
    factor += 0.999f + seed * 1e-9f;
    term += 1e-3f;
    for (int c = 0; c < CHAINS; c++) sum[c] = factor * (float)c;
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++) sum[c] = multiply_add(sum[c], factor, term);
    float total = 0;
    for (int c = 0; c < CHAINS; c++)
        for (int l = 0; l < LANES; l++) total += sum[c][l];
    return total;
}

double bench_fma_peak(void)
{
    double best = 1e9;
    volatile float sink = 0;
    for (int i = 0; i < 5; i++) {
        double start = bench_seconds();
        sink = run(sink);
        double spent = bench_seconds() - start;
        if (spent < best) best = spent;
    }
    return 2.0 * LANES * CHAINS * ROUNDS / best;
}
