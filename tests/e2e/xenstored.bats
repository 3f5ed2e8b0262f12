# SPDX-License-Identifier: GPL-2.0-or-later
# xenstored dies under a container. The last file of a run: nothing that needs
# Xen's toolstack works after it.

load lib

bats_require_minimum_version 1.5.0

@test "xenstored dies: the container ends, and whoever asks is told" {
    local pid status=0 i
    make_bundle sleep 1000
    timeout -s KILL 120 domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    for i in {1..300}; do
        [[ $(domlet state c1 2>/dev/null) != *'"running"'* ]] || break
        sleep 0.1
    done
    kill -9 "$(pidof oxenstored xenstored)"
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq 137 ]
    grep -q 'xenstored' "$BATS_TEST_TMPDIR/out"
    ! pgrep -x domlet || return 1
    run -1 timeout -s KILL 60 domlet run -b "$BUNDLE" c2
    [[ $output == *"xenstored doesn't answer"* ]]
    run timeout -s KILL 60 domlet list
    [ "$status" -eq 0 ]
    run timeout -s KILL 60 domlet delete --force c1
    [[ $status -eq 0 || $output == *"xenstored doesn't answer"* ]]
}
