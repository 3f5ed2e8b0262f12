# SPDX-License-Identifier: GPL-2.0-or-later
# xenstored dies under a container. The last file of a run: nothing that needs
# Xen's toolstack works after it.

load lib

bats_require_minimum_version 1.5.0

# bats test_tags=xenstore
@test "xenstored dies: the container runs to its end, and whoever asks is told" {
    local pid status=0
    make_bundle sh -c 'read -r line; echo "got $line"; exit 5'
    mkfifo "$BATS_TEST_TMPDIR/in"
    exec {in}<>"$BATS_TEST_TMPDIR/in"
    timeout -s KILL 500 domlet run -b "$BUNDLE" c1 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    wait_for_status running 300
    kill -9 "$(pidof oxenstored xenstored)"
    run -1 timeout -s KILL 60 domlet run -b "$BUNDLE" c2
    [[ $output == *"xenstored doesn't answer"* ]]
    [[ $(timeout -s KILL 60 domlet list) == *running* ]]
    run -1 timeout -s KILL 60 domlet doctor
    [[ $output == *'FAIL  xenstored answers'* ]]
    echo last >&"$in"
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/out"
    [ "$status" -eq 5 ]
    grep -q '^got last' "$BATS_TEST_TMPDIR/out"
    # The domain can't be destroyed any more, and is not forgotten.
    run -1 timeout -s KILL 60 domlet delete --force c1
    [[ $output == *"xenstored doesn't answer"* ]]
}
