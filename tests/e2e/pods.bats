# SPDX-License-Identifier: GPL-2.0-or-later
# Whose domain a container is put into, and what it shares there, as engines ask for it.

load lib

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    local id
    for id in $(domlet list -q); do domlet delete --force "$id"; done
    [[ ! ${foreign-} ]] || kill "$foreign"
    while umount "$BATS_TEST_TMPDIR/shm" 2>/dev/null; do :; done
    no_leaks
}

# A bundle of ID, with the root file system that all have here, which the jq PROGRAM changes.
make_one() { # ID PROGRAM ARGS…
    local id=$1 program=$2
    shift 2
    [[ -d $BATS_TEST_TMPDIR/bundle ]] || make_bundle true
    BUNDLE=$BATS_TEST_TMPDIR/$id
    mkdir -p "$BUNDLE"
    jq '.process.args = $ARGS.positional | .root.path = $root |'"$program" --arg root "$BATS_TEST_TMPDIR/bundle/rootfs" \
        "$BATS_TEST_TMPDIR/bundle/config.json" --args -- "$@" >"$BUNDLE/config.json"
}

create() { # ID PROGRAM ARGS…: and start
    make_one "$@"
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/$1.pid" "$1" </dev/null >"$BATS_TEST_TMPDIR/$1.out" 2>&1 3>&-
    domlet start "$1"
}

# The program that has namespaces of the process PID joined.
join() { # PID TYPES…
    local pid=$1 type program=.
    shift
    for type in "$@"; do
        program+=" | (.linux.namespaces[] | select(.type == \"$type\")).path = \"/proc/$pid/ns/${type/network/net}\""
    done
    echo "$program"
}

pid_of() { # ID
    cat "$BATS_TEST_TMPDIR/$1.pid"
}

# The program that gives /dev/shm as engines do.
shm() { # DIRECTORY
    echo ".mounts |= map(select(.destination != \"/dev/shm\")) + [{destination: \"/dev/shm\", type: \"bind\", source: \"$1\", options: [\"bind\", \"rprivate\"]}]"
}

cri() { # sandbox|container ID
    echo ".annotations[\"io.kubernetes.cri.container-type\"] = \"$1\" | .annotations[\"io.kubernetes.cri.sandbox-id\"] = \"$2\""
}

domains() {
    xl list | grep -c domlet-
}

has_stopped() { # ID
    [[ $(domlet state "$1" | jq -r .status) == stopped ]]
}

has_others_ipc() { # PID
    [[ $(readlink /proc/self/ns/ipc) != "$(readlink "/proc/$1/ns/ipc")" ]]
}

