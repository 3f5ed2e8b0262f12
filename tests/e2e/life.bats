# SPDX-License-Identifier: GPL-2.0-or-later
# create, start, state, kill, delete; and ends that nobody asked for.

load lib
load faults

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    [[ ! ${syslogd-} ]] || kill "$syslogd" || true
    domlet delete --force c1
    no_leaks
}

create() {
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
}

destroy_from_outside() {
    xl destroy "$(xl list | awk '/domlet-c1/{print $1}')"
}

@test "create, start, kill, delete" {
    make_bundle sh -c 'echo ready; exec sleep 1000'
    create
    [ "$(status)" = created ]
    xl list | grep -q domlet-c1
    [ -d "/proc/$(cat "$BATS_TEST_TMPDIR/pid")" ]
    run -1 domlet create -b "$BUNDLE" c1
    [[ $output == *'container with given ID already exists'* ]]
    domlet start c1
    [ "$(status)" = running ]
    run -1 domlet start c1
    [[ $output == *'cannot start an already running container'* ]]
    run -1 domlet delete c1
    [[ $output == *'cannot delete container c1 that is not stopped: running'* ]]
    domlet kill c1 KILL
    wait_for_status stopped
    run -1 domlet kill c1 KILL
    [[ $output == *'container not running'* ]]
    domlet delete c1
    run -1 domlet state c1
    [[ $output == *'container does not exist'* ]]
}

# bats test_tags=xen,standin
@test "pause and resume: the whole domain stands still; SIGKILL ends a paused one" {
    local before behind
    make_bundle sh -c 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done'
    create
    run -1 domlet pause c1
    [[ $output == *'container not running'* ]]
    run -1 domlet resume c1
    [[ $output == *'container not paused'* ]]
    domlet start c1
    eventually 20 eval '[ -s "$BATS_TEST_TMPDIR/out" ]'
    domlet pause c1
    [ "$(status)" = paused ]
    domlet list | grep -q '^c1 .*paused'
    xl list | grep -q 'domlet-c1.* [r-][b-]p---'
    sleep 1
    before=$(wc -l <"$BATS_TEST_TMPDIR/out")
    sleep 2
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = "$before" ]
    run -255 domlet exec c1 true
    [[ $output == *'cannot exec in a paused container (use --ignore-paused to override)'* ]]
    run -1 domlet pause c1
    [[ $output == *'container not running'* ]]
    run -1 domlet start c1
    [[ $output == *'cannot start an already running container'* ]]
    run -1 domlet delete c1
    [[ $output == *'cannot delete container c1 that is not stopped: paused'* ]]
    domlet resume c1
    [ "$(status)" = running ]
    eventually 20 eval '[ "$(wc -l <"$BATS_TEST_TMPDIR/out")" -gt "$before" ]'
    # Its clock went on meanwhile. It is asked later than dom0's, by the time of an exec.
    behind=$(($(date +%s) - $(domlet exec c1 busybox date +%s)))
    ((behind >= -20 && behind <= 2))
    domlet pause c1
    domlet kill c1 KILL
    wait_for_status stopped
    domlet delete c1
    create
    domlet start c1
    domlet pause c1
    domlet delete --force c1
    run -1 domlet state c1
    [[ $output == *'container does not exist'* ]]
}

@test "pause and resume: the monitor is asked, whatever the record says, and not for ever" {
    local record=/run/domlet/c1/domlet.json monitor
    make_bundle sleep 1000
    create
    domlet start c1
    monitor=$(jq -r .monitorPid $record)
    domlet pause c1
    jq -c '.status = "running"' $record >"$BATS_TEST_TMPDIR/behind" # as if there had been no room for it
    cat "$BATS_TEST_TMPDIR/behind" >$record
    domlet resume c1
    jq -c '.status = "paused"' $record >"$BATS_TEST_TMPDIR/behind"
    cat "$BATS_TEST_TMPDIR/behind" >$record
    run -1 domlet resume c1
    [[ $output == *'container not paused'* ]]
    domlet pause c1
    kill -STOP "$monitor"
    run -1 timeout 20 domlet resume c1
    kill -CONT "$monitor"
    [[ $output == *"monitor does not answer"* ]]
    [ "$(status)" = paused ]
    kill -9 "$monitor" # its domain is left, paused; whoever comes next ends it
    wait_for_status stopped
    run -1 domlet resume c1
    [[ $output == *'container not paused'* ]]
    domlet delete c1
    eventually 20 eval '! xl list | grep -q domlet-c1'
}

@test "run --detach that can't start leaves nothing, and its id is free" {
    make_bundle sleep 1000
    edit '.hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "exit 3"]}],
        poststop: [{path: "/bin/touch", args: ["touch", $ENV.BATS_TEST_TMPDIR + "/stopped"]}]}'
    run -1 domlet run --detach -b "$BUNDLE" c1 </dev/null
    [[ $output == *'exit status 3'* ]]
    run -1 domlet state c1
    [[ $output == *'container does not exist'* ]]
    [ -e "$BATS_TEST_TMPDIR/stopped" ]
}

