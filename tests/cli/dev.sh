#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/dev.sh DOMLET SOURCE_ROOT
#
# The script for developers: when it builds and what, and that two of it don't
# build in one folder at once. meson and ninja are stand-ins.
set -euo pipefail
top=$2
fail() { echo "dev.sh: $*" >&2 && exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

folder=$(readlink -f "${1%toolstack/cli/domlet}.")
wanted=$(meson introspect --targets "$folder" | jq -r --arg folder "$folder/" '.[] | select(.installed) | .filename[] | ltrimstr($folder)' | sort)
[[ $wanted && $(sed -n 's/^installed=(\(.*\))$/\1/p' "$top/dev" | tr ' ' '\n' | sort) == "$wanted" ]] || fail "./dev run doesn't build what is installed: $wanted"

mkdir -p "$dir/tree/tests" "$dir/bin"
cp "$top/dev" "$dir/tree/"
cp -r "$top/tests/lab" "$top/tests/bench" "$dir/tree/tests/"
cp -r "$top/images" "$dir/tree/"
cat >"$dir/bin/meson" <<STUB
#!/bin/sh
[ ! -e '$dir/busy' ] || echo overlap >>'$dir/calls'
: >'$dir/busy'
sleep 0.3
echo "meson \$*" >>'$dir/calls'
rm -f '$dir/busy'
STUB
for program in ninja dpkg; do printf '#!/bin/sh\n' >"$dir/bin/$program"; done
chmod +x "$dir/bin/"*
PATH=$dir/bin:$PATH
: >"$dir/calls"

"$dir/tree/dev" lab --help | grep -q '^usage: ./dev lab' || fail "lab has no help"
"$dir/tree/dev" lab --memory 4096 -h >/dev/null
"$dir/tree/dev" bench --runs 1 --help | grep -q '^usage: ./dev bench' || fail "bench has no help"
[[ ! -s $dir/calls ]] || fail "something was built for a help text: $(<"$dir/calls")"

"$dir/tree/dev" build &
"$dir/tree/dev" build 2>"$dir/second"
wait
[[ $(sort "$dir/calls") == $'meson setup build\nmeson setup build' ]] || fail "two builds at once: $(<"$dir/calls")"
