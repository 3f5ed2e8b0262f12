#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the lab's dom0 with engines: these tests with runc, then with domlet in both
# types; the brief ones, of which the second type runs what depends on it, or with
# LONG=1 all.
cd "$(dirname "$(readlink -f "$0")")" || exit
export BATS_TEST_TIMEOUT=600
status=0

run() { # RUNTIME TYPE BATS-OPTIONS…
    echo "# $1, $2"
    RUNTIME=$1 DOMLET_TYPE=$2 bats --tap --timing --print-output-on-failure "${@:3}" . || status=1
}

if [[ ${LONG-} ]]; then
    run runc pvh
    run domlet pvh
    run domlet pv
else
    run runc pvh --filter-tags brief
    run domlet pvh --filter-tags brief
    run domlet pv --filter-tags brief,type
fi
exit $status