# bats test_tags=xenstore
@test "xl destroy is an end like a kill; the state says why, and so does the system's log" {
    local log=$BATS_TEST_TMPDIR/log reason
    if [[ ! -e /dev/log ]]; then # whoever is there already has a log of its own
        busybox syslogd -n -O "$log" 3>&- &
        syslogd=$!
        eventually 10 test -e /dev/log
    fi
    make_bundle sleep 1000
    create
    domlet start c1
    destroy_from_outside
    wait_for_status stopped
    reason=$(domlet state c1 | jq -r .reason)
    [[ $reason == *'destroyed from outside'* ]]
    [[ ! ${syslogd-} ]] || eventually 10 grep -qF "$reason" "$log"
}

# bats test_tags=xen
@test "what was written before the domain was destroyed is still read" {
    local fifo=$BATS_TEST_TMPDIR/fifo reader
    make_bundle sh -c 'busybox head -c 200000 /dev/zero; echo end >&2; exec sleep 1000'
    mkfifo "$fifo"
    exec 4<>"$fifo" # a reader that doesn't read
    domlet create -b "$BUNDLE" c1 </dev/null >"$fifo" 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&-
    domlet start c1
    eventually 60 grep -q end "$BATS_TEST_TMPDIR/err"
    domlet exec c1 true # what the guest's pipe held has been sent before this is answered
    destroy_from_outside
    cat <"$fifo" >"$BATS_TEST_TMPDIR/out" 3>&- 4>&- &
    reader=$!
    exec 4>&-
    wait "$reader"
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/out")" -eq 200000 ]
    wait_for_status stopped
}

# bats test_tags=xen,standin
@test "the monitor is killed" {
    make_bundle sleep 1000
    create
    domlet start c1
    kill -9 "$(jq -r .monitorPid /run/domlet/c1/domlet.json)"
    wait_for_status stopped
    xl list | grep -q domlet-c1
    [[ $(domlet list) == *stopped* ]] # and has it cleaned up, without waiting for that
    eventually 60 eval '! xl list | grep -q domlet-c1'
    eventually 10 eval '[[ $(domlet state c1 | jq -r .reason) == "its monitor was killed" ]]'
}

@test "a monitor has a cgroup of its own; told to end, it stops its container as an engine would" {
    local monitor cgroup
    make_bundle sh -c 'trap "echo stopping; exit 7" TERM; echo ready; while :; do sleep 1; done'
    edit '.linux.cgroupsPath = "/engine/c1"'
    create
    domlet start c1
    eventually 30 grep -q ready "$BATS_TEST_TMPDIR/out"
    monitor=$(jq -r .monitorPid /run/domlet/c1/domlet.json)
    cgroup=$(grep ^0:: "/proc/$monitor/cgroup")
    domain=$(jq -r .domain /run/domlet/c1/domlet.json)
    [[ $cgroup == "0::/domlet/$domain" || -d /run/systemd/system && $cgroup == "0::/domlet.slice/domlet-$domain.scope" ]]
    kill -TERM "$monitor"
    wait_for_status stopped
    eventually 30 test ! -d "/proc/$monitor"
    [ "$(jq -r .exitCode /run/domlet/c1/domlet.json)" -eq 7 ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'ready\nstopping' ]
    [ ! -e "/sys/fs/cgroup/${cgroup#0::/}" ]
    run -0 xl list
    [[ $output != *domlet-c1* ]]
    domlet delete c1
    rmdir /sys/fs/cgroup/engine
}

@test "the proxy is killed" {
    make_bundle sleep 1000
    create
    domlet start c1
    kill -9 "$(cat "$BATS_TEST_TMPDIR/pid")"
    wait_for_status stopped
}

@test "the monitor of a foreground run is killed" {
    local pid status=0
    make_bundle sleep 1000
    domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    wait_for_status running
    kill -9 "$(jq -r .monitorPid /run/domlet/c1/domlet.json)"
    wait "$pid" || status=$?
    [ "$status" -eq 137 ]
    grep -q 'the monitor of container c1 was killed' "$BATS_TEST_TMPDIR/out"
    no_leaks
}

@test "the caller is killed while it creates" {
    local pid
    make_bundle sleep 1000
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    pid=$!
    eventually 30 has_monitor
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" || true
    [[ $(status 2>/dev/null) != created ]] || domlet delete --force c1 # it was faster
    no_leaks
}

# bats test_tags=xen,standin
@test "a monitor with nothing to relay sleeps" {
    local monitor before
    make_bundle sleep 1000
    sleep 60 3>&- | domlet create -b "$BUNDLE" c1 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-  &
    wait_for_status created
    domlet start c1
    monitor=$(jq -r .monitorPid /run/domlet/c1/domlet.json)
    before=$(awk '{print $14 + $15}' "/proc/$monitor/stat")
    sleep 2
    [ "$(($(awk '{print $14 + $15}' "/proc/$monitor/stat") - before))" -le 10 ]
}
