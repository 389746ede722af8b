#!/usr/bin/env bash
# report_look.sh: in a browser, at 390 and 1280 pixels, nothing of the page is wider than it, no text of a picture leaves it or covers another.
for browser in chromium chromium-browser google-chrome; do command -v $browser > /dev/null && break; browser=; done
[ -n "$browser" ] || { echo "no chromium: skipped"; exit 77; }
cd "$(mktemp -d)" || exit 2
trap 'rm -rf "$PWD"' EXIT
status=0
# What the page tells of itself to the one around it; for this test alone.
cat > look.js <<'END'
addEventListener('load', () => {
    const found = [], html = document.documentElement, card = b => `${b.left.toFixed(0)},${b.top.toFixed(0)}`;
    if (!document.querySelector('svg')) found.push('no picture');
    for (const open of [false, true]) {
        document.querySelectorAll('details').forEach(d => { d.open = open; });
        if (html.scrollWidth > innerWidth) found.push(`${html.scrollWidth} pixels wide, details ${open ? 'open' : 'closed'}`);
    }
    for (const table of document.querySelectorAll('.wide'))
        if (innerWidth > 1000 && table.scrollWidth > table.clientWidth) found.push(`the last values are ${table.scrollWidth} pixels wide`);
    for (const svg of document.querySelectorAll('svg')) {
        const frame = svg.getBoundingClientRect(), name = svg.getAttribute('aria-label');
        const texts = [...svg.querySelectorAll('text')].map(t => ({text: t.textContent, box: t.getBoundingClientRect()}));
        for (const {text, box} of texts) {
            if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
                found.push(`${name}: '${text}' leaves the picture at ${card(box)}`);
            if (box.height < 9) found.push(`${name}: '${text}' is ${box.height} pixels high`);
        }
        texts.forEach((a, i) => texts.slice(0, i).forEach(b => {
            const wide = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
            const high = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
            if (wide > 1 && high > 3) found.push(`${name}: '${a.text}' covers '${b.text}'`);
        }));
        for (const path of svg.querySelectorAll('path')) {
            const box = path.getBoundingClientRect();
            if (box.right > frame.right + 1 || box.bottom > frame.bottom + 1) found.push(`${name}: a curve leaves the picture`);
        }
    }
    parent.postMessage(found.length ? found.join('\n') : 'fine', '*');
});
END
look() { # folder, what it is
    { cat "$1/report.html"; echo '<script>'; cat look.js; echo '</script>'; } > page.html
    for width in 390 1280; do
        cat > around.html <<END
<!DOCTYPE html><body><script>addEventListener('message', e => { document.getElementById('said').textContent = e.data; });</script>
<pre id="said">nothing</pre><iframe src="page.html" style="border:0;width:${width}px;height:900px"></iframe></body>
END
        HOME=$PWD "$browser" --headless --no-sandbox --disable-gpu --virtual-time-budget=4000 --dump-dom "file://$PWD/around.html" 2> /dev/null |
            sed -n '/<pre id="said">/,/<\/pre>/p' | sed 's/<[^>]*>//g' > said
        [ "$(tr -d '[:space:]' < said)" = fine ] || { echo "$1, $width pixels:"; cat said; status=1; }
    done
}
cat > net.nnt <<'END'
network a_network_whose_name_is_longer_than_a_narrow_screen_is_wide_and_still_an_identifier {
    neurons x[2], a_hidden_group_of_a_long_name[4], k[3], y
    input  x
    output y
    weights x -> a_hidden_group_of_a_long_name -> k -> y
    biases a_hidden_group_of_a_long_name, k, y
    activation a_hidden_group_of_a_long_name, k = tanh(z)
    activation y = logistic(z)
    loss boundary = binary_cross_entropy(y, target)
}
data { train xor() }
ensemble { temperature exponential(0.2, 1e-7) }
train { epochs 300 }
measure 20 times logarithmically on 4 samples { loss, accuracy, U, F, S, S_T, C, C_0, H_min, lnZ, weight_norm }
END
"$NNT" run net.nnt --quiet --out small > /dev/null || exit 1
look small
# Every picture there is, with numbers that are very large, very small, and apart by little.
awk -f /dev/stdin > lines <<'END'
BEGIN {
    for (k = 0; k < 30; k++) {
        t = k ? int(1.2 ^ k + k) : 0; x = k / 29
        printf "{\"step\": %d, \"epoch\": %d, \"split\": \"train\", \"loss.boundary\": %.9g, \"loss.boundary.y\": %.9g, \"loss.bulk\": %.9g", t, t, 1e-9 * exp(-25 * x), 1e-9, 3e5
        printf ", \"temperature\": %.9g, \"C\": %.9g, \"C_error\": 0.125, \"C_0\": -0.5, \"C_0_error\": 0", 0.1 + 1e-9 * x, 1000 - 0.003 * x
        printf ", \"U\": %.9g, \"U_error\": 1e8, \"F\": %.9g, \"S\": -12345.678, \"S_T\": -12345.679", 1e12 * x, -2e12 * x
        printf ", \"defect\": %.9g, \"grad_F\": 0.3, \"T_grad_C\": 25000, \"weight_norm\": 1e-12", 1e-300 + x
        if (k) printf ", \"first_law.complexity\": %.9g, \"first_law.dH_min\": -0.25e-6, \"second_law.dS\": -0.1, \"second_law.dC\": %.9g, \"second_law.dC_error\": 0.06251234567890123", -1e-7 - 1e-7 * x, k % 3 ? -0.1 : 0.05
        printf ", \"laplacian\": %.9g, \"laplacian_H_min\": 12.5e7, \"laplacian_C\": -3.25, \"laplacian_error\": 0.75e7", 12.825e7
        printf ", \"spectrum\": [1e-9, 0.25, 0.9, 1, 1.1, %.9g, 18e6]}\n", 3 + x
        printf "{\"step\": %d, \"epoch\": %d, \"split\": \"test\", \"loss.boundary\": %.9g", t, t, exp(-4 * x)
        if (k) printf ", \"second_law.dC\": -0.00010052871807720794, \"second_law.dC_error\": 0.0000486928358452208"
        printf "}\n"
    }
}
END
cp -r small all
cp lines all/metrics.jsonl
"$NNT" run --resume all --quiet > /dev/null || exit 1
look all
# On an even axis of many steps.
cp -r small even
awk '{ n += $0 !~ /"test"/; sub(/"step": [0-9]+/, "\"step\": " (n - 1) * 10); print }' lines > even/metrics.jsonl
"$NNT" run --resume even --quiet > /dev/null || exit 1
look even
exit $status
