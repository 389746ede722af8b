/* network.h: any small network as a module, interpreted, for tests of the ensemble without a compiler. */
#ifndef NNT_TEST_NETWORK_H
#define NNT_TEST_NETWORK_H

#include "runtime/abi.h"

enum network_activation { NETWORK_NONE, NETWORK_IDENTITY, NETWORK_TANH, NETWORK_SOFTMAX };
/* 0, k/2 s^2, k/4 s^4, k/4 (s^2 - 1)^2. */
enum network_potential { NETWORK_FLAT, NETWORK_QUADRATIC, NETWORK_QUARTIC, NETWORK_DOUBLE_WELL };
struct network_group {
    const char *name;
    uint32_t size, flags; /* POTENTIAL and PREDICTED follow from what stands below */
    enum network_activation activation;
    enum network_potential potential;
    double k;
};
struct network_block {
    uint32_t from, to;
    uint32_t transposed; /* kept as [n_from][n_to] */
};

/* float64, with ensemble_forward, relax, linearise and data of every clamped group. Groups come after those that feed
 * them, or stand in a cycle: then 400 sweeps are made. relax goes down the gradient until no entry of it is above
 * 1e-11, in at most network_relax_most steps (NETWORK_RELAX_MOST to begin with). Parameters: the blocks in order, then a bias of each
 * predicted group. free_network frees. */
struct nnt_module *new_network(const struct network_group *group, uint32_t n_groups,
                               const struct network_block *block, uint32_t n_blocks);
void free_network(struct nnt_module *module);
enum { NETWORK_RELAX_MOST = 100000 };
void network_relax_most(struct nnt_module *module, uint32_t most);

#endif
