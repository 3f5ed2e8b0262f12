# SPDX-License-Identifier: GPL-2.0-or-later
# Xen's libraries fail, hang or end with their caller at one of their calls. Only
# the stand-in's do that on demand (../standin/fault.h has the calls).

load lib
load faults

bats_require_minimum_version 1.5.0

building=(get_physinfo domain_create_new domain_create.made domain_create.stored domain_create.disk
    evenable_domain_death domain_unpause gnttab_open gnttab_map evtchn_open evtchn_bind)
destroying=(domain_destroy domain_destroy.killed domain_destroy.disk domain_destroy.freed)

setup() {
    [[ ${DOMLET_PLACE-} == standin ]] || skip "Xen's own libraries don't fail on demand"
    make_bundle true
    on_disk # which a live root needs none of
}

teardown() {
    domlet delete --force c1
    no_leaks
}

@test "a call fails while the container is made: one sentence, and nothing is left" {
    local call
    for call in ctx_alloc "${building[@]}"; do
        echo "$call"
        [[ $call != get_physinfo && $call != evenable_domain_death ]] || continue # see below
        DOMLET_STANDIN_FAULT=$call=fail run -1 domlet run -b "$BUNDLE" c1
        echo "$output"
        [[ ${#lines[@]} -eq 1 && $output == 'domlet: '* ]]
        [[ ${output,,} != *'no such file or directory'* ]]
        no_leaks
    done
}

@test "what can be had otherwise, or later, fails: the container runs" {
    local call
    for call in get_physinfo evenable_domain_death; do
        echo "$call"
        DOMLET_STANDIN_FAULT=$call=fail run -0 domlet run -b "$BUNDLE" c1
        [ -z "$output" ]
        no_leaks
    done
}

@test "the monitor is killed in a call while the container is made" {
    local call
    for call in "${building[@]}"; do
        echo "$call"
        DOMLET_STANDIN_FAULT=$call=kill run domlet run -b "$BUNDLE" c1
        echo "status $status: $output"
        [ "$status" -eq 1 ] || [ "$status" -eq 137 ]
        [[ $output == *monitor* ]]
        no_leaks
    done
}

@test "destroying fails, or ends with who does it: delete does it" {
    local call action
    for call in "${destroying[@]}"; do
        for action in fail kill; do
            echo "$call=$action"
            DOMLET_STANDIN_FAULT=$call=$action run domlet run -b "$BUNDLE" c1
            echo "status $status: $output"
            domlet delete --force c1
            no_leaks
        done
    done
}

reaper_groups() {
    find /sys/fs/cgroup -type d -name 'reaper-*' | grep -c .
}

@test "a reaper is killed: the next one leaves nothing, not even its control group" {
    local i
    for i in 1 2; do
        domlet create -b "$BUNDLE" c1 </dev/null 3>&-
        kill -9 "$(monitor_pid)"
        DOMLET_STANDIN_FAULT=domain_destroy=kill domlet list
        sleep 0.5
        [ "$(reaper_groups)" -le 1 ]
        domlet delete --force c1
        no_leaks
    done
}

# Starts create, which hangs in CALL until there is $go. Its pid is $pid.
hang_in() { # CALL
    go=$BATS_TEST_TMPDIR/go
    rm -f "$go"
    DOMLET_STANDIN_FAULT=$1=hang:$go domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
    pid=$!
    eventually 20 has_monitor
}

@test "a build that hangs in libxl is ended by delete --force" {
    local status=0
    hang_in domain_create.disk
    sleep 0.3
    domlet delete --force c1 # which gives it half a minute
    wait "$pid" || status=$?
    cat "$BATS_TEST_TMPDIR/said"
    [ "$status" -eq 1 ]
}

@test "the caller is killed while libxl hangs, which then goes on" {
    local call
    for call in domain_create.made domain_create.disk domain_unpause; do
        echo "$call"
        hang_in "$call"
        sleep 0.3
        kill -9 "$pid"
        wait "$pid" || true
        touch "$go"
        no_leaks
    done
}
