# SPDX-License-Identifier: GPL-2.0-or-later
# Further processes in a container.

load lib

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    domlet delete --force c1
    no_leaks
}

@test "exec: streams, status, user, directory, environment" {
    local pid i status=0
    make_bundle sleep 1000
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    run -0 --separate-stderr domlet exec --cwd /tmp -e A=b -u 5:6 c1 sh -c 'echo "$A $PWD $(id -u) $(id -g)"; echo err >&2'
    [ "$output" = "b /tmp 5 6" ]
    [ "$stderr" = err ]
    run -7 domlet exec c1 sh -c 'exit 7'
    run -137 domlet exec c1 sh -c 'kill -9 $$'
    run -255 domlet exec c1 nothing-there
    [[ $output == *'exec: "nothing-there": executable file not found in $PATH'* ]]
    run -255 domlet exec c1 /etc/passwd
    [[ $output == *'permission denied'* ]]
    head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    domlet exec c1 cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/back"

    # More than a message of the ring holds.
    jq -n '{args: ["sh", "-c", "echo ${#BIG}"], cwd: "/", env: ["PATH=/bin", "BIG=" + "x" * 100000]}' >"$BATS_TEST_TMPDIR/process"
    run -0 domlet exec --process "$BATS_TEST_TMPDIR/process" c1
    [ "$output" = 100000 ]
    run -0 domlet exec --process <(cat "$BATS_TEST_TMPDIR/process") c1
    [ "$output" = 100000 ]

    # What no guest applies is said, as create says it, but only to who asks: a health check's exec comes every few seconds.
    echo '{"args":["true"],"cwd":"/","env":["PATH=/bin"],"apparmorProfile":"some"}' >"$BATS_TEST_TMPDIR/process"
    run -0 --separate-stderr domlet --debug exec --process "$BATS_TEST_TMPDIR/process" c1
    [[ $stderr == *'not applied in the guest of container c1: {"process.apparmorProfile":"some"}'* ]]
    run -0 --separate-stderr domlet exec --process "$BATS_TEST_TMPDIR/process" c1
    [ -z "$stderr" ]

    # What is left running writes on, also when nobody reads it.
    domlet exec c1 sh -c '(sleep 3; echo late; echo alive >/tmp/m) & echo early' >"$BATS_TEST_TMPDIR/late"
    [ "$(cat "$BATS_TEST_TMPDIR/late")" = early ]
    domlet exec c1 sh -c '(sleep 1; echo late; sleep 1; echo later; echo alive >/tmp/n) &' > >(:)
    eventually 20 domlet exec c1 sh -c 'grep -q alive /tmp/m && grep -q alive /tmp/n'
    [ "$(cat "$BATS_TEST_TMPDIR/late")" = $'early\nlate' ]

    # Detached, by a file; its signals and its end.
    echo '{"args":["sh","-c","trap \"exit 5\" TERM; touch /tmp/ready; while :; do sleep 0.1; done"],"cwd":"/","env":["PATH=/bin"]}' >"$BATS_TEST_TMPDIR/process"
    domlet exec --process "$BATS_TEST_TMPDIR/process" --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >/dev/null 2>&1 3>&-
    pid=$(cat "$BATS_TEST_TMPDIR/pid")
    [ "$(domlet ps --format json c1 | jq length)" -eq 2 ]
    [ "$(domlet ps c1 -o pid= | wc -l)" -eq 2 ]
    for i in {1..50}; do ! domlet exec c1 test -e /tmp/ready || break; done
    kill -TERM "$pid"
    tail --pid="$pid" -f /dev/null
    [ "$(domlet ps --format json c1 | jq length)" -eq 1 ]

    # A killed proxy takes its process along.
    domlet exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 777 </dev/null >/dev/null 2>&1 3>&-
    domlet exec c1 sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "' | grep -q 'sleep 777'
    pid=$(cat "$BATS_TEST_TMPDIR/pid")
    kill -9 "$pid"
    tail --pid="$pid" -f /dev/null
    run -0 domlet exec c1 sh -c 'cat /proc/[0-9]*/cmdline | tr "\0" " "'
    [[ $output != *'sleep 777'* ]]

    # The container's end is that of all.
    domlet exec c1 sh -c 'echo up; exec sleep 1000' </dev/null >"$BATS_TEST_TMPDIR/up" 3>&- &
    pid=$!
    eventually 60 grep -q up "$BATS_TEST_TMPDIR/up"
    domlet kill c1 KILL
    wait "$pid" || status=$?
    [ "$status" -eq 137 ]
    wait_for_status stopped
    run -255 domlet exec c1 true
    [[ $output == *'cannot exec in a stopped container'* ]]
}

@test "a container in the foreground ends with an exec in it" {
    local run exec status=0
    make_bundle sleep 1000
    domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    run=$!
    wait_for_status running 200
    domlet exec c1 sh -c 'echo up; exec sleep 1000' </dev/null >"$BATS_TEST_TMPDIR/up" 2>&1 3>&- &
    exec=$!
    eventually 60 grep -q up "$BATS_TEST_TMPDIR/up"
    domlet kill c1 KILL
    wait "$exec" || status=$?
    [ "$status" -eq 137 ]
    status=0
    wait "$run" || status=$?
    [ "$status" -eq 137 ]
    no_leaks
}

# What has been read is read; a killed container doesn't wait for the rest.
@test "readers that have stopped don't hold a killed container's end up" {
    local fifo=$BATS_TEST_TMPDIR/fifo run status=0
    mkfifo "$fifo"
    exec 4<>"$fifo" # nobody reads it
    make_bundle cat /dev/zero
    domlet run -b "$BUNDLE" c1 </dev/null >"$fifo" 2>"$BATS_TEST_TMPDIR/out" 3>&- 4>&- &
    run=$!
    wait_for_status running 200
    domlet exec --detach c1 cat /dev/zero </dev/null >"$fifo" 2>&1 3>&- 4>&-
    sleep 1
    domlet kill c1 KILL
    timeout 40 tail --pid="$run" -f /dev/null
    wait "$run" || status=$?
    [ "$status" -eq 137 ]
    exec 4>&-
}

@test "many execs, one after the other and at once" {
    local i pids=()
    make_bundle sleep 1000
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    for i in {1..30}; do domlet exec c1 true; done
    for i in {1..12}; do
        domlet exec c1 sh -c "sleep 1; echo $i" >"$BATS_TEST_TMPDIR/$i" 3>&- &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in {1..12}; do [ "$(cat "$BATS_TEST_TMPDIR/$i")" = "$i" ]; done
    for i in {1..100}; do domlet exec --detach c1 sleep 1000 </dev/null >/dev/null 2>&1 3>&-; done
    [ "$(domlet ps --format json c1 | jq length)" -eq 101 ]
    [ "$(domlet exec c1 sh -c 'echo they all run')" = 'they all run' ]
}
