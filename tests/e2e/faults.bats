# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever is killed, and whenever: a clear end, and nothing left behind. A
# handful of moments; long/faults.bats takes all of them.

load lib
load faults

bats_require_minimum_version 1.5.0

teardown() {
    domlet delete --force c1 # when a test failed half-way
    no_leaks
}

@test "the caller is killed" {
    make_bundle sleep 1000
    kill_caller create planned
    kill_caller run shared
    kill_caller create shared 0.4
    kill_caller create unpaused
    kill_caller run hello
    kill_caller run started
}

@test "the monitor is killed" {
    make_bundle sleep 1000
    kill_monitor create shared
    kill_monitor run shared 0.4
    kill_monitor create built
    kill_monitor create ring
    kill_monitor run created
}

@test "the proxy is killed" {
    make_bundle sleep 1000
    kill_proxy create shared
    kill_proxy create built
    kill_proxy run unpaused
    kill_proxy run started
}

@test "the domain is destroyed with xl" {
    make_bundle sleep 1000
    destroy_domain create built
    destroy_domain run unpaused
    destroy_domain create hello
    destroy_domain run started
}

@test "^C and SIGTERM" {
    make_bundle sleep 1000
    interrupt INT run planned
    interrupt INT create shared
    interrupt TERM create shared 0.4
    interrupt TERM run built
    interrupt INT create hello
}
