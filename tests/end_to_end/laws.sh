#!/usr/bin/env bash
# laws.sh: the ledgers of runs add up, resume and report what they say they do; given weights are measured as at the end of their run.
command -v python3 > /dev/null || exit 77
cd "$(mktemp -d)" || exit 2
status=0
fail() { echo "$1"; status=1; }
cat > laws.nnt <<'N'
param T = 0.1
network laws {
    neurons x[3], h[4], k[3], y[2]
    input x
    output y
    weights x -> h -> k -> y init normal(0, 0.5 / sqrt(fan_in))
    biases h, k, y
    activation h, k = tanh(z)
    activation y = z
    loss boundary = squared_error(y, target)
}
data { train teacher(count: 200, inputs: 3, hidden: 4, outputs: 2)
       holdout 0.25 }
ensemble { temperature exponential(T, 0.05) }
train { optimizer sgd(rate: 0.05)
        steps 300 }
measure 8 times logarithmically on 64 samples { loss, U, H_min, C, S, defect, grad_F, spectrum, first_law, second_law, efficiency(probes: 8) }
measure 3 times on 20 samples of test { U, C, H_min, second_law }
N
"$NNT" run laws.nnt --json --out run > lines 2> said || fail "the run fails: $(cat said)"
"$NNT" run laws.nnt --out told > table 2>&1 || fail "the run fails: $(cat table)"
"$NNT" measure laws.nnt --weights run/weights.safetensors --json > measured 2> said || fail "measure fails"
grep -q 'left-out' said || fail "measure does not say that laws are left out"
grep -q '^first law: dU .* = ∫T dS_T .* + ∫T dC .* + W .*, residual ' table || fail "the first law is not told at the end"
grep -q '^second law: dS .*, dC .* ± .*; dS <= 0 in [0-9]* of 7 intervals, dC <= 0 in ' table || fail "the second law is not told at the end"
grep -qE ' s measuring \([0-9]+ % of the run\)' table || fail "what measuring cost of the run is not told"
"$NNT" run --resume run --json 2> said | tail -n 1 > again
sed "s/temperature exponential(T, 0.05)/temperature inferred/" laws.nnt > inferred.nnt
"$NNT" run inferred.nnt --quiet --out inferred 2> said || fail "an inferred temperature fails: $(cat said)"
# Beside another block at some of its moments a block's ledger is what it is alone: an inferred temperature is its own.
sed -i 's/^measure 8 times.*/measure 7 times on 64 samples { first_law, second_law }/; /^measure 3 times/d' inferred.nnt
sed 's/^measure 7/measure 3 times on 5 samples { U }\nmeasure 7/' inferred.nnt > beside.nnt
for name in inferred beside; do
    "$NNT" run $name.nnt --json --out $name.run 2> said | tail -n 1 > $name.last || fail "$name fails: $(cat said)"
done
# Two blocks with laws on one split: what is written is the first one's, and adds up; the other's sums are told.
sed 's/^measure 8 times.*/measure 4 times on 64 samples { C, first_law, second_law }/; s/^measure 3 times.*/measure 7 times on 20 samples { second_law }\nmeasure 2 times on 9 samples of test { second_law }/' laws.nnt > two.nnt
"$NNT" run two.nnt --json --out two > two.lines 2> said || fail "two ledgers on one split fail: $(cat said)"
"$NNT" run two.nnt --out twice > table 2>&1 || fail "two ledgers on one split fail: $(cat table)"
grep -A 3 '^of measure block 1, on train:$' table | grep -q '^first law: ' || fail "the first block's laws are not told as its own"
grep -A 1 '^of measure block 3, on test:$' table | grep -q '^second law: ' || fail "the second block's laws are not told as its own"
python3 - <<'P' || status=1
import json, math
good = True
def check(what, found, expected, tolerance=1e-12):
    global good
    if abs(found - expected) <= tolerance * (1 + abs(expected)): return
    print(f"{what}: {found!r}, expected {expected!r}")
    good = False
