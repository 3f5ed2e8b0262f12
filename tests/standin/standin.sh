#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/standin/standin.sh BUILD [--dom0] [FILE…]
#
# The end-to-end tests that need no Xen and those tagged standin, or such of FILE,
# on the stand-in. With --dom0 those tagged dom0 instead, which need a kernel such
# as that of the lab's dom0.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$1 tags=(--filter-tags '!xen,!type,!xenstore,!long,!dom0' --filter-tags standin)
shift
if [[ ${1-} == --dom0 ]]; then
    tags=(--filter-tags dom0)
    shift
fi
if ((!$#)); then
    # bats is slow to find the tags in a file.
    [[ ${tags[1]} != dom0 ]] || mapfile -t files < <(cd "$here/../e2e" && grep -lE '^# bats (test|file)_tags=.*\<dom0\>' ./*.bats)
    set -- "${files[@]:-.}"
fi
command -v bats >/dev/null || { echo "stand-in: there is no bats" >&2 && exit 77; }
exec bash "$here/machine.sh" "$build" env BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-120}" LEAKS_S=20 \
    bash -c "cd '$here/../e2e' && exec bats --timing --tap \"\$@\"" bash "${tags[@]}" "$@" </dev/null
