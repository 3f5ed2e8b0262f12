#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Measures domlet in the lab. Each figure and type has a boot of its own, so
# ours and the peer's are always from the same one.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
# shellcheck source=images/cache.sh
. "$top/images/cache.sh"

figures=(cold-run ring stdout boot boot-exits create-xenstore cold-vs-runc member-run exec docker-run docker-exec memory files)

usage() {
    cat <<USAGE
usage: ./dev bench [--json FILE] [--runs N] [--type pvh|pv] [NAME…]

Boots the lab's dom0 for each figure and type of domain, measures domlet and a
peer in turn, and prints smallest, middle and largest values, the limit that
was set, and whether the middle one keeps it. FILE gets every value.
NAME is a group of figures, one of: ${figures[*]};
without it all are measured. docs/performance.md says what each figure is.
USAGE
}

json='' runs='' types=(pvh pv) names=()
while (($#)); do
    case $1 in
    --json) json=${2:?} && shift ;;
    --runs) runs=${2:?} && shift ;;
    --type) types=("${2:?}") && shift ;;
    -h | --help) usage && exit ;;
    -*) usage >&2 && exit 2 ;;
    *) names+=("$1") ;;
    esac
    shift
done
((${#names[@]})) || names=("${figures[@]}")
for name in "${names[@]}"; do
    [[ " ${figures[*]} " == *" $name "* ]] || die "bench: no group of figures is called $name; there are: ${figures[*]}"
done
[[ $runs =~ ^[0-9]*$ ]] || die "bench: --runs takes a number"
[[ ${types[0]} =~ ^pvh?$ ]] || die "bench: --type is pvh or pv"

packages_need jq
work=$(mktemp -d "${TMPDIR:-/tmp}/domlet-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
build=$top/build
cp "$here/dom0.sh" "$top/tests/e2e-engines/docker.bash" "$build"/tests/bench/bench-{await,ring-host} "$work/"
"$top/images/initrd.sh" "$build/tests/bench/bench-ring-guest" "$work/ring.cpio"
"$top/images/initrd.sh" "$build/tests/bench/bench-first" "$work/first.cpio" "$build/guest-init/domlet-init"
cp "$("$top/tests/lab/dom0-image.sh")/vmlinuz" "$work/"
: >"$work/samples"

status=0
for name in "${names[@]}"; do
    for type in "${types[@]}"; do
        say "bench: $name, $type"
        # Only the C xenstored can tell its requests while it runs.
        xenstored=${DOMLET_LAB_XENSTORED-}
        [[ $name != create-xenstore ]] || xenstored=xenstored
        options=(--timeout 600)
        [[ $name != docker-* ]] || options=(--timeout 1200 --engines)
        DOMLET_LAB_XENSTORED=$xenstored bash "$top/tests/lab/lab.sh" "${options[@]}" --dir "$work" -- \
            bash ./dom0.sh "$name" "$type" "${runs:-5}" </dev/null >&2 || {
            say "bench: measuring $name in $type failed" && status=1
        }
    done
done
jq -s -f "$here/summary.jq" "$work/samples" >"$work/summary.json"
[[ ! $json ]] || cp "$work/summary.json" "$json"
jq -r --slurpfile limits "$here/limits.json" -f "$here/table.jq" "$work/summary.json" | column -t -s $'\t'
exit "$status"
