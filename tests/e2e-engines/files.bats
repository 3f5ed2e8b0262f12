# SPDX-License-Identifier: GPL-2.0-or-later
# Volumes: what containers and dom0 have together.

# shellcheck disable=SC2016 # for shells inside

load lib

bats_require_minimum_version 1.5.0

teardown() {
    docker rm -f f1 f2 >/dev/null 2>&1 || true
    docker volume rm v1 >/dev/null 2>&1 || true
    docker rmi -f written built >/dev/null 2>&1 || true
    podman rmi -f built >/dev/null 2>&1 || true
    end_clean
}

# bats test_tags=brief
@test "docker: a volume and a bind" {
    local dir=$BATS_TEST_TMPDIR/dir
    mkdir "$dir"
    echo given >"$dir/given"
    docker volume create v1 >"$out"
    docker run -d --name f1 --runtime "$RUNTIME" --network none -v v1:/v -v "$dir:/d" busybox sh -c '
        cp /d/given /v/taken; echo made >/d/made; trap "exit 0" TERM; while :; do sleep 0.2; done' >"$out"
    eventually 60 test -s "$dir/made"
    [ "$(cat "$(docker volume inspect -f '{{.Mountpoint}}' v1)/taken")" = given ]

    echo later >"$dir/later"
    eventually 10 docker exec f1 grep -x later /d/later >"$out"
    docker rm -f f1 >"$out"
}

@test "docker: cp both ways, diff, export, commit and restart are of what the container writes" {
    docker run -d --name f1 --runtime "$RUNTIME" --network none busybox sh -c '
        cat /count; echo x >>/count
        mkdir -p /new && dd if=/dev/zero of=/new/big bs=1M count=3 2>/dev/null && rm -f /bin/ash && echo done
        trap "exit 0" TERM; while :; do sleep 0.2; done' >"$out"
    eventually 60 eval 'docker logs f1 2>/dev/null | grep -qx done'

    # At once, with no sync in between.
    docker commit --pause=false f1 written >"$out"
    [ "$(docker diff f1 | LC_ALL=C sort)" = $'A /count\nA /new\nA /new/big\nC /bin\nD /bin/ash' ]
    docker exec f1 sh -c 'echo said | tee /bin/said >/new/word; chown 7:8 /bin/said; chmod 640 /bin/said /new/word'
    docker cp f1:/new/word "$BATS_TEST_TMPDIR/word"
    [ "$(stat -c %a "$BATS_TEST_TMPDIR/word")" = 640 ]
    [ "$(cat "$BATS_TEST_TMPDIR/word")" = said ]
    echo given >"$BATS_TEST_TMPDIR/word"
    docker cp "$BATS_TEST_TMPDIR/word" f1:/new/word
    eventually 5 eval '[ "$(docker exec f1 cat /new/word)" = given ]'
    docker export f1 | tar -tv >"$BATS_TEST_TMPDIR/list"
    grep -E ' 3145728 .* new/big$' "$BATS_TEST_TMPDIR/list"
    grep -E '^-rw-r----- 7/8 .* bin/said$' "$BATS_TEST_TMPDIR/list"

    docker restart -t 10 f1 >"$out"
    eventually 60 eval '[ "$(docker logs f1 2>/dev/null | grep -cx done)" = 2 ]'
    [ "$(docker exec f1 sh -c 'wc -l </count; cat /new/word')" = $'2\ngiven' ]
    docker stop f1 >"$out"
    docker cp f1:/new/word - | tar -xO >"$BATS_TEST_TMPDIR/again"
    [ "$(cat "$BATS_TEST_TMPDIR/again")" = given ]
    docker rm f1 >"$out"

    docker run --rm --runtime "$RUNTIME" --network none --name f2 written sh -c 'wc -c </new/big; ls /bin/ash' >"$BATS_TEST_TMPDIR/seen" 2>&1 || true
    [ "$(head -n 1 "$BATS_TEST_TMPDIR/seen")" = 3145728 ]
    grep 'No such file' "$BATS_TEST_TMPDIR/seen"
}

# The same file, edited from both sides by programs that wait for each other.
@test "docker: one volume in two containers and in one of runc's" {
    docker volume create v1 >"$out"
    docker run -d --name f1 --runtime "$RUNTIME" --network none -v v1:/v busybox sh -c '
        until [ -e /v/second ]; do sleep 0.1; done; mv /v/second /v/third; trap "exit 0" TERM; while :; do sleep 0.2; done' >"$out"
    docker run -d --name f2 --runtime runc --network none -v v1:/v busybox sh -c '
        until [ -e /v/first ]; do sleep 0.1; done; mv /v/first /v/second; trap "exit 0" TERM; while :; do sleep 0.2; done' >"$out"
    docker run --rm --runtime "$RUNTIME" --network none -v v1:/v busybox sh -c '
        echo round >/v/first; i=0; until [ -e /v/third ] || [ $i -gt 200 ]; do i=$((i+1)); sleep 0.1; done; cat /v/third' >"$BATS_TEST_TMPDIR/seen"
    [ "$(cat "$BATS_TEST_TMPDIR/seen")" = round ]
}

# Of what docker runs without a name of a runtime.
default_runtime() { # NAME
    local wanted=$1
    jq '."default-runtime" = $name' --arg name "$wanted" /etc/docker/daemon.json >"$BATS_TEST_TMPDIR/daemon.json"
    cp "$BATS_TEST_TMPDIR/daemon.json" /etc/docker/daemon.json
    kill -HUP "$(pgrep -x dockerd)"
    eventually 20 eval '[ "$(docker info -f "{{.DefaultRuntime}}")" = "$wanted" ]'
}

# The engine's own directory for what RUN writes is the root that it gives.
@test "docker build and podman build: what RUN writes is in the image" {
    local dir=$BATS_TEST_TMPDIR/context seen
    mkdir "$dir"
    printf 'FROM busybox\nRUN echo made >/made && chown 3:4 /made && chmod 4755 /made\nRUN cat /made >/second\n' >"$dir/Dockerfile"
    default_runtime "$RUNTIME"
    DOCKER_BUILDKIT=0 docker build --network none -t built "$dir" >"$out"
    default_runtime runc
    seen=$(docker run --rm --runtime runc --network none built sh -c 'cat /second; stat -c "%u:%g %a" /made')
    [ "$seen" = $'made\n3:4 4755' ]
    # The lab's busybox of podman's has no history, without which it makes one layer only.
    podman build --runtime "$(command -v "$RUNTIME")" --network none --squash-all -t built "$dir" >"$out" 2>&1
    seen=$(podman run --rm --runtime runc --network none built sh -c 'cat /second; stat -c "%u:%g %a" /made')
    [ "$seen" = $'made\n3:4 4755' ]
}
