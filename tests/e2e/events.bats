# SPDX-License-Identifier: GPL-2.0-or-later
# `events`: what a container uses, in runc's JSON, and when memory runs out in it.

load lib

bats_require_minimum_version 1.5.0

setup() {
    make_bundle sleep 1000
    out=$BATS_TEST_TMPDIR/out
}

teardown() {
    domlet delete --force c1
    runc delete --force c1 2>/dev/null || true
    no_leaks
}

run_c1() { # RUNTIME
    "$1" run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
}

end_c1() { # RUNTIME
    "$1" kill c1 KILL
    eventually 20 gone "$1"
}

gone() { # RUNTIME
    [[ $("$1" state c1 | jq -r .status) == stopped ]] && "$1" delete c1
}

# What is in them wherever they come from: members that may be 0 are left out then.
shape() {
    jq -cS '.data |= (del(.cpu.usage.total, .memory.cache, .memory.raw, .memory[].usage?, .pids, .blkio[]?, .hugetlb)
        | .cpu.usage[] = 0 | .memory[].limit? = 0 | .cpu.throttling = {})'
}

# bats test_tags=xen,standin
@test "statistics as runc prints them" {
    local runtime
    for runtime in $(runtimes); do
        run_c1 "$runtime"
        "$runtime" exec c1 true
        "$runtime" events --stats c1 >"$out.$runtime"
        cat "$out.$runtime"
        [ "$(wc -l <"$out.$runtime")" -eq 1 ]
        [[ $(<"$out.$runtime") == '{"type":"stats","id":"c1","data":{"cpu":{"usage":{"total":'* ]]
        jq -e '.data | .cpu.usage.total > 0 and .pids.current >= 1 and .network_interfaces == null' "$out.$runtime"
        [ "$(jq -c '.data | keys_unsorted' "$out.$runtime")" = '["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]' ]
        end_c1 "$runtime"
    done
    for runtime in $(runtimes); do
        [ "$(shape <"$out.$runtime")" = "$(shape <"$out.domlet")" ]
    done
}

@test "what a container has used grows, and others' use is none of it" {
    local before after
    run_c1 domlet
    before=$(domlet events --stats c1 | jq .data.cpu.usage.total)
    domlet exec c1 sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done'
    after=$(domlet events --stats c1 | jq .data.cpu.usage.total)
    ((after > before + 20000000)) # ns
    before=$(domlet events --stats c1 | jq .data.pids.current)
    domlet exec -d c1 sleep 1000
    [ "$(domlet events --stats c1 | jq .data.pids.current)" -eq $((before + 1)) ]
}

@test "statistics at each interval, until the container's end" {
    run_c1 domlet
    domlet events --interval 300ms c1 >"$out" &
    eventually 20 sh -c "[ \$(wc -l <'$out') -ge 3 ]"
    domlet pause c1
    sleep 1
    domlet resume c1
    local lines
    lines=$(wc -l <"$out")
    eventually 20 sh -c "[ \$(wc -l <'$out') -ge $((lines + 3)) ]"
    end_c1 domlet
    wait $!
    jq -e '.type == "stats" and .id == "c1" and .data.cpu.usage.total > 0' "$out"
}

@test "many ask at the same time, and some go away" {
    local i
    local -a pids=()
    run_c1 domlet
    for i in {1..20}; do
        domlet events --interval 50ms c1 >"$out.$i" &
        pids+=($!)
    done
    eventually 30 sh -c "[ \$(wc -l <'$out.20') -ge 3 ]"
    kill -KILL "${pids[@]:0:10}"
    for i in {1..20}; do
        domlet events --stats c1 >"$out.$i.stats" &
        pids+=($!)
    done
    for i in {1..20}; do
        wait "${pids[i + 19]}"
        [ "$(wc -l <"$out.$i.stats")" -eq 1 ]
    done
    end_c1 domlet
    for i in {11..20}; do
        wait "${pids[i - 1]}"
    done
}

# The sentence ends the command with status 1.
refuses() { # WORDS RUNTIME ARGUMENTS…
    local words=$1
    shift
    run -1 "$@"
    [[ $output == *"$words"* ]]
}

@test "what has no statistics is refused in runc's words" {
    local runtime
    for runtime in $(runtimes); do
        refuses 'container does not exist' "$runtime" events --stats c1
        refuses 'invalid value "soon" for flag -interval: parse error' "$runtime" events --interval soon c1
        run_c1 "$runtime"
        refuses 'duration interval must be greater than 0' "$runtime" events --interval 0 c1
        refuses 'duration interval must be greater than 0' "$runtime" events --interval=-1s --stats c1
        "$runtime" kill c1 KILL
        eventually 20 sh -c "[ \$($runtime state c1 | jq -r .status) = stopped ]"
        refuses 'container with id c1 is not running' "$runtime" events --stats c1
        refuses 'container with id c1 is not running' "$runtime" events c1
        "$runtime" delete c1
    done
    run -1 domlet events
    run -1 domlet events c1 c2
}

@test "statistics of a container that was created, and of one that is paused" {
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
    domlet events --stats c1 | jq -e '.data.pids.current == 1'
    domlet start c1
    domlet pause c1
    refuses 'is paused' domlet events --stats c1
    domlet resume c1
    domlet events --stats c1 | jq -e '.data.pids.current == 1'
}

# bats test_tags=xen,dom0
@test "memory: use and limit, and each kill for want of it" {
    local runtime
    edit '.linux.resources.memory = {limit: 33554432, swap: 33554432} | .linux.resources.pids = {limit: 50}'
    for runtime in $(runtimes_with_limits); do
        run_c1 "$runtime"
        "$runtime" events --interval 1h c1 >"$out.$runtime" &
        sleep 1 # it watches
        "$runtime" events --stats c1 >"$out.stats"
        jq -e '.data | .memory.usage.limit == 33554432 and .memory.usage.usage > 4096 and .memory.swap.limit == 33554432
            and .memory.raw.anon > 0 and .pids.limit == 50' "$out.stats"
        run -137 "$runtime" exec c1 busybox tail /dev/zero
        eventually 20 grep -qx '{"type":"oom","id":"c1"}' "$out.$runtime"
        [ "$("$runtime" state c1 | jq -r .status)" = running ]
        end_c1 "$runtime"
        wait $!
    done
    cat "$out".*
    [ "$(sort -u "$out.domlet")" = '{"type":"oom","id":"c1"}' ]
}

# bats test_tags=dom0
@test "the kill of the first process is told before the end" {
    edit '.linux.resources.memory = {limit: 33554432, swap: 33554432}'
    edit '.process.args = ["sh", "-c", "sleep 3; exec busybox tail /dev/zero"]'
    run_c1 domlet
    domlet events --interval 1h c1 >"$out"
    [ "$(<"$out")" = '{"type":"oom","id":"c1"}' ]
    wait_for_status stopped
}
