# SPDX-License-Identifier: GPL-2.0-or-later
# containerd, as ctr drives it.

load lib

bats_require_minimum_version 1.5.0

image=docker.io/library/busybox:latest

setup() {
    run_options=(--runc-binary "$(command -v "$RUNTIME")")
}

teardown() {
    end_clean && [ -z "$(ctr containers ls -q)" ]
}

# bats test_tags=brief,release
@test "ctr run, attached: output and exit status" {
    run -5 --separate-stderr ctr run --rm "${run_options[@]}" --env A=b --cwd /tmp --memory-limit 67108864 "$image" c1 \
        sh -c 'echo "$A $PWD"; exit 5'
    [ "$output" = 'b /tmp' ]
}

@test "ctr run -d, tasks ls, exec, kill, delete" {
    ctr run -d "${run_options[@]}" "$image" c1 sh -c "$obedient"
    ctr tasks ls | grep -q '^c1 .*RUNNING'
    run -0 ctr tasks exec --exec-id e1 c1 echo hi
    [ "$output" = hi ]
    run -6 ctr tasks exec --exec-id e2 c1 sh -c 'exit 6'
    ctr tasks kill -s TERM c1
    eventually 10 eval 'ctr tasks ls | grep -q "^c1 .*STOPPED"'
    ctr tasks delete c1
    ctr containers delete c1
}

# bats test_tags=long
@test "ctr: kill -s KILL, and the task starts again" {
    ctr run -d "${run_options[@]}" "$image" c1 sleep 1000
    ctr tasks kill -s KILL c1
    eventually 10 eval 'ctr tasks ls | grep -q "^c1 .*STOPPED"'
    ctr tasks delete c1
    ctr tasks start -d c1
    ctr tasks ls | grep -q '^c1 .*RUNNING'
    ctr tasks kill -s KILL c1
    eventually 10 eval 'ctr tasks ls | grep -q "^c1 .*STOPPED"'
    ctr tasks delete c1
    ctr containers delete c1
}

# bats test_tags=long
@test "ctr: the host's network is refused, by name" {
    need_domlet
    run ! ctr run --rm --net-host "${run_options[@]}" "$image" c1 true
    [[ $output == *"has no network namespace, which means the host's"*'use --network none'* ]]
}

# bats test_tags=long
@test "ctr: pause and resume" {
    need_verb pause
    ctr run -d "${run_options[@]}" "$image" c1 sleep 1000
    ctr tasks pause c1
    ctr tasks ls | grep -q '^c1 .*PAUSED'
    ctr tasks resume c1
    ctr tasks kill -s KILL c1
    eventually 10 eval 'ctr tasks ls | grep -q "^c1 .*STOPPED"'
    ctr tasks delete c1
    ctr containers delete c1
}

# bats test_tags=long
@test "ctr run -t: a terminal" {
    run -0 script -qec "ctr run --rm -t --runc-binary $(command -v "$RUNTIME") $image c1 sh -c '[ -t 0 ] && [ -t 1 ] && echo terminal'" /dev/null </dev/null
    [[ $output == *terminal* ]]
}
