# SPDX-License-Identifier: GPL-2.0-or-later
# Some containers at once; long/many.bats takes twenty.

load lib
load many

bats_require_minimum_version 1.5.0

setup() {
    many_bundle
}

teardown() {
    no_leaks
}

# bats test_tags=xenstore
@test "three at once" {
    at_once 3
}

@test "the same id twice at once: one of them wins" {
    local status=0 other=0 pid
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/a" 2>&1 3>&- &
    pid=$!
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/b" 2>&1 3>&- || other=$?
    wait "$pid" || status=$?
    [ $((status + other)) -eq 1 ]
    grep -q 'container with given ID already exists' "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
    [ "$(xl list | grep -c domlet-c1)" -eq 1 ]
    domlet delete --force c1
}
