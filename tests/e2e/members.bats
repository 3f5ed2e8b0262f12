# SPDX-License-Identifier: GPL-2.0-or-later
# Several containers in one domain: those that join namespaces of others.

load lib
load faults

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    local id
    for id in $(domlet list -q); do domlet delete --force "$id"; done
    no_leaks
}

# The container c1, whose domain others join.
make_first() { # ARGS…
    make_bundle "$@"
    [[ ! ${DISK-} ]] || on_disk
    edit ".hostname = \"first\""
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    first=$(cat "$BATS_TEST_TMPDIR/pid")
    first_bundle=$BUNDLE
}

# A bundle like c1's, for a container that joins c1's namespaces of TYPES (ipc, uts, network, pid).
make_member() { # ID TYPES ARGS…
    local id=$1 types=$2
    shift 2
    BUNDLE=$BATS_TEST_TMPDIR/$id
    mkdir -p "$BUNDLE"
    cp -a "$BATS_RUN_TMPDIR/rootfs" "$BUNDLE/"
    jq '.process.args = $ARGS.positional | del(.hostname) |
        .linux.namespaces |= map(if .type as $t | $types | split(" ") | index($t)
            then .path = "/proc/\($pid)/ns/\(if .type == "network" then "net" else .type end)" else . end)' \
        --arg types "$types" --arg pid "$first" "$first_bundle/config.json" \
        --args -- "$@" >"$BUNDLE/config.json"
}

create_member() { # ID TYPES ARGS…
    make_member "$@"
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/$1.pid" "$1" </dev/null >"$BATS_TEST_TMPDIR/$1.out" 2>&1 3>&-
}

status_of() { # ID
    domlet state "$1" | jq -r .status
}

has_stopped() { # ID
    [[ $(status_of "$1") == stopped ]]
}

domains() {
    xl list | grep -c domlet-
}

# bats test_tags=xen,type,standin
@test "members live in one domain, share what they join, and end by themselves" {
    make_first sh -c "echo >/tmp/mine; exec sleep 1000"
    create_member m1 "ipc uts network" sh -c 'hostname; ls /tmp; exit 7'
    create_member m2 "ipc uts pid" sh -c 'exec sleep 1000'
    [ "$(domains)" = 1 ]
    run -0 domlet start m1
    domlet start m2
    eventually 20 has_stopped m1
    [ "$(cat "$BATS_TEST_TMPDIR/m1.out")" = first ]
    [ "$(status_of m2)" = running ]
    [ "$(status_of c1)" = running ]
    run -0 domlet exec m2 hostname
    [ "$output" = first ]
    # A pid namespace that is joined: c1's processes are in sight.
    run -0 domlet exec m2 sh -c 'cat /proc/1/cmdline'
    [[ $output == *sleep*1000* ]]
    domlet delete m1
    create_member m1 "ipc uts" sh -c 'exit 3'
    run domlet exec m1 true
    [ "$status" = 0 ]
    domlet start m1
    eventually 20 has_stopped m1
    domlet delete m1
    domlet kill m2 KILL
    eventually 20 has_stopped m2
    domlet delete m2
    [ "$(status_of c1)" = running ]
    [ "$(domains)" = 1 ]
    domlet kill c1 KILL
    eventually 20 has_stopped c1
    domlet delete c1
}

@test "a member's exit status, in the foreground; nothing of it stays" {
    make_first sleep 1000
    make_member m1 "ipc uts" sh -c 'cat; exit 7'
    run -7 domlet run -b "$BUNDLE" m1 <<<hello
    [ "$output" = hello ]
    run -1 domlet state m1
    [ "$(status_of c1)" = running ]
    run -127 domlet exec c1 nothing-like-that || run -255 domlet exec c1 nothing-like-that
    make_member m2 "ipc" /bin/nothing
    run -1 domlet run -b "$BUNDLE" m2
    [[ $output == *'/bin/nothing'* ]]
    [ "$(status_of c1)" = running ]
    [ "$(domlet list -q)" = c1 ]
}

@test "what can't be joined is refused" {
    make_first sleep 1000
    make_member m1 "ipc" true
    jq '(.linux.namespaces[] | select(.type == "ipc")).path = "/proc/\($pid)/ns/ipc"' --arg pid $$ "$BUNDLE/config.json" >"$BUNDLE/new"
    mv "$BUNDLE/new" "$BUNDLE/config.json"
    run -1 domlet run -b "$BUNDLE" m1
    [[ $output == *ipc* ]]
    [ "$(domlet list -q)" = c1 ]
}

@test "sixteen containers in a domain, and the seventeenth is refused by name" {
    local i
    make_first sleep 1000
    for i in {1..15}; do create_member "m$i" "ipc" sleep 1000; done
    domlet start m15
    make_member m16 "ipc" true
    run -1 domlet create -b "$BUNDLE" m16
    [[ $output == *domlet-c1-*'has 16 containers'* ]]
    [ "$(domains)" = 1 ]
    domlet delete --force m7
    create_member m16 "ipc" sleep 1000
    domlet start m16
    [ "$(status_of m15)" = running ]
    # All that is left goes with the domain.
    domlet delete --force c1
    for i in {1..16}; do [ "$i" = 7 ] || domlet delete --force "m$i"; done
}

