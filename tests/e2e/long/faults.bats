# SPDX-License-Identifier: GPL-2.0-or-later
# faults.bats at every phase, and at moments between them.

load ../lib
load ../faults

bats_require_minimum_version 1.5.0

phases=(planned shared built unpaused ring hello created started)

setup() {
    make_bundle sleep 1000
}

teardown() {
    domlet delete --force c1 # when a test failed half-way
    no_leaks
}

@test "the caller is killed at every phase" {
    local phase
    for phase in "${phases[@]}"; do
        kill_caller run "$phase"
        [[ $phase == started ]] || kill_caller create "$phase"
    done
}

@test "the monitor is killed at every phase" {
    local phase
    for phase in "${phases[@]:1}"; do kill_monitor run "$phase"; done
}

create_has_ended() {
    [[ ! -e /proc/$pid ]] || grep -q '^State:.Z' "/proc/$pid/status"
}

@test "a monitor that hangs is killed by kill KILL" {
    begin create created
    eventually 60 create_has_ended
    kill -STOP "$(monitor_pid)"
    run -1 domlet kill c1 TERM
    [[ $output == *'monitor does not answer'* ]]
    domlet kill c1 KILL
    end
    wait_for_status stopped
    domlet delete c1
    no_leaks
}

@test "a monitor that hangs is killed by delete --force" {
    begin create created
    kill -STOP "$(monitor_pid)"
    domlet delete --force c1
    end
    no_leaks
}

@test "the proxy is killed at every phase" {
    local phase
    for phase in "${phases[@]:1}"; do kill_proxy run "$phase"; done
}

# bats test_tags=xen
@test "the domain is destroyed with xl at every phase" {
    local phase
    for phase in "${phases[@]:2}"; do destroy_domain run "$phase"; done
}

@test "^C and SIGTERM at every phase" {
    local phase
    for phase in "${phases[@]:0:6}"; do
        # From then on the signal may be the program's, which is process 1 and heeds none.
        [[ $phase == hello ]] || interrupt INT run "$phase"
        interrupt TERM create "$phase"
    done
}

@test "the caller, the monitor, the proxy are killed at 20 moments of a create each" {
    local i who delay
    RANDOM=1 # the same moments each time
    for who in caller monitor proxy; do
        for i in {1..20}; do
            printf -v delay '%d.%03d' $((RANDOM % 3)) $((RANDOM % 1000))
            "kill_$who" create shared "$delay"
        done
    done
}
