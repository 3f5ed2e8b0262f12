#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/leaks.sh DOMLET SOURCE_ROOT
#
# The end-to-end tests' look for what is left: it is clean only when each part
# of it could look. Needs no Xen: what asks Xen is made of shell here.
set -euo pipefail
top=$(readlink -f "$2")
fail() { echo "leaks.sh: $*" >&2 && exit 1; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LEAKS_S=0 BATS_TEST_TMPDIR=$dir BATS_RUN_TMPDIR=$dir PATH=$dir:$PATH

stub() { # NAME COMMAND
    printf '#!/bin/sh\n%s\n' "$2" >"$dir/$1"
    chmod +x "$dir/$1"
}
healthy() {
    stub xl 'echo Name ID; echo Domain-0 0'
    stub xenstore-list 'echo 0'
    stub xenstore-ls 'echo "/local/domain/0/name = \"Domain-0\""'
    stub losetup true
    stub pgrep 'exit 1'
}
look() { # LIB: what no_leaks says
    # shellcheck disable=SC1090
    (cd "$top" && . "$1" && no_leaks) 2>&1
}
for name in pgrep losetup xl xenstore-list xenstore-ls; do
    healthy
    said=$(look tests/e2e/lib.bash) || [[ -e /run/domlet ]] || fail "a clean host is not called so: $said"
    stub "$name" 'echo "no, said '"$name"'" >&2; exit 3'
    ! said=$(look tests/e2e/lib.bash) || fail "$name fails, and all is clean"
    [[ $said == "can't look for what is left:"*"no, said $name" ]] || fail "$name fails, and is not named: $said"
done
healthy
stub losetup 'echo /dev/loop0'
! said=$(look tests/e2e/lib.bash) || fail "a loop device is left, and all is clean"
[[ $said == "left behind:"*/dev/loop0 ]] || fail "of what is left is said: $said"
healthy
stub losetup 'exit 3'
! said=$(look tests/e2e-engines/lib.bash) || fail "losetup fails, and all is clean for the engines' tests"
[[ $said == "can't look for what is left:"* ]] || fail "of a failure among the engines is said: $said"
