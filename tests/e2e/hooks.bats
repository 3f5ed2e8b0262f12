# SPDX-License-Identifier: GPL-2.0-or-later
# Hooks in dom0, and the proxy as the container's shadow.

load lib

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    domlet delete --force c1
    ip netns del e2e 2>/dev/null || true
    no_leaks
}

# hooks KIND…: each appends its kind and the status it was told to $LOG.
hooks() {
    local kind
    LOG=$BATS_TEST_TMPDIR/log
    for kind in "$@"; do
        edit ".hooks.$kind = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"read -r s; echo $kind \$(echo \$s | jq -r .status) >>$LOG\"], env: [\"PATH=/usr/bin:/bin\"]}]"
    done
}

@test "hooks run in their order, with the container's status" {
    make_bundle sh -c 'exit 5'
    hooks prestart createRuntime createContainer poststart poststop
    # What its caller does with SIGCHLD changes no status.
    run -5 env --ignore-signal=CHLD domlet run -b "$BUNDLE" c1 </dev/null
    [ "$(cat "$LOG")" = "prestart creating
createRuntime creating
createContainer creating
poststart running
poststop stopped" ]
}

@test "a hook that fails ends create, and nothing is left" {
    make_bundle true
    hooks poststop
    edit '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo no luck >&2; exit 3"]}]'
    run -1 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *'error running hook #0'*'status 3: no luck'* ]]
    [ "$(cat "$LOG")" = "poststop stopped" ]
    run -1 domlet state c1
    no_leaks
    edit '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "100"], timeout: 1}]'
    run -1 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *'did not end within its timeout of 1 s'* ]]
}

# Engines take these words for a missing command of the container's.
@test "what a hook that fails printed is reworded" {
    local kind
    make_bundle true
    for kind in createRuntime startContainer; do
        edit '.hooks = {"'"$kind"'": [{path: "/bin/sh", args: ["sh", "-c", "echo \"x: No such file or directory; y: Permission denied\" >&2; exit 3"]}]}'
        run -1 domlet run -b "$BUNDLE" c1 </dev/null 3>&-
        [[ $output == *'error running hook #0'*'status 3: x: it does not exist; y: access refused'* ]]
        domlet delete --force c1
        no_leaks
    done
}

@test "the proxy has the container's namespaces, cgroup and root" {
    local pid ns cgroup=/sys/fs/cgroup/domlet/e2e/c1 other
    make_bundle sleep 1000
    # One that was there, and not empty.
    mkdir -p "$cgroup"
    sleep 1000 3>&- &
    other=$!
    echo "$other" >"$cgroup/cgroup.procs"
    edit '.linux.cgroupsPath = "/domlet/e2e/c1" | .hostname = "shadow"
        | .hooks.prestart = [{path: "/bin/sh", args: ["sh", "-c", "nsenter -n -t $(jq .pid) ip -o link >'"$BATS_TEST_TMPDIR"'/links"]}]'
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    grep -q "container's cgroup is not empty: 1 process(es) found" "$BATS_TEST_TMPDIR/out"
    kill "$other"
    wait "$other" || true
    pid=$(cat "$BATS_TEST_TMPDIR/pid")
    [ "$(wc -l <"$BATS_TEST_TMPDIR/links")" -eq 1 ]
    for ns in mnt net uts ipc pid cgroup; do
        [ "$(readlink "/proc/$pid/ns/$ns")" != "$(readlink /proc/self/ns/$ns)" ]
    done
    [ "$(grep ^0:: "/proc/$pid/cgroup")" = 0::/domlet/e2e/c1 ]
    [ "$(nsenter -u -t "$pid" hostname)" = shadow ]
    [ -e "/proc/$pid/root/bin/busybox" ]
    [ ! -e "/proc/$pid/root/usr/lib/domlet" ]
    run ! nsenter -m -t "$pid" /bin/sh -c 'echo out' # which would be the image's, with all capabilities
    [[ $output == *'Permission denied' ]]
    [ "$(awk '/^(Cap(Eff|Bnd)|NoNewPrivs|Seccomp):/ { printf "%s ", $2 }' "/proc/$pid/status")" = '0000000000000000 0000000000000000 1 2 ' ]
    [ "$(domlet ps --format json c1)" = "[$pid]" ]
    echo 1 >"$cgroup/cgroup.freeze"
    run -255 timeout 60 domlet exec c1 true
    [[ $output == *'cannot exec in a paused container'* ]]
    echo 0 >"$cgroup/cgroup.freeze"
    domlet delete --force c1
    echo 1 >"$cgroup/cgroup.freeze"
    run -1 timeout 60 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *"container's cgroup unexpectedly frozen"* ]]
    rmdir "$cgroup" "${cgroup%/*}"
}

@test "createContainer hooks run in the container's namespaces" {
    local inside=$BATS_TEST_TMPDIR/inside line
    make_bundle true
    edit '.process.env += ["OF=the container"] | .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
            "jq .pid >$0; echo $$ >>$0; readlink /proc/self/ns/pid >>$0; pwd >>$0; echo $OF >>$0", "'"$inside"'"]}]
        | .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "pwd >$0", "'"$inside.runtime"'"]}]'
    (cd / && domlet run --keep -b "$BUNDLE" c1 </dev/null)
    [ "$(cat "$inside.runtime")" = "$BUNDLE" ]
    [ "$(status)" = stopped ]
    run -1 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *'container with given ID already exists'* ]]
    domlet delete c1
    mapfile -t line <"$inside"
    [ "${line[0]}" -eq 1 ]
    [ "${line[1]}" -lt 10 ]
    [[ ${line[2]} == pid:* && ${line[2]} != $(readlink /proc/self/ns/pid) ]]
    [[ ${line[3]} == "$BUNDLE/rootfs" && ${line[4]} == 'the container' ]]
    edit '.hooks = {createContainer: [{path: "/bin/sh", args: ["sh", "-c", "exit 3"]}]}'
    run -1 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *'createContainer hook /bin/sh ended with status 3'* ]]
    edit '.hooks.createContainer = [{path: "/bin/sleep", args: ["sleep", "4321"], timeout: 1}]'
    run -1 domlet create -b "$BUNDLE" c1 </dev/null 3>&-
    [[ $output == *'did not end within its timeout of 1 s'* ]]
    run -1 pgrep -f 'sleep 4321'
}

@test "a network namespace of the caller's with nothing in it" {
    ip netns add e2e
    make_bundle true
    edit '(.linux.namespaces[] | select(.type == "network")).path = "/run/netns/e2e"'
    domlet run -b "$BUNDLE" c1 </dev/null
    ip -n e2e link set lo up
    ip -n e2e link add eth0 type veth peer name far # which nobody has brought up
    domlet run -b "$BUNDLE" c1 </dev/null
}

@test "the caller is killed while a createContainer hook runs" {
    local pid began=$BATS_TEST_TMPDIR/began
    make_bundle true
    edit '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "touch $0; exec sleep 1000", "'"$began"'"], env: ["PATH=/usr/bin:/bin"]}]'
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&- &
    pid=$!
    eventually 60 test -e "$began"
    kill -9 "$pid"
    wait "$pid" || true
    eventually 60 test ! -e /run/domlet/c1
    ! pgrep -f 'sleep 1000' || return 1
}
