#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/standin/standin.sh BUILD [FILE…]
#
# The end-to-end tests that need no Xen and those tagged standin, or such of FILE,
# on the stand-in.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$1
shift
(($#)) || set -- .
command -v bats >/dev/null || { echo "stand-in: there is no bats" >&2 && exit 77; }
exec bash "$here/machine.sh" "$build" env BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-120}" LEAKS_S=20 \
    bash -c "cd '$here/../e2e' && exec bats --timing --tap --filter-tags '!xen,!type,!xenstore,!long' --filter-tags standin \"\$@\"" bash "$@" </dev/null
