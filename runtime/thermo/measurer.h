/* measurer.h: what one measure block asks of the ensemble, as readings of a moment. */
#ifndef NNT_MEASURER_H
#define NNT_MEASURER_H

#include "runtime/thermo/ledger.h"

/* What is measured on a probe of `count` samples. */
struct measurer_options {
    uint32_t asked; /* bit m: enum measure m */
    uint32_t count;
    uint32_t probes; /* of the efficiency */
    uint64_t seed;   /* of their directions */
};
/* Quantiles of the eigenvalues of A, of all samples together, as the list `spectrum` has them; between two eigenvalues linear. */
enum { SPECTRUM_QUANTILES = 11 };
extern const double spectrum_quantiles[SPECTRUM_QUANTILES];

struct measurer;
/* All memory is allocated here; NULL with a message. Ensemble and spec must outlive it. */
MUST_USE struct measurer *measurer_new(struct diag *diag, struct span at, struct ensemble *ensemble,
                                       const struct ensemble_spec *spec, const struct measurer_options *options);
void measurer_free(struct measurer *measurer);
/* Adds what is asked, but for the measures of `given` (their keys stand in the moment), at temperature T; NaN: the moment's
 * own, or where it has none the inferred one. Ledgers take the measurement in any case. Where no temperature can be inferred
 * the moment gets none of it, and ledgers go on from the measurement before. parameters and data are those of
 * ensemble_evaluate. Returns false with a message. */
MUST_USE bool measurer_take(struct measurer *measurer, struct diag *diag, const double *parameters,
                            const double *const data[], double T, uint32_t given, struct moment *moment);
/* NULL where no law is asked for. */
const struct ledger *measurer_ledger(const struct measurer *measurer);
/* Warns of what all measurements left in doubt. */
void measurer_warn(const struct measurer *measurer, struct diag *diag);
/* What a resumed run needs, appended and taken back; as ledger_write and ledger_read. */
void measurer_write(const struct measurer *measurer, struct text *out);
MUST_USE bool measurer_read(struct measurer *measurer, const char *bytes, size_t length, size_t *out_used);

#endif
