#!/usr/bin/env bash
# run.sh: every case whose dynamics is feed-forward passes in the given engine and precision; the others wait for their dynamics.
# Relaxed states wait for their kernels.
fields=boundary,ensemble_forward,bulk,gaussian.forward,improper,not_converged
names=$(sed -n 's/^#feedforward //p' "$0")
"$NNT_BUILD/tests/reference" "$NNT_SOURCE/tests/reference/cases.json" --engine "$1" --precision "$2" --fields $fields $names | tee said
[ "$(tail -1 said)" = "24 passed, 0 failed" ]
#feedforward tanh_unsupervised logistic_softmax_supervised relu_supervised softplus_gelu_skip softmax_free chain complexity_zero
#feedforward user_activations two_free_exact improper_rank group_map_not_symmetric negative_potential negative_potential_improper
#feedforward wide_skip bce_silu huber_elu hinge_gelu absolute_sin_leaky extreme_softmax double_well_exact input_predicted
#feedforward one_hidden_closed_form by_hand_supervised by_hand_potential
