#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# UNIX sockets of dom0's in binds: programs of the container talk to who listens in dom0.
# shellcheck disable=SC2016 # for shells inside

load lib

setup() {
    bats_require_minimum_version 1.5.0
    SOCKET=$BATS_TEST_TMPDIR/x.sock
    SERVED=$BATS_TEST_TMPDIR/served
    SERVERS=()
    tests=/usr/lib/domlet/tests
}

teardown() {
    domlet delete --force c1
    domlet delete --force c2
    ((!${#SERVERS[@]})) || kill "${SERVERS[@]}" 2>/dev/null || true
    no_leaks
}

# Echoes what comes to SOCKET, and writes a line for each connection into SERVED.
serve() { # [UID:GID MODE]
    : >"$SERVED"
    "$tests/unix-talk" serve "$SOCKET" "$@" >>"$SERVED" 2>&1 </dev/null 3>&- &
    SERVERS+=($!)
    eventually 10 grep -qx ready "$SERVED"
}

stop_serving() {
    kill "${SERVERS[@]}"
    wait "${SERVERS[@]}" || true
    SERVERS=()
}

served() { # LINE COUNT
    [ "$(grep -cx "$1" "$SERVED")" = "$2" ]
}

# A container with SOCKET at /run/x.sock, and a program to talk to it by.
make_talker() { # ARGS…
    make_bundle "$@"
    cp "$tests/unix-talk" "$BUNDLE/rootfs/bin/"
    ln -sf busybox "$BUNDLE/rootfs/bin/stat"
    bind_socket "$SOCKET" /run/x.sock
}

bind_socket() { # SOURCE DESTINATION [OPTION…]
    local options
    options=$(printf '%s\n' bind "${@:3}" | jq -R . | jq -cs .)
    edit '.mounts += [{destination: $to, type: "bind", source: $from, options: $options}]' \
        --arg from "$1" --arg to "$2" --argjson options "$options"
}

# bats test_tags=xen,type,standin
@test "a MiB both ways, byte by byte, and the answer after one half has ended" {
    serve
    make_talker unix-talk ask /run/x.sock 1048576 2
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = $'0 0 - 1048576 0\n0 0 - 1048576 0' ]
    served '0 0 - 1048576 0' 2
}

@test "the service is told who connects, and a container's socket is its owner's as in dom0" {
    serve 0:999 0660
    make_talker sh -c 'stat -c "%F %a %u:%g" /run/x.sock; unix-talk ask /run/x.sock 10 1'
    edit '.process.user = {uid: 1000, gid: 1001, additionalGids: [4, 999]}'
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = $'socket 660 0:999\n1000 1001 4,999 10 0' ]

    edit '.process.user.additionalGids = [4]'
    run -1 domlet run -b "$BUNDLE" c1
    [ "$output" = $'socket 660 0:999\nconnect: EACCES' ]
    served '.* 10 0' 1

    # What has changed in dom0 since counts there.
    chmod 1777 "$BUNDLE/rootfs/tmp"
    edit '.process.user.additionalGids = [999] | .process.args = ["sh", "-c", "while test ! -e /tmp/go; do sleep 0.1; done; unix-talk ask /run/x.sock 10 1"]'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    chmod 600 "$SOCKET"
    domlet exec c1 touch /tmp/go
    wait_for_status stopped
    grep -Ex 'send: EPIPE|recv: ECONNRESET|end after 0 bytes' "$BATS_TEST_TMPDIR/out"
    served '.* 10 0' 1
}

@test "two at once, fifty one after the other, forty held: their end is the container's" {
    local i
    serve
    make_talker sh -c 'unix-talk ask /run/x.sock 300000 1 & unix-talk ask /run/x.sock 300000 1 & wait; unix-talk ask /run/x.sock 100 50; unix-talk hold /run/x.sock 40'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 60 grep -qx '40 held' "$BATS_TEST_TMPDIR/out"
    served '0 0 - 300000 0' 2
    served '0 0 - 100 0' 50
    served '0 0 - 1 0' 0
    domlet kill c1 KILL
    eventually 20 served '0 0 - 1 0' 40
}

@test "more connections than there can be wait, and come when others have ended" {
    local waiter
    serve
    make_talker sh -c 'unix-talk hold /run/x.sock 60 & echo $!; sleep 1000'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 grep -qx '48 held, and waits' "$BATS_TEST_TMPDIR/out"
    domlet exec c1 unix-talk ask /run/x.sock 10 1 >"$BATS_TEST_TMPDIR/later" 2>&1 3>&- &
    waiter=$!
    sleep 1
    [ ! -s "$BATS_TEST_TMPDIR/later" ]
    domlet exec c1 kill "$(head -n 1 "$BATS_TEST_TMPDIR/out")"
    wait "$waiter"
    [ "$(cat "$BATS_TEST_TMPDIR/later")" = '0 0 - 10 0' ]
    domlet kill c1 KILL
}

@test "nobody listens: an error, and no wait; nor is another reached that takes the name" {
    serve
    stop_serving
    make_talker sh -c 'echo here; while test ! -e /go; do sleep 0.1; done; unix-talk ask /run/x.sock 10 1'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    rm "$SOCKET"
    serve
    domlet exec c1 touch /go
    wait_for_status stopped
    grep -Ex 'send: EPIPE|recv: ECONNRESET|end after 0 bytes' "$BATS_TEST_TMPDIR/out"
    [ "$(cat "$SERVED")" = ready ]
}

@test "what was said just before the container's end is said" {
    serve
    make_talker unix-talk say /run/x.sock 150000
    run -0 domlet run -b "$BUNDLE" c1
    eventually 5 served '0 0 - 150000 0' 1
}

@test "descriptors are not carried" {
    serve
    make_talker unix-talk rights /run/x.sock
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = '0 0 - 1 0' ]
}

