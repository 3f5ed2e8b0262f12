# SPDX-License-Identifier: GPL-2.0-or-later
# UNIX sockets of dom0's in containers.

load lib

bats_require_minimum_version 1.5.0

teardown() {
    docker rm -f s1 >/dev/null 2>&1 || true
    end_clean
}

@test "docker: its own socket in a container" {
    docker run --rm --name s1 --runtime "$RUNTIME" --network none -v /var/run/docker.sock:/var/run/docker.sock \
        -v /usr/lib/domlet/tests/unix-talk:/bin/unix-talk:ro busybox \
        unix-talk tell /var/run/docker.sock $'GET /_ping HTTP/1.0\r\n\r\n' >"$out"
    grep 'HTTP/1.0 200 OK' "$out"
    [ "$(tail -n 1 "$out")" = OK ]
}