@test "a member's proxy is killed: that member ends alone" {
    make_first sleep 1000
    create_member m1 "ipc" sleep 1000
    domlet start m1
    kill -KILL "$(cat "$BATS_TEST_TMPDIR/m1.pid")"
    eventually 20 has_stopped m1
    domlet delete m1
    [ "$(status_of c1)" = running ]
}

@test "the monitor is killed: all its containers have stopped" {
    make_first sleep 1000
    create_member m1 "ipc" sleep 1000
    domlet start m1
    kill -KILL "$(jq .monitorPid /run/domlet-domains/*/domlet.json)"
    domlet list >/dev/null
    eventually 20 has_stopped c1
    eventually 20 has_stopped m1
    domlet delete m1
    domlet delete c1
}

@test "one of several is paused alone" {
    make_first sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'
    create_member m1 "ipc" sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'
    domlet start m1
    eventually 20 eval '[ -s "$BATS_TEST_TMPDIR/m1.out" ]'
    domlet pause m1
    [ "$(status_of m1)" = paused ]
    [ "$(status_of c1)" = running ]
    before=$(wc -c <"$BATS_TEST_TMPDIR/m1.out") others=$(wc -c <"$BATS_TEST_TMPDIR/out")
    sleep 1
    [ "$before" = "$(wc -c <"$BATS_TEST_TMPDIR/m1.out")" ]
    [ "$others" -lt "$(wc -c <"$BATS_TEST_TMPDIR/out")" ]
    domlet resume m1
    eventually 20 eval '[ "$before" -lt "$(wc -c <"$BATS_TEST_TMPDIR/m1.out")" ]'
    domlet pause m1
    domlet kill m1 KILL
    eventually 20 has_stopped m1
    domlet delete m1
}

@test "the first ends and another takes its number: its disk has gone" {
    local DISK=1
    make_first sleep 1000
    create_member m1 "ipc" sleep 1000
    domlet start m1
    domlet delete --force c1
    [ "$(status_of m1)" = running ]
    first=$(cat "$BATS_TEST_TMPDIR/m1.pid")
    create_member m2 "ipc" sh -c 'ls /bin/sh'
    domlet start m2
    eventually 20 has_stopped m2
    [ "$(cat "$BATS_TEST_TMPDIR/m2.out")" = /bin/sh ]
    [ "$(domains)" = 1 ]
}

@test "a pod by an engine's annotations: the sandbox keeps the domain" {
    make_first sleep 1000
    domlet delete --force c1
    BUNDLE=$first_bundle edit '.annotations["io.kubernetes.cri.container-type"] = "sandbox" | .annotations["io.kubernetes.cri.sandbox-id"] = "c1"'
    domlet create -b "$first_bundle" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    first=$(cat "$BATS_TEST_TMPDIR/pid")
    make_member m1 "ipc uts network" sleep 1000
    edit '.annotations["io.kubernetes.cri.container-type"] = "container" | .annotations["io.kubernetes.cri.sandbox-id"] = "c1"'
    domlet create -b "$BUNDLE" m1 </dev/null >"$BATS_TEST_TMPDIR/m1.out" 2>&1 3>&-
    domlet start m1
    [ "$(domains)" = 1 ]
    # The domain ends with its sandbox, and the member with the domain.
    domlet delete --force c1
    eventually 20 has_stopped m1
    [[ $(domlet state m1 | jq -r .reason) == *'ended with container c1'* ]]
    [ "$(domains)" = 0 ]
    run -1 domlet create -b "$BUNDLE" m2
    [[ $output == *namespace* ]]
    domlet delete m1
}

