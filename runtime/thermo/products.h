/* products.h: the large matrix products of a call, by OpenBLAS at one thread. */
#ifndef NNT_PRODUCTS_H
#define NNT_PRODUCTS_H

#include "runtime/abi.h"

/* The call's products: OpenBLAS at one thread. Sets gemm_f32 and gemm_f64. */
void call_products(struct nnt_call *call);
/* OpenBLAS and LAPACK at one thread from now on: the bits of a product change with their number. */
void products_one_thread(void);
/* The core type OpenBLAS runs on, for run.json. */
const char *products_core(void);

#endif
