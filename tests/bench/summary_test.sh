#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Samples to summary to table: order, ratios of neighbours, limits both ways.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

samples() { # NAME TYPE SIDE VALUE…
    local name=$1 type=$2 side=$3 value
    shift 3
    for value; do
        printf '{"name":"%s","type":"%s","unit":"ms","side":"%s","value":%s}\n' "$name" "$type" "$side" "$value"
    done
}

{
    samples slow pvh ours 3 1 8
    samples slow pvh peer 1 2 4
    samples fast pv ours 10
    samples slow pv ours 5 7
    samples fast pv peer 4
} | jq -s -c -f "$here/summary.jq" >"$work/summary"
cat >"$work/expected" <<'JSON'
[{"name":"slow","type":"pvh","unit":"ms","ours":[3,1,8],"peer":[1,2,4],"ratio":{"min":0.5,"median":2,"max":3}},{"name":"fast","type":"pv","unit":"ms","ours":[10],"peer":[4],"ratio":{"min":2.5,"median":2.5,"max":2.5}},{"name":"slow","type":"pv","unit":"ms","ours":[5,7],"peer":[],"ratio":{"min":null,"median":null,"max":null}}]
JSON
diff "$work/expected" "$work/summary"

echo '{"slow":{"of":"ratio","most":{"pvh":1.9}},"fast":{"of":"ratio","least":{"pv":2.5}}}' >"$work/limits"
jq -r --slurpfile limits "$work/limits" -f "$here/table.jq" "$work/summary" | tail -n +2 | cut -f 1,2,4,6- >"$work/table"
cat >"$work/expected" <<'TABLE'
slow	pvh	1 3 8	0.5 2 3	ratio ≤ 1.9	NO
fast	pv	10 10 10	2.5 2.5 2.5	ratio ≥ 2.5	yes
slow	pv	5 6 7	-	-	-
TABLE
diff "$work/expected" "$work/table"

# Every figure that has a limit is one that is measured, and the help names the figures.
for name in $(jq -r 'keys[]' "$here/limits.json"); do
    grep -qE "(^|[^a-z-])${name%-out}|\"${name}\"" "$here/dom0.sh" "$here/ring_host.c" "$here/bench.sh" ||
        { echo "limits.json names $name, which nothing measures" && exit 1; }
done
bash "$here/bench.sh" --help >"$work/help"
grep -q 'cold-run ring' "$work/help" # not a pipe: grep would end it early, and bench.sh by SIGPIPE
if bash "$here/bench.sh" no-such-figure 2>"$work/err"; then exit 1; fi
grep -q 'no group of figures is called no-such-figure' "$work/err"
