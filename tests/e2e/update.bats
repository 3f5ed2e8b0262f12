# SPDX-License-Identifier: GPL-2.0-or-later
# `update`: limits change while a container runs, those of its cgroup in the guest and its domain with them.

load lib

bats_require_minimum_version 1.5.0

setup() {
    make_bundle sleep 1000
}

teardown() {
    domlet delete --force c1
    runc delete --force c1 2>/dev/null || true
    no_leaks
}

run_c1() { # RUNTIME
    "$1" run -d -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1
}

limit() { # RUNTIME FILE…
    local runtime=$1
    shift
    (cd / && "$runtime" exec --cwd /sys/fs/cgroup c1 cat "$@" </dev/null)
}

expect_limits() { # RUNTIME FILE VALUE …
    local runtime=$1
    shift
    while (($#)); do
        [ "$(limit "$runtime" "$1")" = "$2" ] || { echo "$runtime: $1 is $(limit "$runtime" "$1"), not $2" && return 1; }
        shift 2
    done
}

size() { # MiB and processors of the domain
    xl list | awk '/domlet-c1/ { print $3, $4 }'
}

refuses() { # WORDS RUNTIME ARGUMENTS…
    local words=$1
    shift
    run -1 "$@"
    [[ ${output,,} == *"${words,,}"* ]]
}

@test "what can't be updated is refused" {
    local runtime wrong
    for runtime in $(runtimes); do
        refuses 'container does not exist' "$runtime" update --pids-limit 5 c1
        run -1 "$runtime" update
        run_c1 "$runtime"
        refuses 'invalid value for memory' "$runtime" update --memory much c1
        refuses 'invalid value for cpu-period' "$runtime" update --cpu-period -1 c1
        for wrong in '' '{' '[]' '{"memory": 5}' '{"memory": {"limit": "5"}}' '{"pids": []}'; do
            "$runtime" update -r - c1 <<<"$wrong" && { echo "took $wrong" && false; }
        done
        run -1 "$runtime" update -r /nosuch c1
        # As docker sends what nobody has asked for.
        "$runtime" update --resources - c1 <<<'{"memory":{"limit":0},"cpu":{"shares":0,"cpus":"","mems":""},"pids":{},"blockIO":{"weight":0}}'
        "$runtime" kill c1 KILL
        eventually 20 sh -c "[ \$($runtime state c1 | jq -r .status) = stopped ]"
        refuses 'container not running' "$runtime" update --pids-limit 5 c1
        "$runtime" delete c1
    done
}

@test "what no guest can is refused by name, and a paused container" {
    local option
    run_c1 domlet
    for option in 'blkio-weight 500=blockIO' 'cpu-rt-period 5=realtimePeriod' 'cpu-rt-runtime 5=realtimeRuntime' \
        'cpu-burst 5=burst' 'cpu-idle 1=idle' 'l3-cache-schema x=l3-cache-schema' 'mem-bw-schema x=mem-bw-schema'; do
        # shellcheck disable=SC2086 # an option and its value
        refuses "${option#*=}" domlet update --${option%=*} c1
    done
    refuses 'would need 2 processors, and can have 1' domlet update --cpu-quota 150000 c1
    domlet pause c1
    refuses 'is paused' domlet update --pids-limit 5 c1
    domlet resume c1
    domlet update --kernel-memory 5 c1
}

# bats test_tags=xen,dom0
@test "limits change while it runs, one by one and together" {
    local runtime
    for runtime in $(runtimes_with_limits); do
        run_c1 "$runtime"
        "$runtime" update --memory 32m c1
        "$runtime" update --pids-limit 30 c1
        expect_limits "$runtime" memory.max 33554432 pids.max 30
        "$runtime" update --cpu-share 512 --cpu-quota 50000 c1
        expect_limits "$runtime" cpu.weight 20 cpu.max '50000 100000' pids.max 30
        "$runtime" update --cpu-period 200000 c1
        expect_limits "$runtime" cpu.max '50000 200000'
        # runc 1.1 forgets the memory of one update in the next.
        "$runtime" update --memory 32m --memory-reservation 8m --memory-swap 40m c1
        expect_limits "$runtime" memory.low 8388608 memory.swap.max 8388608 memory.max 33554432
        [[ $runtime == runc ]] || refuses 'memory+swap limit should be >= memory limit' domlet update --memory 50m c1
        "$runtime" update --resources - c1 <<<'{"memory":{"limit":33554432,"swap":33554432},"cpu":{"quota":-1},"pids":{"limit":-1},"unified":{"memory.high":"max"}}'
        expect_limits "$runtime" memory.max 33554432 memory.swap.max 0 pids.max max
        # runc 1.1 forgets the period, too.
        [[ $runtime == runc ]] || expect_limits domlet cpu.max 'max 200000'
        "$runtime" update --memory -1 c1
        expect_limits "$runtime" memory.max max memory.swap.max max
        "$runtime" delete --force c1
    done
}

# bats test_tags=dom0
@test "an update that fails in part has changed nothing" {
    run_c1 domlet
    domlet update --pids-limit 30 --memory 64m c1
    refuses 'cpu.max' domlet update --pids-limit 40 --memory 80m --cpu-quota 5 c1
    expect_limits domlet pids.max 30 memory.max 67108864 cpu.max 'max 100000'
    refuses 'rejecting memory limit 4096' domlet update -r - c1 <<<'{"memory":{"limit":4096,"checkBeforeUpdate":true},"pids":{"limit":40}}'
    refuses "cpuset.cpus can't be 0-90: the container's domain has" domlet update --cpuset-cpus 0-90 --pids-limit 40 c1
    refuses 'is no list' domlet update --cpuset-cpus all c1
    expect_limits domlet pids.max 30 memory.max 67108864
    domlet update --cpuset-cpus 0 --cpuset-mems 0 c1
    expect_limits domlet cpuset.cpus 0 cpuset.mems 0
}

# bats test_tags=dom0
@test "the domain is sized by what its containers have now" {
    local before
    edit '.linux.resources = {memory: {limit: 67108864}, cpu: {quota: 200000}}'
    run_c1 domlet
    before=$(size)
    domlet update --memory 256m c1
    eventually 20 eval '((${before% *} + 190 < $(size | cut -d" " -f1)))'
    domlet update --cpu-quota 100000 c1
    eventually 20 eval '[ "$(size | cut -d" " -f2)" -eq 1 ]'
    domlet update --cpu-quota 200000 --memory 64m c1
    eventually 20 eval '[ "$(size | cut -d" " -f2)" -eq 2 ]'
    eventually 20 eval '(($(size | cut -d" " -f1) <= ${before% *} + 8))' # what describes the pages stays
}

# bats test_tags=dom0
@test "many updates at the same time: each is done, or says why not" {
    local i status=0
    local -a pids=()
    run_c1 domlet
    for i in {11..18}; do
        domlet update --pids-limit "$i" --memory "${i}0m" c1 &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        wait "$i" || status=$?
    done
    [ "$status" -eq 0 ]
    i=$(limit domlet pids.max)
    expect_limits domlet memory.max $((i * 10 << 20))
}

# bats test_tags=xen,type
@test "memory that an update gives can be used, and what it takes goes back to Xen" {
    local before free grown
    edit '.linux.resources = {memory: {limit: 67108864}}'
    run_c1 domlet
    before=$(size) free=$(xl info free_memory)
    run -137 domlet exec c1 busybox dd if=/dev/zero of=/dev/null bs=200M count=1
    domlet update --memory 300m c1
    run -0 domlet exec c1 busybox dd if=/dev/zero of=/dev/null bs=200M count=1
    grown=$(size)
    ((${grown% *} >= ${before% *} + 230))
    domlet update --memory 64m c1
    # Four fifths; it takes seconds, and a processor that is emulated more.
    SECONDS=0
    eventually 90 eval '(($(xl info free_memory) >= free - 60))'
    echo "given back in $SECONDS s"
    run -0 domlet exec c1 cat /sys/fs/cgroup/memory.max
    [ "$output" = 67108864 ]
    xl sched-credit2 | cat
    domlet update --cpu-share 512 --cpu-quota 50000 c1
    xl sched-credit2 | grep -E 'domlet-c1\S* +[0-9]+ +128 +50'
}
