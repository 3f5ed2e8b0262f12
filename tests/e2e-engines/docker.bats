# SPDX-License-Identifier: GPL-2.0-or-later
# docker, with --network none.

load lib

bats_require_minimum_version 1.5.0

teardown() {
    end_clean
}

# bats test_tags=brief,type,release
@test "docker run: what the options say holds in the container" {
    run -0 --separate-stderr run_in --rm "${options[@]}" busybox -c "$report"
    [ "$output" = "$expected" ]
}

# bats test_tags=brief
@test "docker run -i: 4 MiB through stdin and stdout, the exit status, stderr apart" {
    head -c 4194304 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    local status=0
    # docker gives what is left of the output two seconds when the container has ended.
    run_in --rm -i busybox sh -c 'cat; echo err >&2; sleep 3; exit 7' <"$BATS_TEST_TMPDIR/in" >"$out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    cmp "$BATS_TEST_TMPDIR/in" "$out"
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
    [ "$status" -eq 7 ]
}

@test "docker exec: what it leaves running lives on" {
    run_in -d --name d1 busybox sleep 1000 >"$out"
    docker exec d1 sh -c '(sleep 1; echo soon; echo alive >/tmp/s) & (sleep 4; echo late; echo alive >/tmp/m) &'
    sleep 12
    run -0 docker exec d1 cat /tmp/s
    [ "$output" = alive ]
    # With runc that is a race: containerd 1.6 closes the pipe some two seconds after the exec's end.
    [[ $RUNTIME == runc ]] || docker exec d1 grep -qx alive /tmp/m
    docker rm -f d1
}

# bats test_tags=brief,release
@test "docker run -d, exec, logs, top, kill, stop, start, wait, rm, with runc beside" {
    run_in -d --name d1 busybox sh -c "$obedient" >"$out"
    docker run -d --name d2 --network none --runtime runc busybox sleep 1000
    eventually 20 eval 'docker logs d1 | grep -qx ready'
    run -0 docker exec d1 echo hi
    [ "$output" = hi ]
    run -0 docker exec -u 5:6 -w /tmp -e B=c d1 sh -c 'id -u; id -g; pwd; echo $B'
    [ "$output" = $'5\n6\n/tmp\nc' ]
    run -0 docker exec -i d1 cat < <(echo through)
    [ "$output" = through ]
    run -9 docker exec d1 sh -c 'exit 9'
    run -126 docker exec d1 /etc/passwd
    run docker exec d1 nosuch
    # Before docker 28 127 is for "run" only.
    if [[ $(docker --version) == *' version 2'[0-7].* ]]; then [ "$status" = 126 ]; else [ "$status" = 127 ]; fi
    [[ $output == *'executable file not found'* ]]
    docker exec -d d1 sh -c 'echo detached >/tmp/f'
    eventually 10 docker exec d1 grep -q detached /tmp/f
    run -0 script -qec 'docker exec -it d1 tty' /dev/null </dev/null
    [[ $output == */dev/pts/* || $output == */dev/console* ]]
    run -0 docker top d1
    [ "${#lines[@]}" -ge 2 ]
    [ "$(docker inspect -f '{{.State.Status}} {{.HostConfig.Runtime}}' d1)" = "running $RUNTIME" ]
    [ -d "/proc/$(docker inspect -f '{{.State.Pid}}' d1)" ]
    docker kill -s USR1 d1
    eventually 10 eval 'docker logs d1 | grep -qx usr1'
    docker stop -t 60 d1
    [ "$(docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' d1)" = 'exited 3' ]
    [ "$(docker logs d1)" = $'ready\nusr1\nterm' ]
    docker start d1
    docker wait d1 >"$out" &
    docker kill d1
    wait $!
    [ "$(cat "$out")" = 137 ]
    [ "$(docker inspect -f '{{.State.Running}}' d2)" = true ]
    docker rm -f d1 d2
}

@test "docker: 125, 126 and 127 where users expect them" {
    run -127 run_in --rm busybox nosuch
    [[ $output == *nosuch* ]]
    run -126 run_in --rm busybox /etc/passwd
    run -125 run_in --rm --user nobody-here busybox true
}

@test "docker run -t: a terminal, its size, and a new size" {
    local pid terminal
    script -qfec "stty rows 33 cols 77; docker run --network none --runtime $RUNTIME --rm -it --name d1 busybox sh -c '$sizes'" /dev/null </dev/null >"$out" 2>&1 3>&- &
    terminal=$!
    eventually 30 grep -q '^33 77' "$out"
    pid=$(pgrep -f '^docker run .*--name d1')
    stty -F "/proc/$pid/fd/0" rows 44 cols 99
    kill -WINCH "$pid"
    eventually 10 grep -q '^44 99' "$out"
    eventually 10 grep -q winch "$out"
    docker kill d1
    wait "$terminal" || true
}

