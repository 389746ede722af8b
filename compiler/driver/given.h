/* given.h: what --weights brings: a network's weights, and the constants by which its data were scaled. */
#ifndef NNT_GIVEN_H
#define NNT_GIVEN_H

#include "compiler/driver/session.h"
#include "lang/model.h"
#include "runtime/abi.h"

/* The weights into `parameters`, of the module's real type; false with a message. --weights is given. */
MUST_USE bool given_weights(struct session *session, const struct model *model, const struct nnt_module *module,
                            void *parameters);
/* The model's data with the constants of the weights, where some are given: they are the session's. A scaled group that the
 * weights do not know is a warning, and so is a group that was scaled and is not any more; false with a message where a size
 * is another. */
MUST_USE bool given_constants(struct session *session, const struct model *model, struct data_spec *out);

#endif
