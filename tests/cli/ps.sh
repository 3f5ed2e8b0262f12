#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/ps.sh DOMLET SOURCE_ROOT
#
# What ps says of containers whose records and cgroups are made up. Needs no Xen.
set -euo pipefail
domlet=$(readlink -f "$1")
fail() { echo "ps.sh: $*" >&2 && exit 1; }
dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}"; rm -rf "$dir"' EXIT
for _ in 1 2; do sleep 100 & pids+=($!); done

record() { # ID CGROUP PROXY
    local start
    start=$(awk '{print $22}' "/proc/$3/stat")
    mkdir -p "$dir/root/$1"
    cat >"$dir/root/$1/domlet.json" <<JSON
{"version":2,"id":"$1","status":"running","bundle":"/b","rootfs":"/b/r","annotations":"{}","ociVersion":"1.0.2",
 "cgroup":$2,"hooks":null,"image":null,"proxyPid":$3,"proxyStart":$start,"monitorPid":0,"monitorStart":0,"domain":"","number":0,"generation":0,
 "type":"pv","created":"2026-01-02T03:04:05Z","exitCode":0}
JSON
}

mkdir "$dir/two" "$dir/none"
printf '%s\n' "${pids[@]}" >"$dir/two/cgroup.procs"
: >"$dir/none/cgroup.procs"
record two "\"$dir/two\"" "${pids[0]}"
record none "\"$dir/none\"" "${pids[0]}"
record proxy null "${pids[0]}"
ps() { "$domlet" --root "$dir/root" ps "$@"; }

[[ $(ps --format json two) == "[${pids[0]},${pids[1]}]" ]] || fail "not json: $(ps --format json two)"
[[ $(ps two -o pid= | tr -d ' \n') == "${pids[0]}${pids[1]}" ]] || fail "of two: $(ps two -o pid=)"
[[ $(ps proxy -o pid= | tr -d ' ') == "${pids[0]}" ]] || fail "of a proxy: $(ps proxy -o pid=)"
for format in "" "--format table"; do
    # shellcheck disable=SC2086
    said=$(ps $format two)
    [[ $(head -n 1 <<<"$said") == UID*PID*CMD && $(grep -c 'sleep 100$' <<<"$said") == 2 ]] || fail "no table: $said"
done
said=$(ps none) || fail "of none: status $?"
[[ $said == UID*PID*CMD ]] || fail "of none: $said"
if said=$(ps two --no-such-option 2>&1); then fail "ps was wrong, and nobody heard it: $said"; fi
