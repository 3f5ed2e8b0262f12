# SPDX-License-Identifier: GPL-2.0-or-later
# Whoever stands between an engine and its container is killed with SIGKILL:
# what runc promises then holds, and nothing is left behind.

load lib

bats_require_minimum_version 1.5.0

teardown() {
    start_docker_daemons
    end_clean
}

status() { docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$1"; }

# bats test_tags=long
@test "docker: the container's pid, its shim, its monitor are killed" {
    local id
    id=$(run_in -d --name d1 busybox sleep 1000)
    kill -9 "$(docker inspect -f '{{.State.Pid}}' d1)"
    eventually 20 eval '[ "$(status d1)" = "exited 137" ]'
    docker start d1
    kill -9 "$(pgrep -f "^[^ ]*containerd-shim-runc-v2 .*-id $id")"
    eventually 40 eval '[ "$(status d1)" = "exited 137" ]'
    if [[ $RUNTIME == domlet ]]; then
        docker start d1
        kill -9 "$(jq .monitorPid "/run/docker/runtime-runc/moby/$id/domlet.json")"
        eventually 20 eval '[ "$(status d1)" = "exited 137" ]'
    fi
    docker rm d1
}

# bats test_tags=long
@test "docker: an exec's pid is killed, and the container lives" {
    local first status=0
    run_in -d --name d1 busybox sleep 1000 >"$out"
    first=$(docker inspect -f '{{.State.Pid}}' d1)
    docker exec d1 sleep 777 3>&- &
    eventually 20 eval 'exec=$(docker top d1 -eo pid,comm | grep -o "[0-9]* *sleep$" | grep -vw "$first")'
    kill -9 "${exec%% *}"
    wait $! || status=$?
    [ "$status" -eq 137 ]
    [ "$(status d1)" = 'running 0' ]
    run ! docker exec d1 sh -c 'grep -q "77[7]" /proc/[0-9]*/cmdline'
    docker rm -f d1
}

# bats test_tags=long
@test "docker: dockerd is killed: with live-restore the container lives, without it ends" {
    run_in -d --name d1 busybox sh -c "$obedient" >"$out"
    kill_daemon dockerd
    start_dockerd --live-restore
    [ "$(status d1)" = 'running 0' ]
    [ "$(docker exec d1 echo hi)" = hi ]
    docker kill -s USR1 d1
    eventually 10 eval 'docker logs d1 | grep -qx usr1'
    kill_daemon dockerd
    start_dockerd
    eventually 30 eval '[[ $(status d1) == exited* ]]'
    docker rm d1
}

# bats test_tags=long
@test "docker: containerd is killed, and the container lives" {
    run_in -d --name d1 busybox sh -c "$obedient" >"$out"
    kill_daemon containerd
    start_containerd
    eventually 60 eval '[ "$(docker exec d1 echo hi)" = hi ]'
    docker stop -t 60 d1
    [ "$(status d1)" = 'exited 3' ]
    docker rm d1
}

# bats test_tags=long
@test "docker: the client is killed while it is attached, and while the container is made" {
    local fifo=$BATS_TEST_TMPDIR/fifo client
    mkfifo "$fifo"
    exec 4<>"$fifo"
    "${docker_run[@]}" -i --name d1 busybox sleep 1000 >"$out" 2>&1 <"$fifo" 3>&- 4>&- &
    client=$!
    eventually 60 eval '[ "$(status d1 2>/dev/null)" = "running 0" ]'
    [ "$(cat "/proc/$client/comm")" = docker ]
    kill -9 "$client"
    wait "$client" || true
    [ "$(status d1)" = 'running 0' ]
    docker rm -f d1
    "${docker_run[@]}" --name d2 busybox sleep 1000 >"$out" 2>&1 3>&- 4>&- &
    client=$!
    eventually 60 eval '[ "$(docker ps -aq --filter name=d2)" ]'
    kill -9 "$client"
    wait "$client" || true
    docker rm -f d2
    exec 4>&-
}

# bats test_tags=long
@test "ctr: the shim is killed" {
    ctr run -d --runc-binary "$(command -v "$RUNTIME")" docker.io/library/busybox:latest c1 sleep 1000
    kill -9 "$(pgrep -f '^[^ ]*containerd-shim-runc-v2 .*-id c1')"
    eventually 40 eval '[ -z "$(ctr tasks ls -q)" ]'
    ctr containers delete c1
}

# bats test_tags=long
@test "podman: conmon is killed, and with it who reads the output" {
    local id
    id=$(podman --runtime "$RUNTIME" run -d --network none --name p1 busybox sh -c 'while :; do echo line; sleep 0.1; done')
    kill -9 "$(podman inspect -f '{{.State.ConmonPid}}' p1)"
    [ "$(podman exec p1 echo hi)" = hi ]
    remove_without_conmon p1 "$id"
}

# bats test_tags=long
@test "the caller of create is killed while the domain is made" {
    [[ $RUNTIME == domlet ]] || skip "runc is done too soon"
    podman --runtime "$RUNTIME" run -d --network none --name p1 busybox sleep 1000 >"$out" 2>&1 3>&- &
    eventually 60 eval 'xl list | grep -q domlet-'
    kill -9 "$(pgrep -x conmon)"
    wait $! || true
    podman rm -f -t 0 p1
    eventually 60 eval '! xl list | grep -q domlet-'

    run_in -d --name d1 busybox sleep 1000 >"$out" 2>&1 3>&- &
    eventually 60 eval 'xl list | grep -q domlet-'
    kill -9 "$(pgrep -f '^[^ ]*containerd-shim-runc-v2 .*-id')"
    wait $! || true
    docker rm -f d1
}
