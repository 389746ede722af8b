/* test_temperature.c: the inferred temperature, where there is none, and the totals at a temperature. */
#include "runtime/thermo/temperature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void gives_U_the_mean_of_H(void **state)
{
    struct gaussian sample[] = {{.H_forward = 3, .H_min = 1, .C = 0.5}, {.H_forward = 1, .H_min = 0.5, .C = -2}};
    double T = temperature_inferred(sample, 2, 5);
    (void)state;
    assert_true(fabs(T - 2 * (2 - 0.75) / 5) < 1e-15);
    temperature_set(sample, 2, 5, T);
    assert_true(fabs((sample[0].U + sample[1].U) / 2 - 2) < 1e-15);
    for (int i = 0; i < 2; i++) {
        const struct gaussian *g = &sample[i];
        assert_true(fabs(g->S - (2.5 * (1 + log(2 * M_PI * T)) + g->C)) < 1e-14);
        assert_true(fabs(g->F - (g->U - T * g->S)) < 1e-14);
        assert_true(fabs(g->lnZ + g->F / T) < 1e-13);
        assert_true(fabs(g->S - g->lnZ - g->U / T) < 1e-13);
    }
}

static void may_have_no_solution(void **state)
{
    struct gaussian below[] = {{.H_forward = 1, .H_min = 1.5}}, zero[] = {{0}},
                    rounding[] = {{.H_forward = 2 + 1e-14, .H_min = 2}};
    struct no_temperature count = {0};
    struct diag *diag = diag_new();
    char says[2048] = "";
    (void)state;
    assert_true(isnan(temperature_inferred(below, 1, 3)));
    assert_true(isnan(temperature_inferred(zero, 1, 3)));
    assert_true(isnan(temperature_inferred(rounding, 1, 3)));
    temperature_count(&count, 0, zero, 1, 0.5);
    temperature_warn(&count, diag, (struct span){0});
    temperature_count(&count, 7, below, 1, NAN);
    temperature_count(&count, 8, zero, 1, NAN);
    temperature_warn(&count, diag, (struct span){0});
    FILE *to = fmemopen(says, sizeof says, "w");
    diag_print(diag, to, DIAG_PLAIN);
    fclose(to);
    assert_non_null(strstr(says, "at 2 of 3 measurements"));
    assert_non_null(strstr(says, "at step 7"));
    assert_non_null(strstr(says, "not above H_min = 1.5 [no-temperature]"));
    assert_null(strstr(strstr(says, "no-temperature") + 1, "[no-temperature]"));
    diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_U_the_mean_of_H),
                                       cmocka_unit_test(may_have_no_solution)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
