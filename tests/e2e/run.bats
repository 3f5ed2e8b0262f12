# SPDX-License-Identifier: GPL-2.0-or-later
# domlet run: streams, exit statuses, what the container sees.

load lib

bats_require_minimum_version 1.5.0

teardown() {
    no_leaks
}

# bats test_tags=xenstore
@test "stdout, stderr and the exit status are the container's" {
    make_bundle sh -c '[ ! -c /proc/self/fd/0 ] || echo null; echo out; echo err >&2; exit 7'
    run -7 --separate-stderr domlet run -b "$BUNDLE" c1 </dev/null
    [ "$output" = $'null\nout' ]
    [ "$stderr" = err ]
}

@test "a stream's end is passed on when it comes, and its kind carries over" {
    make_bundle sh -c 'exec <&- >&- 2>&-; sleep 1000'
    { status=0; yes || status=$?; echo "$status" >"$BATS_TEST_TMPDIR/yes"; } | domlet run --detach -b "$BUNDLE" c1 2>&1 3>&- | cat
    [ "$(domlet state c1 | jq -r .status)" = running ]
    eventually 10 grep -qx 141 "$BATS_TEST_TMPDIR/yes"

    # The same of a command that waits for its process.
    {
        { status=0; yes || status=$?; echo "$status" >"$BATS_TEST_TMPDIR/yes2"; } |
            domlet exec c1 sh -c 'exec <&- >&-; sleep 1000' 2>"$BATS_TEST_TMPDIR/err" | { cat; : >"$BATS_TEST_TMPDIR/ended"; }
    } 3>&- &
    pipeline=$!
    eventually 10 grep -qx 141 "$BATS_TEST_TMPDIR/yes2"
    eventually 10 test -e "$BATS_TEST_TMPDIR/ended"
    domlet exec c1 sh -c '[ ! -e /proc/self/fd/0 ] && [ -c /proc/self/fd/1 ]' <&- >/dev/null
    domlet delete --force c1
    wait "$pipeline" || true # bats has a child of its own, for the time that a test may take
}

# bats test_tags=xen,type
@test "a kernel of its own" {
    make_bundle cat /proc/version
    run -0 domlet run -b "$BUNDLE" c1
    [[ $output == *domlet* ]]
    [[ $output != "$(cat /proc/version)" ]]
}

# bats test_tags=xen,standin
@test "one MiB through stdin and stdout" {
    make_bundle cat
    head -c 1048576 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    domlet run -b "$BUNDLE" c1 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "user, groups, directory, environment, hostname" {
    make_bundle sh -c 'id -u; id -g; pwd; echo $GREETING; hostname'
    edit '.process.user = {uid: 1000, gid: 1001} | .process.cwd = "/tmp" | .process.env += ["GREETING=hi"] | .hostname = "box"'
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = $'1000\n1001\n/tmp\nhi\nbox' ]
}

@test "read-only root" {
    make_bundle sh -c 'touch /x && echo written'
    edit '.root.readonly = true'
    run -1 domlet run -b "$BUNDLE" c1
    [[ $output != *written* ]]
}

@test "capabilities and no_new_privs" {
    make_bundle grep -E 'CapBnd|CapEff|NoNewPrivs' /proc/self/status
    edit '.process.capabilities = {bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"]} | .process.noNewPrivileges = true'
    run -0 domlet run -b "$BUNDLE" c1
    [[ $output == *CapEff:*0000000000000020* ]]
    [[ $output == *CapBnd:*0000000000000020* ]]
    [[ $output == *NoNewPrivs:*1* ]]
}

@test "a missing command fails create with the contract's text" {
    make_bundle nosuch
    run -1 domlet run -b "$BUNDLE" c1
    [[ $output == *'exec: "nosuch": executable file not found in $PATH'* ]]
}

@test "bad ids, a missing bundle, a broken config.json" {
    make_bundle true
    run -1 domlet run -b "$BUNDLE" ../x
    [[ $output == *'invalid container ID format'* ]]
    run -1 domlet run -b /nowhere c1
    [[ $output != *'no such file or directory'* ]]
    echo '{"ociVersion": ' >"$BUNDLE/config.json"
    run -1 domlet run -b "$BUNDLE" c1
    [[ $output == *config.json* ]]
}

@test "what ./dev run runs: its output and its status" {
    run -7 bash /lab/run.sh "$DOMLET_TYPE" sh -c 'busybox uname -s && exit 7'
    [ "$output" = Linux ]
}

# bats test_tags=xenstore
@test "what ./dev run shows without a command: a configuration's way" {
    run -0 bash /lab/run.sh "$DOMLET_TYPE"
    said() { sed -n "s/^$1: *//p" <<<"$output"; }
    [[ $(said "the guest's kernel") == *-domlet ]]
    [ "$(said config.json)" = 'hostname parcel, GREETING=hello' ]
    [ "$(said 'the container has')" = "$(said config.json)" ]
    [[ $(said 'xenstore holds') =~ ^[0-9]{4}\ bytes,\ sha256\ [0-9a-f]{64}$ ]]
    [ "$(said 'dom0 says to expect')" = "$(said 'xenstore holds')" ]
    grep -q 'ms destroyed$' <<<"$output"
}

# bats test_tags=xenstore
@test "what dom0 tells a guest in xenstore is for this guest alone to read" {
    local domid
    make_bundle sleep 1000
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domid=$(xl list | awk "/domlet-c1/ { print \$2 }")
    run -0 xenstore-ls -p "/local/domain/$domid/domlet"
    [[ $output == *chunk*generation* ]]
    run -1 grep -vE "  \(n0,r$domid\)\$" <<<"$output"
    run -0 xenstore-ls -p "/local/domain/$domid"
    [[ $(grep '^domlet = ' <<<"$output") == *"(n0,r$domid)" ]]
    domlet delete --force c1
}