refused() { # SENTENCE PROGRAM: of the container no
    make_one no "$2" true
    run -1 domlet run -b "$BUNDLE" no
    [[ ${#lines[@]} -eq 1 && $output == *"$1"* ]] || { echo "$output" && return 1; }
}

@test "/dev/shm is one for all that name the same directory, and as large" {
    mkdir "$BATS_TEST_TMPDIR"/{shm,other}
    mount -t tmpfs -o size=5m shm "$BATS_TEST_TMPDIR/shm"
    create c1 "$(shm "$BATS_TEST_TMPDIR/shm")" sleep 1000
    create m1 "$(join "$(pid_of c1)" ipc) | $(shm "$BATS_TEST_TMPDIR/../${BATS_TEST_TMPDIR##*/}/shm")" sleep 1000
    create m2 "$(join "$(pid_of c1)" ipc) | $(shm "$BATS_TEST_TMPDIR/other")" sleep 1000
    domlet exec c1 sh -c 'echo shared >/dev/shm/file'
    run -0 domlet exec m1 cat /dev/shm/file
    [ "$output" = shared ]
    run -0 domlet exec m1 grep /dev/shm /proc/mounts
    [[ $output == *nosuid*nodev*noexec*size=5120k* ]]
    run -1 domlet exec m2 cat /dev/shm/file
    # It stays as long as one has it.
    domlet delete --force c1
    run -0 domlet exec m1 cat /dev/shm/file
    [ "$output" = shared ]
    [ -z "$(ls "$BATS_TEST_TMPDIR/shm")" ]
}

@test "what leads to two domains, to another runtime's, to the host's or to nobody is refused" {
    create c1 . sleep 1000
    create c2 . sleep 1000
    refused 'container no can'\''t be in the domain of container c1 and in that of container c2 at once' \
        "$(join "$(pid_of c1)" ipc) | $(join "$(pid_of c2)" uts)"
    refused 'at once' "$(join "$(pid_of c1)" ipc) | $(cri container c2)"
    refused "namespace /proc/$$/ns/ipc is the host's" "$(join $$ ipc)"
    unshare -iu sleep 1000 3>&- &
    foreign=$!
    eventually 10 has_others_ipc "$foreign"
    refused "the ipc namespace /proc/$foreign/ns/ipc can't be joined: no running container of domlet's" "$(join "$foreign" ipc)"
    refused 'belongs to the sandbox c3, which is none of domlet'\''s containers' "$(cri container c3)"
    refused 'names no sandbox: invalid container ID format' "$(cri container ../c1)"
    domlet kill c2 KILL
    eventually 20 has_stopped c2
    refused 'belongs to the sandbox c2, which has stopped' "$(cri container c2)"
    refused "the uts namespace /proc/$(pid_of c2)/ns/uts can't be used: it does not exist" "$(join "$(pid_of c2)" uts)"
    [ "$(domlet list -q)" = $'c1\nc2' ]
    [ "$(domains)" = 1 ]
}

@test "a pod's sandbox is as large as its annotations say; who belongs to it need not join" {
    create s1 "$(cri sandbox s1) | .annotations[\"io.kubernetes.cri.sandbox-memory\"] = \"268435456\" |
        .annotations[\"io.kubernetes.cri.sandbox-cpu-quota\"] = \"150000\" | .annotations[\"io.kubernetes.cri.sandbox-cpu-period\"] = \"100000\"" \
        sleep 1000
    read -r _ _ memory _ < <(xl list | grep domlet-)
    # Xen counts no page that the guest never had.
    [ "$memory" = "$([[ ${DOMLET_PLACE-} == standin ]] && echo 307 || echo 306)" ]
    of_sandbox=$memory
    # Whose limits are a part of that add nothing.
    create m0 "$(cri container s1) | .linux.resources.memory.limit = 67108864" sleep 1000
    domlet exec m0 true
    read -r _ _ memory _ < <(xl list | grep domlet-)
    [ "$memory" = "$of_sandbox" ]
    create m1 "$(cri container s1)" sh -c 'trap "echo term; exit 3" TERM; echo ready; while :; do sleep 0.1; done'
    create m2 "$(cri container s1) | $(join "$(pid_of s1)" ipc uts network)" sleep 1000
    [ "$(domains)" = 1 ]
    # The annotations of podman may be an image's.
    create p1 "$(cri container s1) | .annotations[\"io.container.manager\"] = \"libpod\"" sleep 1000
    create p2 '.annotations["io.container.manager"] = "libpod" | .annotations["io.kubernetes.cri-o.ContainerType"] = "container" |
        .annotations["io.kubernetes.cri-o.SandboxID"] = "s1"' sleep 1000
    [ "$(domains)" = 3 ]
    domlet delete --force p1
    domlet delete --force p2
    eventually 20 grep -q ready "$BATS_TEST_TMPDIR/m1.out"
    # Without the sandbox the others are stopped, as their engine would: one goes by SIGTERM, one only by SIGKILL.
    domlet kill s1 KILL
    eventually 20 has_stopped m1
    [ "$(cat "$BATS_TEST_TMPDIR/m1.out")" = $'ready\nterm' ]
    refused 'belongs to the sandbox s1, which has stopped' "$(cri container s1)"
    eventually 40 has_stopped m2
    eventually 20 eval '[ "$(domains)" = 0 ]'
}

@test "a pod's sandbox ends, and is deleted before the others have stopped" {
    create s1 "$(cri sandbox s1)" sleep 1000
    create m1 "$(cri container s1)" sleep 1000
    create m2 "$(cri container s1)" sleep 1000
    domlet kill s1 KILL
    eventually 20 has_stopped s1
    domlet delete s1
    domlet delete --force m1
    domlet delete --force m2
    [ "$(domains)" = 0 ]
}
