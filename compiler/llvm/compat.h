/* compat.h: what differs between the LLVM versions; empty while there is one. */
#ifndef NNT_LLVM_COMPAT_H
#define NNT_LLVM_COMPAT_H

#include <llvm-c/Core.h>

#endif
