#!/usr/bin/env bash
# report.sh: a run leaves one page of pictures that needs nothing else, escapes everything, and whose numbers are those of metrics.jsonl.
cd "$(mktemp -d)" || exit 2
trap 'rm -rf "$PWD"' EXIT
status=0
fail() { echo "$1"; status=1; }
# The tables of a page, a number a line: key, split, step, text; computed columns are left out.
numbers() {
    sed -n '/<figure/,/<\/figure>/p' "$1" | grep '<tr>' |
        sed 's/<\(th\|td\)[^>]*class="computed">[^<]*/<\1>!/g; s/<br\/>test/@test/g; s/<\/t[hd]>/\t/g; s/<[^>]*>//g' |
        awk -F '\t' '$1 == "step" { for (i = 1; i < NF; i++) key[i] = $i; n = NF - 1; next }
            { for (i = 2; i <= n; i++) if (key[i] !~ /^!/ && $i != "") {
                  split(key[i], k, "@"); print k[1] "\t" (k[2] ? k[2] : "train") "\t" $1 "\t" $i } }' | sort -u
}
# Those of metrics.jsonl; a number of a list as KEY.1, KEY.2.
measured() {
    sed 's/[{}]//g; s/, "/\n"/g; s/^"step/@"step/' "$1" | awk -F '": ' '{ gsub(/^@?"/, "", $1); gsub(/"/, "", $2) }
        $1 == "step" { step = $2 } $1 == "split" { split_ = $2 }
        $1 !~ /^(step|split|epoch)$/ && $2 !~ /^\[/ { print $1 "\t" split_ "\t" step "\t" $2 }
        $2 ~ /^\[/ { gsub(/[][]/, "", $2); n = split($2, v, ", "); for (i = 1; i <= n; i++) print $1 "." i "\t" split_ "\t" step "\t" v[i] }' | sort -u
}
# What every page must be.
check_page() { # folder
    local page="$1/report.html"
    [ -s "$page" ] || { fail "$1: no report.html"; return; }
    if command -v xmllint > /dev/null; then xmllint --noout "$page" || fail "$1: the page is not well-formed"
    elif command -v python3 > /dev/null; then
        python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$page" || fail "$1: the page is not well-formed"
    fi
    grep -iqE '<script|https?:|<link|@import|url\(|src=|href=| on[a-z]+="' "$page" && fail "$1: the page needs something else, or runs something"
    grep -q '<td class="text"></td>' "$page" && fail "$1: the page does not say what a value is"
    numbers "$page" > shown
    measured "$1/metrics.jsonl" > known
    [ -z "$(comm -23 shown known)" ] || { fail "$1: numbers that are not those of metrics.jsonl:"; comm -23 shown known | head -5; }
}
has() { grep -qF "$2" "$1/report.html" || fail "$1: the page does not say '$2'"; } # folder, text
has_not() { grep -qF "$2" "$1/report.html" && fail "$1: the page says '$2'"; }
# All numbers of a key are in the page's tables.
shows() { # folder, key
    numbers "$1/report.html" | awk -F '\t' -v k="$2" '$1 == k' > shown
    measured "$1/metrics.jsonl" | awk -F '\t' -v k="$2" '$1 == k' > known
    [ -s known ] && cmp -s shown known || fail "$1: the numbers of $2 are not all shown"
}

cat > net.nnt <<'END'
network tiny {
    neurons x[2], h[4], k[3], y
    input  x
    output y
    weights x -> h -> k -> y
    biases h, k, y
    activation h, k = tanh(z)
    activation y = logistic(z)
    loss boundary = binary_cross_entropy(y, target)
}
data { train xor() }
ensemble { temperature linear(0.2, 0.1) }
train { epochs 300 }
measure 20 times logarithmically on 4 samples { loss, accuracy, U, F, S, S_T, C, C_0, H_min, lnZ, weight_norm }
END
"$NNT" run net.nnt --out run > /dev/null 2> said || { cat said; exit 1; }
grep -q 'pictures in run/report.html' said || fail "the run does not say where the pictures are"
check_page run
for key in loss.boundary loss.bulk accuracy U U_error F H_min S S_T C C_error C_0 temperature beta weight_norm; do shows run $key; done
for figure in loss accuracy energy entropy complexity temperature weights; do has run "<figure id=\"$figure\">"; done
for figure in first_law second_law laplacian spectrum equilibrium rmse; do has_not run "<figure id=\"$figure\">"; done
# Axes: symbol, name, unit.
for label in 'L, boundary loss; H, bulk loss (units of the loss)' 'a, accuracy (share of samples)' 'S, entropy; S' 'thermodynamic entropy (nats)' \
    'complexity of the couplings (nats)' 'T, temperature (units of the loss)' 't, training (steps)'; do has run "$label"; done
for text in '<h1>tiny</h1>' 'nnt run net.nnt --out run' '<dt>seed</dt><dd>1</dd>' 'begun' 'P_out    projects x on y' 'temperature linear(0.2, 0.1)' \
    '2 standard errors' 'prefers-color-scheme:dark' '@media print'; do has run "$text"; done

# Interrupted at the end and resumed, the page is the same.
cp -r run again
"$NNT" run --resume again --quiet > /dev/null || fail "a finished run cannot be resumed"
cmp -s run/report.html again/report.html || fail "the page depends on when it is made"

# Every key there is, by a metrics.jsonl of our own.
cp -r run all
awk 'BEGIN {
    for (k = 0; k < 30; k++) {
        t = k ? int(1.2 ^ k + k) : 0; x = k / 29
        printf "{\"step\": %d, \"epoch\": %d, \"split\": \"train\", \"loss.boundary\": %.9g, \"temperature\": 0.1", t, t, exp(-5 * x)
        printf ", \"C\": %.9g, \"C_error\": 0.125, \"defect\": %.9g, \"grad_F\": 0.3, \"T_grad_C\": 0.25", -3 * x, 1 - x / 2
        if (k) printf ", \"first_law.dU\": -0.5, \"first_law.heat\": 0, \"first_law.complexity\": %.9g, \"first_law.work\": 0.1, \"first_law.residual\": %.3g, \"first_law.dH_min\": -0.25, \"second_law.dS\": -0.1, \"second_law.dC\": %.9g, \"second_law.dC_error\": 0.0625", -0.0123 - x, 1e-11 * x, k % 3 ? -0.1 : 0.05
        printf ", \"laplacian\": %.9g, \"laplacian_H_min\": 12.5, \"laplacian_C\": -3.25, \"laplacian_error\": 0.75", 12.825 + x
        printf ", \"spectrum\": [0.0625, 0.25, 0.9, 1, 1.1, %.9g, 18]}\n", 3 + x
        printf "{\"step\": %d, \"epoch\": %d, \"split\": \"test\", \"loss.boundary\": %.9g}\n", t, t, exp(-4 * x)
    } }' > all/metrics.jsonl
"$NNT" run --resume all --quiet > /dev/null || fail "a finished run cannot be resumed"
check_page all
for figure in loss complexity first_law second_law laplacian equilibrium spectrum; do has all "<figure id=\"$figure\">"; done
for key in first_law.dU first_law.complexity first_law.residual first_law.dH_min second_law.dC second_law.dC_error laplacian laplacian_error laplacian_C \
    spectrum.6 defect grad_F T_grad_C C C_error; do shows all "$key"; done
for text in 'slope 1' 'ΔC ≤ 0' 'ΔC ≤ 0 in 20 of 29 intervals' 'eigenvalues of A' '∇²F, efficiency of learning' 'least and largest' 'heat of the complexity since the' 'In all they are −7.25 and −15.36.'; do has all "$text"; done
# The sums of the ledger, and the product with T.
sum=$(sed -n '/id="first_law"/,/<\/figure>/p' all/report.html | grep -o 'class="computed">-7.25<')
[ -n "$sum" ] || fail "the sum of 29 times -0.25 is not -7.25"
sed -n '/id="laplacian"/,/<\/figure>/p' all/report.html | grep -q 'class="computed">0.325<' || fail "0.1 times 3.25 is not 0.325"

# The probe may be of test: the ledgers then stand in its lines.
cp -r all probe
sed 's/"split": "train"/"split": "other"/; s/"split": "test"/"split": "train"/; s/"split": "other"/"split": "test"/' all/metrics.jsonl > probe/metrics.jsonl
"$NNT" run --resume probe --quiet > /dev/null || fail "a finished run cannot be resumed"
check_page probe
for figure in complexity first_law second_law laplacian equilibrium spectrum; do has probe "<figure id=\"$figure\">"; done
for key in first_law.dH_min second_law.dC laplacian spectrum.6 C_error; do shows probe "$key"; done
has probe 'ΔC ≤ 0 in 20 of 29 intervals'
sed -n '/id="first_law"/,/<\/figure>/p' probe/report.html | grep -q 'class="computed">-7.25<' || fail "no sum of a ledger in the lines of test"

# Many measurements are thinned; the first and the last stay.
sed 's/epochs 300/epochs 1003/; s/^measure .*/measure every 1 steps { loss }/' net.nnt > long.nnt
"$NNT" run long.nnt --out long --quiet > /dev/null || fail "the long run fails"
check_page long
has long 'One in 5 of 1004 measurements, and the last'
numbers long/report.html | awk -F '\t' '$1 == "loss.boundary" { n++; first += $3 == 0; last += $3 == 1003 } END { exit !(n == 202 && first == 1 && last == 1) }' ||
    fail "not the rows that a thinned table has"

# What training on F adds.
sed 's/epochs 300/epochs 30\n minimize boundary + 0.1 * free_energy/' net.nnt > descent.nnt
"$NNT" run descent.nnt --out descent --quiet > /dev/null || fail "training on F fails"
check_page descent
has descent 'free energy of the batches trained on'

# What was measured before a run's numbers ended it.
sed 's/epochs 300/epochs 300\n optimizer sgd(rate: 1e30)/; s/binary_cross_entropy/squared_error/; s/logistic(z)/z/; s/, accuracy//' net.nnt > ended.nnt
"$NNT" run ended.nnt --out ended > /dev/null 2> said
[ $? = 1 ] && grep -q diverged said && grep -q 'pictures in ended/report.html' said || fail "a run that diverges leaves no pictures: $(cat said)"
check_page ended
[ -s ended/metrics.csv ] || fail "a run that diverges leaves no table"

# A file that is measured once, and one where nothing was measured.
"$NNT" run "$NNT_SOURCE/examples/ring.nnt" --out ring > /dev/null 2> said || fail "ring: $(cat said)"
check_page ring
has ring '0.031748698314580'
has ring 'two measurements'
cp -r run none
: > none/metrics.jsonl
"$NNT" run --resume none --quiet > /dev/null || fail "a run that measured nothing cannot be resumed"
check_page none
has none 'Nothing was measured'
has none '<h1>tiny</h1>'

# Names and texts that are markup elsewhere.
folder='a<b>&"c" é'
sed '1i # </pre></details><script>alert(1)</script> & "ä" ∇ &amp; <!-- ]]>' net.nnt > 'net<&>".nnt'
"$NNT" run 'net<&>".nnt' --out "$folder" --quiet > /dev/null || fail "a file of an unusual name does not run"
check_page "$folder"
has "$folder" '&lt;/pre&gt;&lt;/details&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;ä&quot; ∇ &amp;amp; &lt;!-- ]]&gt;'
has "$folder" 'net&lt;&amp;&gt;&quot;.nnt'

# Where the page cannot be written, the run's results are.
mkdir -p blocked/report.html
"$NNT" run net.nnt --out blocked --quiet > /dev/null 2> said
[ $? != 0 ] && grep -q "report.html" said || fail "a page that cannot be written: $(cat said)"
for file in metrics.jsonl metrics.csv weights.safetensors run.json; do
    [ -s blocked/$file ] || fail "without its page a run leaves no $file"
done
cmp -s run/weights.safetensors blocked/weights.safetensors || fail "without its page a run leaves other weights"
exit $status