@test "read-only, by a link, beside others, and by an exec; each container has its own" {
    serve
    make_talker sh -c 'unix-talk ask /run/ro.sock 10 1; sleep 1000'
    ln -s x.sock "$BATS_TEST_TMPDIR/link"
    bind_socket "$BATS_TEST_TMPDIR/link" /run/ro.sock ro
    edit '.root.readonly = true'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 grep -qx '0 0 - 10 0' "$BATS_TEST_TMPDIR/out"
    run -0 domlet exec c1 unix-talk ask /run/x.sock 20 1
    [ "$output" = '0 0 - 20 0' ]
    run -1 domlet exec c1 test -e /run/domlet
}

@test "what can't be bound is refused" {
    local i
    serve
    make_talker true
    for i in {2..17}; do bind_socket "$SOCKET" "/run/$i.sock"; done
    run -1 domlet run -b "$BUNDLE" c1
    [[ $output == *"$SOCKET on /run/17.sock can't be done: a container can have 16 sockets of the host's, and this is one more"* ]]
}

# Takes what comes to SOCKET, and writes a line for each datagram into SERVED.
take() {
    : >"$SERVED"
    "$tests/unix-talk" take "$SOCKET" >>"$SERVED" 2>&1 </dev/null 3>&- &
    SERVERS+=($!)
    eventually 10 grep -qx ready "$SERVED"
}

# bats test_tags=xen,type,standin
@test "datagrams: each in its sender's name; the last ones before the end; one that is too long" {
    local i
    take
    make_talker sh -c 'unix-talk long /run/x.sock 12288; unix-talk long /run/x.sock 12289; unix-talk send /run/x.sock m 100'
    edit '.process.user = {uid: 1000, gid: 1001}'
    run -0 domlet run -b "$BUNDLE" c1
    [ -z "$output" ]
    eventually 5 served '1000 1001 m' 1
    for i in {1..99}; do served "1000 1001 m$i" 1; done
    served '1000 1001 12288 bytes' 1
    [ "$(wc -l <"$SERVED")" = 102 ]
    # As runc does it.
    if [[ ${DOMLET_PLACE-} != standin ]]; then
        : >"$SERVED"
        edit '.process.args = ["unix-talk", "send", "/run/x.sock", "m", "3"]'
        runc run -b "$BUNDLE" c2
        [ "$(cat "$SERVED")" = $'1000 1001 m1\n1000 1001 m2\n1000 1001 m' ]
    fi
}

@test "datagrams: who takes none holds up the sender, nobody who takes any does not, and syslog's is one" {
    take
    ln -s "$SOCKET" "$BATS_TEST_TMPDIR/log"
    make_talker sh -c 'busybox logger -t me words; echo logged; while test ! -e /go; do sleep 0.1; done; unix-talk send /run/x.sock m 100; echo sent; unix-talk send /run/x.sock z 5; echo over; sleep 1000'
    bind_socket "$BATS_TEST_TMPDIR/log" /dev/log
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 grep -Eqx '0 0 <13>.* me: words' "$SERVED"
    kill -STOP "${SERVERS[0]}"
    domlet exec c1 touch /go
    sleep 1
    run ! grep -qx sent "$BATS_TEST_TMPDIR/out"
    kill -CONT "${SERVERS[0]}"
    eventually 20 grep -qx over "$BATS_TEST_TMPDIR/out"
    eventually 20 served '0 0 m' 1
    eventually 20 served '0 0 z' 1
    stop_serving
    domlet exec c1 unix-talk send /run/x.sock late 3
    domlet kill c1 KILL
    wait_for_status stopped
}