# bats test_tags=long
@test "docker run -t: the terminal's ^C reaches the program" {
    local terminal fifo=$BATS_TEST_TMPDIR/fifo
    mkfifo "$fifo"
    exec 4<>"$fifo"
    script -qfec "docker run --network none --runtime $RUNTIME --rm -it --name d1 busybox sh -c 'trap \"echo int; exit 5\" INT; echo ready; while :; do sleep 0.1; done'; echo status \$?" /dev/null <"$fifo" >"$out" 2>&1 3>&- 4>&- &
    terminal=$!
    eventually 30 grep -q ready "$out"
    printf '\003' >&4
    eventually 20 grep -q 'status 5' "$out"
    grep -q int "$out"
    wait "$terminal" || true
    exec 4>&-
}

# Before the container runs, ^C ends the client, and the engine goes on or not, as
# it does with runc; then it is a byte for the program. Nothing stays, ever.
# bats test_tags=long
@test "docker run -it: ^C at every moment" {
    local after terminal fifo=$BATS_TEST_TMPDIR/fifo
    mkfifo "$fifo"
    exec 4<>"$fifo"
    for after in 0.1 0.5 1 1.5 2 2.5 3 4 5; do
        script -qfec "docker run --network none --runtime $RUNTIME --rm -it --name d1 busybox sh -c 'trap \"exit 5\" INT; while :; do sleep 0.1; done'" /dev/null <"$fifo" >"$out" 2>&1 3>&- 4>&- &
        terminal=$!
        sleep "$after"
        printf '\003' >&4
        eventually 5 eval '! kill -0 $terminal 2>/dev/null' || docker rm -f d1 || true
        wait "$terminal" || true
        eventually 30 eval 'docker rm -f d1 2>&1 | grep -q "No such container"'
        no_leaks
    done
    exec 4>&-
}

# bats test_tags=long
@test "docker: a seccomp profile, --privileged" {
    echo '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_ERRNO"}]}' >"$BATS_TEST_TMPDIR/profile"
    run -0 run_in --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/profile" busybox sh -c 'mkdir /tmp/x 2>/dev/null || echo forbidden'
    [ "$output" = forbidden ]
    # An allow list of Linux 4.18's calls (no faccessat2, clone3, openat2), and of these no umask, setresuid,
    # setresgid: the engine's runtime makes do with it, whatever it calls itself.
    tr -s ' ' '\n' <"${BATS_TEST_DIRNAME}/calls-2018" | jq -Rn '{defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [{names: [inputs | select(. != "")], action: "SCMP_ACT_ALLOW"}]}' >"$BATS_TEST_TMPDIR/profile"
    for user in 0:0 5:6; do
        for privileges in true false; do
            run -0 run_in -d --name d1 -u $user --security-opt "seccomp=$BATS_TEST_TMPDIR/profile" --security-opt no-new-privileges=$privileges \
                busybox sh -c 'grep -E "^(NoNewPrivs|Seccomp):" /proc/self/status; trap "exit 0" TERM; while :; do sleep 0.1; done'
            eventually 60 eval 'docker logs d1 | grep -q Seccomp:'
            [ "$(docker logs d1)" = "$(printf 'NoNewPrivs:\t%d\nSeccomp:\t2' $([[ $privileges == false ]] || echo 1))" ]
            run -0 docker exec d1 sh -c 'echo "$(id -u):$(id -g)"; grep Seccomp: /proc/self/status'
            [ "$output" = "$user"$'\nSeccomp:\t2' ]
            docker rm -f d1
        done
    done
    run -0 run_in --rm --privileged busybox sh -c 'mkdir /m && mount -t tmpfs m /m && grep -c " /m " /proc/mounts'
    [ "$output" = 1 ]
}

# bats test_tags=long
@test "docker: namespaces of the host are refused, by name" {
    local name
    need_domlet
    for name in pid ipc uts; do
        run -125 run_in --rm "--$name=host" busybox true
        [[ $output == *"has no $name namespace, which means the host's"*"leave --$name=host out"* ]]
    done
    run -125 docker run --rm --network host --runtime "$RUNTIME" busybox true
    # docker 20.10 names the host's by its path, docker 26 leaves it out.
    [[ $output == *"network namespace "*" is the host's"* || $output == *"has no network namespace, which means the host's"*'use --network none'* ]]
    run_in --rm --cgroupns=host busybox cat /proc/self/cgroup
}

