# SPDX-License-Identifier: GPL-2.0-or-later
# podman, with --network none.

load lib

bats_require_minimum_version 1.5.0

teardown() {
    end_clean
}

run_in() { # OPTIONS… IMAGE COMMAND…
    podman --runtime "$RUNTIME" run --network none "$@"
}

# bats test_tags=brief,release
@test "podman run: what the options say holds in the container" {
    run -0 --separate-stderr run_in --rm "${options[@]}" busybox -c "$report"
    [ "$output" = "$expected" ]
}

@test "podman run -d, exec, logs, inspect, stop, wait, rm" {
    run_in -d --name p1 busybox sh -c "$obedient" >"$out"
    eventually 20 eval 'podman logs p1 | grep -qx ready'
    run -0 podman exec p1 echo hi
    [ "$output" = hi ]
    run -0 podman exec -u 5:6 -w /tmp -e B=c p1 sh -c 'id -u; id -g; pwd; echo $B'
    [ "$output" = $'5\n6\n/tmp\nc' ]
    run -9 podman exec p1 sh -c 'exit 9'
    run -127 podman exec p1 nosuch
    [[ $(podman inspect -f '{{.State.Status}} {{.OCIRuntime}}' p1) = "running $RUNTIME" ]]
    [ -d "/proc/$(podman inspect -f '{{.State.Pid}}' p1)" ]
    # What is copied does not reach a guest, but it is where the engine looks for it.
    echo copied >"$BATS_TEST_TMPDIR/in"
    podman cp "$BATS_TEST_TMPDIR/in" p1:/tmp/in
    podman cp p1:/tmp/in "$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/back"
    podman top p1 pid comm
    podman kill -s USR1 p1
    eventually 10 eval 'podman logs p1 | grep -qx usr1'
    podman stop -t 60 p1
    [ "$(podman wait p1)" = 3 ]
    [ "$(podman logs p1)" = $'ready\nusr1\nterm' ]
    podman rm -f -t 0 p1
}

@test "podman: 125, 126 and 127 where users expect them" {
    run -127 run_in --rm busybox nosuch
    run -126 run_in --rm busybox /etc/passwd
    run -126 run_in --rm --user nobody-here busybox true # docker says 125
    if [[ $RUNTIME == domlet ]]; then
        run ! run_in --rm --annotation dev.domlet.memory=64 busybox true
        [[ $output == *'annotation dev.domlet.memory is refused: there is no policy'* ]]
    fi
}

# bats test_tags=long
@test "podman: namespaces of the host are refused, by name" {
    local name
    need_domlet
    for name in pid ipc uts; do
        run -126 run_in --rm "--$name=host" busybox true
        [[ $output == *"has no $name namespace, which means the host's"*"leave --$name=host out"* ]]
    done
    run -126 podman --runtime "$RUNTIME" run --rm --network host busybox true
    [[ $output == *"has no network namespace, which means the host's"*'use --network none'* ]]
}

# bats test_tags=long
@test "podman run -i: 4 MiB through stdin and stdout, the exit status, stderr apart" {
    local status=0
    head -c 4194304 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    run_in --rm -i busybox sh -c 'cat; echo err >&2; exit 7' <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    cmp "$BATS_TEST_TMPDIR/in" "$out"
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
    [ "$status" -eq 7 ]
}

# bats test_tags=long
@test "podman run -t: a terminal, its size, and a new size" {
    local pid terminal
    script -qfec "stty rows 33 cols 77; podman --runtime $RUNTIME run --network none --rm -it --name p1 busybox sh -c '$sizes'" /dev/null </dev/null >"$out" 2>&1 3>&- &
    terminal=$!
    eventually 30 grep -q '^33 77' "$out"
    pid=$(pgrep -nf '^podman .*run .*--name p1')
    stty -F "/proc/$pid/fd/0" rows 44 cols 99
    kill -WINCH "$pid"
    eventually 10 grep -q '^44 99' "$out"
    eventually 10 grep -q winch "$out"
    podman kill p1
    wait "$terminal" || true
}

# bats test_tags=long
@test "podman run --timeout, and --init" {
    run ! run_in --rm --timeout 3 busybox sleep 1000
    run -0 run_in --rm --init --init-path /usr/bin/tini-static busybox cat /proc/1/comm
    [[ $output == *init* ]]
}

# bats test_tags=long
@test "podman stop of a program that ignores TERM" {
    run_in -d --name p1 busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done' >"$out"
    podman stop -t 1 p1
    [ "$(podman wait p1)" = 137 ]
    podman rm p1
}

# bats test_tags=long
@test "podman pause and unpause" {
    need_verb pause
    run_in -d --name p1 busybox sleep 1000 >"$out"
    podman pause p1
    [ "$(podman inspect -f '{{.State.Status}}' p1)" = paused ]
    podman unpause p1
    podman exec p1 true
    podman commit --pause p1 committed >"$out"
    [ "$(podman inspect -f '{{.State.Status}}' p1)" = running ]
    podman exec p1 true
    podman rm -f -t 0 p1
    podman rmi committed >"$out"
}

# bats test_tags=long
@test "podman run: files bound on links of the image that lead to nothing" {
    linked_image | podman import - linked
    on_links
    podman rmi linked
}
