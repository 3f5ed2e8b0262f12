# SPDX-License-Identifier: GPL-2.0-or-later
# Volumes: what containers and dom0 have together.

# shellcheck disable=SC2016 # for shells inside

load lib

bats_require_minimum_version 1.5.0

teardown() {
    docker rm -f f1 >/dev/null 2>&1 || true
    docker volume rm v1 >/dev/null 2>&1 || true
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