# bats test_tags=long
@test "docker: --init" {
    run -0 run_in --rm --init busybox cat /proc/1/comm
    [ "$output" = docker-init ]
}

# bats test_tags=long
@test "docker: --health-cmd, and --restart" {
    run_in -d --name d1 --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1 --restart on-failure:1 \
        busybox sh -c 'rm -f /tmp/die; touch /tmp/well; until [ -e /tmp/die ]; do sleep 0.2; done; exit 1' >"$out"
    eventually 30 eval '[ "$(docker inspect -f "{{.State.Health.Status}}" d1)" = healthy ]'
    docker exec d1 rm /tmp/well
    eventually 30 eval '[ "$(docker inspect -f "{{.State.Health.Status}}" d1)" = unhealthy ]'
    docker exec d1 touch /tmp/die
    eventually 30 eval '[ "$(docker inspect -f "{{.RestartCount}} {{.State.Running}}" d1)" = "1 true" ]'
    docker rm -f d1
}

# bats test_tags=long
@test "docker: attach, logs -f, events, restart" {
    docker events --since "$(date +%s)" --filter container=d1 --format '{{.Action}}' >"$BATS_TEST_TMPDIR/events" 2>/dev/null 3>&- &
    local events=$!
    run_in -d -i --name d1 busybox sh -c 'echo ready; while read -r line; do echo "got $line"; [ "$line" != two ] || exit 4; done' >"$out"
    docker logs -f d1 >"$BATS_TEST_TMPDIR/logs" 3>&- &
    local logs=$!
    docker restart -t 0 d1
    eventually 20 eval '[ "$(docker logs d1 | grep -c ready)" = 2 ]'
    run -4 docker attach d1 < <(echo one; echo two)
    # The client may end before it has printed the last lines, with runc too.
    [[ $(docker logs d1) == *'got one'*'got two'* ]]
    wait "$logs"
    docker rm d1
    eventually 5 has_line destroy "$BATS_TEST_TMPDIR/events"
    kill "$events"
    for action in create start die restart attach; do has_line "$action" "$BATS_TEST_TMPDIR/events"; done
}

# bats test_tags=long
@test "docker stop of a program that ignores TERM" {
    run_in -d --name d1 busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done' >"$out"
    docker stop -t 1 d1
    [ "$(docker inspect -f '{{.State.ExitCode}}' d1)" = 137 ]
    docker rm d1
}

# bats test_tags=long
@test "docker pause and unpause" {
    need_verb pause
    run_in -d --name d1 busybox sleep 1000 >"$out"
    docker pause d1
    [ "$(docker inspect -f '{{.State.Status}}' d1)" = paused ]
    run ! docker exec d1 true
    docker commit d1 committed >"$out"
    [ "$(docker inspect -f '{{.State.Status}}' d1)" = paused ]
    docker unpause d1
    docker exec d1 true
    docker commit d1 committed >"$out" # which pauses it for the time of that
    [ "$(docker inspect -f '{{.State.Status}}' d1)" = running ]
    docker exec d1 true
    docker rm -f d1
    docker rmi committed >"$out"
}

# bats test_tags=long
@test "docker: a writer without end whose reader has stopped" {
    local reader pid kill
    run_in --rm --name d1 busybox yes 3>&- | sleep 1000 3>&- &
    reader=$!
    eventually 30 eval '[ "$(docker inspect -f "{{.State.Running}}" d1 2>/dev/null)" = true ]'
    sleep 5
    docker exec d1 true
    pid=$(docker inspect -f "{{.State.Pid}}" d1)
    # The container is gone at once; docker itself answers when the reader is, with runc too.
    docker kill d1 3>&- &
    kill=$!
    eventually 30 eval '[ ! -e "/proc/$pid" ]'
    kill "$reader"
    wait "$kill"
}

# bats test_tags=long
@test "docker: twenty in a row, five at once" {
    local i pids=()
    for i in {1..20}; do [ "$(run_in --rm busybox echo "$i")" = "$i" ]; done
    for i in {1..5}; do
        run_in --rm busybox echo "$i" >"$out.$i" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    for i in {1..5}; do [ "$(cat "$out.$i")" = "$i" ]; done
}

# bats test_tags=long
@test "docker run: files bound on links of the image that lead to nothing" {
    linked_image | docker import - linked
    on_links
    docker rmi linked
}
