/* products.c: the large matrix products of a call, by OpenBLAS at one thread. */
#include "runtime/thermo/products.h"

#include <cblas.h>

static enum CBLAS_TRANSPOSE transposed(uint32_t transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}

static void gemm_f32(uint32_t transpose_a, uint32_t transpose_b, uint32_t m, uint32_t n, uint32_t k, float alpha,
                     const float *a, uint32_t lda, const float *b, uint32_t ldb, float beta, float *c, uint32_t ldc)
{
    cblas_sgemm(CblasRowMajor, transposed(transpose_a), transposed(transpose_b), (int)m, (int)n, (int)k, alpha, a,
                (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

static void gemm_f64(uint32_t transpose_a, uint32_t transpose_b, uint32_t m, uint32_t n, uint32_t k, double alpha,
                     const double *a, uint32_t lda, const double *b, uint32_t ldb, double beta, double *c,
                     uint32_t ldc)
{
    cblas_dgemm(CblasRowMajor, transposed(transpose_a), transposed(transpose_b), (int)m, (int)n, (int)k, alpha, a,
                (int)lda, b, (int)ldb, beta, c, (int)ldc);
}

void products_one_thread(void)
{
    openblas_set_num_threads(1);
}

void call_products(struct nnt_call *call)
{
    products_one_thread();
    call->gemm_f32 = gemm_f32;
    call->gemm_f64 = gemm_f64;
}

const char *products_core(void)
{
    return openblas_get_corename();
}
