/* expand.c: replaces primitives that no machine has by arithmetic: the table of expansions, and the short ones. */
#include "compiler/kernel/expand.h"

bool primitive_is_machine(enum primitive op)
{
    switch (op) {
    case PRIMITIVE_add:
    case PRIMITIVE_sub:
    case PRIMITIVE_mul:
    case PRIMITIVE_div:
    case PRIMITIVE_neg:
    case PRIMITIVE_sqrt:
    case PRIMITIVE_abs:
    case PRIMITIVE_min:
    case PRIMITIVE_max:
    case PRIMITIVE_less:
    case PRIMITIVE_less_equal:
    case PRIMITIVE_equal:
    case PRIMITIVE_and:
    case PRIMITIVE_or:
    case PRIMITIVE_not:
    case PRIMITIVE_select:
        return true;
    default:
        return false;
    }
}