lines = [json.loads(line) for line in open("lines")]
summary, again = lines.pop()["summary"], json.loads(open("again").read())["summary"]
train = [m for m in lines if m["split"] == "train" and "U" in m]
test = [m for m in lines if m["split"] == "test" and "U" in m]
assert len(train) == 8 and len(test) == 3
keys = ("dU", "heat", "complexity", "work", "residual", "dH_min")
for key in keys: assert "first_law." + key not in train[0]
for before, now in zip(train, train[1:]):
    law = {key: now["first_law." + key] for key in keys}
    dT = now["temperature"] - before["temperature"]
    check("dU", law["dU"], now["U"] - before["U"])
    check("dU in parts", law["heat"] + law["complexity"] + law["work"] + law["residual"], law["dU"])
    check("heat", law["heat"], 7 * dT / 2)
    check("dH_min", law["dH_min"], now["H_min"] - before["H_min"])
    check("dC", now["second_law.dC"], now["C"] - before["C"])
    check("dS", now["second_law.dS"], now["S"] - before["S"])
    assert abs(law["residual"]) < 1e-3 * abs(law["dU"]), law
    sure = all(abs(law[k]) >= 2 * now[f"first_law.{k}_error"] for k in ("dH_min", "complexity"))
    assert sure == ("first_law.reduced_ratio" in now) == ("first_law.T_law" in now), now
    if sure:
        check("ratio", now["first_law.reduced_ratio"], law["dH_min"] / law["complexity"])
        check("T_law", now["first_law.T_law"], law["dH_min"] / now["second_law.dC"])
for m in train:
    check("laplacian", m["laplacian"], m["laplacian_H_min"] - m["temperature"] * m["laplacian_C"])
    A = m["spectrum"]
    assert len(A) == 11 and A == sorted(A) and A[0] > 0 and m["defect"] >= 0
first, second = summary["laws"]
assert first["block"] == 1 and first["split"] == "train" and second["block"] == 2 and second["split"] == "test"
for key in keys: check("sum of " + key, first["first_law"][key], sum(m["first_law." + key] for m in train[1:]))
for block, moments in ((first, train), (second, test)):
    law = block["second_law"]
    assert block["intervals"] == len(moments) - 1
    check("sum of dC", law["dC"], moments[-1]["C"] - moments[0]["C"])
    for key in "SC":
        falls = sum(m["second_law.d" + key] <= 0 for m in moments[1:])
        check("share", law[f"share_d{key}_down"], falls / (len(moments) - 1))
assert "first_law" not in second
if again["laws"] != summary["laws"]: good = print("a finished run that is resumed has other laws") or False
assert 0 < summary["seconds"]["measure"] <= summary["seconds"]["total"]
# Given weights: float64 totals of float32 weights, to the last bit.
given = [json.loads(line) for line in open("measured")]
for key, value in given[0].items():
    if key in ("step", "epoch", "loss.boundary"): continue
    if train[-1].get(key) != value: good = print(f"measure says {key} = {value}, the run {train[-1].get(key)}") or False
for key in ("U", "C", "defect", "grad_F", "laplacian", "spectrum", "temperature"): assert key in given[0], key
# Inferred: U is the mean of H at the forward state, at every measurement.
for m in map(json.loads, open("inferred/metrics.jsonl")):
    if m["split"] == "train" and "U" in m: check("U at the inferred temperature", m["U"], m["loss.bulk"])
alone, beside = (json.load(open(name + ".last"))["summary"]["laws"][0] for name in ("inferred", "beside"))
if (alone["first_law"], alone["second_law"]) != (beside["first_law"], beside["second_law"]): good = print("another block's temperature is in the ledger") or False
# Two ledgers on one split.
lines = [json.loads(line) for line in open("two.lines")]
laws = lines.pop()["summary"]["laws"]
written = [m for m in lines if m["split"] == "train" and "second_law.dC" in m]
assert [law["intervals"] for law in laws] == [3, 6, 1] and len(written) == 3, (laws, len(written))
check("the written changes of C", sum(m["second_law.dC"] for m in written), laws[0]["second_law"]["dC"])
assert laws[1]["second_law"]["dC"] != laws[0]["second_law"]["dC"]
raise SystemExit(not good)
P
exit $status