@test "a member's disk fails to come, or ends the monitor" {
    [[ ${DOMLET_PLACE-} == standin ]] || skip "Xen's own libraries don't fail on demand"
    local call DISK=1
    for call in device_disk_add device_disk_add.stored device_disk_add.disk; do
        echo "$call"
        export DOMLET_STANDIN_FAULT=$call=fail
        make_first sleep 1000
        make_member m1 "ipc" sleep 1000
        run -1 domlet create -b "$BUNDLE" m1
        echo "$output"
        [[ ${#lines[@]} -eq 1 && $output == 'domlet: '* ]]
        [ "$(status_of c1)" = running ]
        [ "$(domlet list -q)" = c1 ]
        domlet delete --force c1
        no_leaks
        export DOMLET_STANDIN_FAULT=$call=kill
        make_first sleep 1000
        make_member m1 "ipc" sleep 1000
        run -1 domlet create -b "$BUNDLE" m1
        echo "$output"
        domlet delete --force c1
        no_leaks
    done
    for call in device_disk_remove device_disk_remove.disk; do
        echo "$call"
        export DOMLET_STANDIN_FAULT=$call=fail
        make_first sleep 1000
        make_member m1 "ipc" true
        run -0 domlet run -b "$BUNDLE" m1
        [ "$(status_of c1)" = running ]
        domlet delete --force c1
        no_leaks
    done
}

# bats test_tags=xen,standin
@test "who makes a member is killed: nothing of the member stays" {
    local phase
    make_first sleep 1000
    make_member m1 "ipc" sleep 1000
    for phase in planned shared; do
        env domlet --debug create -b "$BUNDLE" m1 </dev/null >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
        pid=$!
        eventually 20 grep -q " ms $phase" "$BATS_TEST_TMPDIR/said"
        kill -9 "$pid" || true # it may be faster
        wait "$pid" || true
        domlet list >/dev/null
        domlet delete --force m1
        [ "$(status_of c1)" = running ]
        eventually 20 eval '[ "$(jq ".containers | length" /run/domlet-domains/*/domlet.json)" = 1 ]'
    done
    domlet create -b "$BUNDLE" m1 </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- || { cat "$BATS_TEST_TMPDIR/said" && false; }
    domlet start m1
}

# In the foreground, whose command is killed now and then.
come_and_go() { # ID TIMES
    local i
    for ((i = 1; i <= $2; i++)); do
        if ((i % 3 == 0)); then
            timeout -s KILL "0.$((RANDOM % 9 + 1))" domlet run -b "$BATS_TEST_TMPDIR/$1" "$1" </dev/null || true
            domlet delete --force "$1"
        else
            status=0
            domlet run -b "$BATS_TEST_TMPDIR/$1" "$1" </dev/null || status=$?
            [ "$status" -eq 4 ]
        fi
    done
}

@test "many come and go at once, and some are killed: the others don't notice" {
    local i pids=()
    make_first sleep 1000
    for i in {1..10}; do
        make_member "m$i" "ipc" sh -c 'exit 4'
        come_and_go "m$i" 4 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(domlet list -q)" = c1 ]
    [ "$(status_of c1)" = running ]
    eventually 20 eval '[ "$(jq ".containers | length" /run/domlet-domains/*/domlet.json)" = 1 ]'
    eventually 20 eval '[ "$(pgrep -c -x domlet-share)" = 1 ]' # the first one's server of files
}

memory_of_domain() { # MiB
    xl list | awk '/domlet-c1/ { print $3 }'
}

# bats test_tags=xen,type,standin
@test "the domain grows by what a member asks for, and shrinks when it has ended" {
    local before
    make_first sleep 1000
    before=$(memory_of_domain)
    make_member m1 "ipc" sh -c 'grep MemTotal /proc/meminfo; exec sleep 1000'
    edit '.linux.resources.memory.limit = 268435456'
    domlet create -b "$BUNDLE" m1 </dev/null >"$BATS_TEST_TMPDIR/m1.out" 2>&1 3>&-
    eventually 20 eval '(($(memory_of_domain) > before + 255))'
    domlet start m1
    eventually 20 eval '[ -s "$BATS_TEST_TMPDIR/m1.out" ]'
    cat "$BATS_TEST_TMPDIR/m1.out"
    # The stand-in's guest has this machine's memory.
    [[ ${DOMLET_PLACE-} == standin ]] || (($(awk '/MemTotal/ { print $2 }' "$BATS_TEST_TMPDIR/m1.out") > 300 * 1024))
    domlet delete --force m1
    eventually 60 eval '(($(memory_of_domain) <= before + 16))' # what describes the pages stays
    [ "$(status_of c1)" = running ]
}

# bats test_tags=dom0
@test "each has limits of its own: one ends for want of memory, the others go on" {
    make_first sleep 1000
    make_member m1 "ipc uts" sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max; exec busybox tail /dev/zero'
    edit '.linux.resources = {memory: {limit: 25165824}, pids: {limit: 20}}'
    domlet create -b "$BUNDLE" m1 </dev/null >"$BATS_TEST_TMPDIR/m1.out" 2>&1 3>&-
    make_member m2 "ipc uts" sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max; exec sleep 1000'
    edit '.linux.resources = {memory: {limit: 50331648}, pids: {limit: 30}}'
    domlet create -b "$BUNDLE" m2 </dev/null >"$BATS_TEST_TMPDIR/m2.out" 2>&1 3>&-
    domlet start m2
    domlet start m1
    eventually 20 has_stopped m1
    [[ $(domlet state m1 | jq -r .reason) == *'for want of memory'* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/m1.out")" = $'25165824\n20' ]
    [ "$(cat "$BATS_TEST_TMPDIR/m2.out")" = $'50331648\n30' ]
    run -0 domlet exec c1 cat /sys/fs/cgroup/memory.max
    [ "$output" = max ]
    [ "$(status_of m2)" = running ]
    domlet kill m2 KILL
    eventually 20 has_stopped m2
    [ "$(domlet state m2 | jq -r .reason)" = null ]
}
