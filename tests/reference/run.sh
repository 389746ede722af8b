#!/usr/bin/env bash
# run.sh: every case passes in the given engine and precision, in all the fields that are supported. float32 is too coarse for one.
fields=boundary,ensemble_forward,bulk,gaussian.forward,gaussian.relaxed,improper,not_converged
said=$("$NNT_BUILD/tests/reference" "$NNT_SOURCE/tests/reference/cases.json" --engine "$1" --precision "$2" --fields $fields)
echo "$said"
[ "$(tail -1 <<< "$said")" = "$([ "$2" = f32 ] && echo 35 || echo 36) passed, 0 failed" ]
