# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For the tests with real engines, which run as root in a Xen dom0 with docker,
# podman and containerd ready (./dev test boots one). RUNTIME is domlet, or runc
# to test what is expected here itself; DOMLET_TYPE is the type of the domains.
# The first letter of a container's name tells the engine: d, p, c.
# shellcheck disable=SC2016,SC2034 # for the tests that load this, and for shells inside

# shellcheck source=tests/e2e/common.bash
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/common.bash"
# shellcheck source=tests/e2e-engines/docker.bash
. "$(dirname "${BASH_SOURCE[0]}")/docker.bash"

RUNTIME=${RUNTIME:-domlet}
out=$BATS_TEST_TMPDIR/out

docker_run+=("$RUNTIME")
run_in() { # OPTIONS… IMAGE COMMAND…
    "${docker_run[@]}" "$@"
}

has_line() { grep -qx -- "$1" "$2"; } # LINE FILE

# What is left of any container. The engines' own programs are not asked: each
# call is seconds of an emulated processor's time.
leaks() {
    local dir
    if [[ -e /proc/xen/capabilities ]]; then
        xl list | tail -n +3 || return
        xenstore-ls -f /local/domain | no_match grep -E '^/local/domain/([1-9]|0/backend/(vbd|vif|console)/[1-9])' || return
    fi
    losetup -a || return
    ip -o link | no_match grep -oE "vif[0-9]+\\.[0-9]+" || return
    for dir in /run/domlet /run/domlet-domains /run/runc /run/crun /run/docker/runtime-*/moby /run/containerd/runc/* \
        /run/containerd/io.containerd.runtime.v2.task/*; do
        [[ ! -d $dir ]] || find "$dir" -ignore_readdir_race -mindepth 1 -maxdepth 1 || return
    done
    for dir in /var/lib/docker/containers /var/lib/containers/storage/overlay-containers; do
        [[ ! -d $dir ]] || find "$dir" -ignore_readdir_race -mindepth 1 -maxdepth 1 -type d || return
    done
    no_match pgrep -af '^([^ ]*/)?(domlet|conmon|containerd-shim)' || return
    find /sys/fs/cgroup -ignore_readdir_race -maxdepth 4 -type d '(' -name 'docker-*.scope' -o -name 'libpod*-*.s*' ')' || return
    for dir in /sys/fs/cgroup/{domlet,domlet.slice,docker,default,libpod_parent}; do
        [[ ! -d $dir ]] || find "$dir" -ignore_readdir_race -mindepth 1 -type d | no_match grep -v '/libpod_parent/conmon$' || return
    done
    no_match grep -E '/(merged|io.containerd.runtime.v2.task/[^ ]*) ' /proc/mounts
}

under_systemd() { [[ -d /run/systemd/system ]]; }

# The lab's daemons, killed and started again.
kill_daemon() { # NAME
    local pid
    pid=$(pgrep -x "$1")
    kill -9 "$pid"
    tail --pid="$pid" -f /dev/null
    # Which would start it in some seconds, with the options that it had.
    ! under_systemd || systemctl stop "${1/dockerd/docker}.service"
}

start_containerd() {
    if under_systemd; then
        systemctl start containerd.service
    else
        setsid containerd </dev/null >>/run/engines/containerd.log 2>&1 3>&- &
    fi
    eventually 90 ctr version >/dev/null 2>&1
}

# shellcheck disable=SC2120 # the tests give options
start_dockerd() { # OPTIONS…
    if under_systemd; then
        echo "DOCKER_OPTS='$*'" >/etc/default/docker
        systemctl reset-failed docker.service
        systemctl start docker.service
    else
        setsid dockerd --containerd /run/containerd/containerd.sock "$@" </dev/null >>/run/engines/dockerd.log 2>&1 3>&- &
    fi
    eventually 90 docker version >/dev/null 2>&1
}

# After a test that failed in between.
start_docker_daemons() {
    pgrep -x containerd >/dev/null || start_containerd
    pgrep -x dockerd >/dev/null || start_dockerd --live-restore=false
}

# A test that domlet can't do yet is skipped, and begins to run by itself.
need_verb() {
    [[ $RUNTIME != domlet ]] || domlet "$1" --help >/dev/null 2>&1 || skip "domlet has no verb $1 yet"
}

# A guest can't share these; runc's containers can.
need_domlet() {
    [[ $RUNTIME == domlet ]] || skip "with runc they share the host's"
}

# podman's container whose conmon was killed.
# shellcheck disable=SC2154 # output: what run of bats has
remove_without_conmon() { # NAME ID
    if [[ $(podman --version) == *' version 4.'* ]]; then
        podman rm -f -t 0 "$1"
        # podman 4.3 doesn't tell the runtime: that is the administrator's to do.
        "$RUNTIME" delete "$2"
    else
        # podman 5.4 fails once, as nobody can say how the container ended, and then removes all of it.
        run -125 podman rm -f -t 0 "$1"
        [[ $output == *'conmon exited prematurely'* ]]
        podman rm -f -t 0 "$1"
        run ! "$RUNTIME" state "$2"
    fi
}

# To be the teardown of each test.
end_clean() {
    [[ ${BATS_TEST_COMPLETED-} || ! -e $out ]] || tail -n 5 "$out"
    [[ ${BATS_TEST_COMPLETED-} ]] || remove_all
    no_leaks
}

# Whatever a test that failed has left.
remove_all() {
    docker ps -aq | xargs -r docker rm -f >/dev/null 2>&1
    podman pod ps -q | xargs -r podman pod rm -f -t 0 >/dev/null 2>&1
    podman ps -aq | xargs -r podman rm -f -t 0 >/dev/null 2>&1
    ctr tasks ls -q | xargs -r ctr tasks kill -a -s KILL >/dev/null 2>&1
    ctr containers ls -q | xargs -r ctr containers delete >/dev/null 2>&1
    true
}

# What a container says of itself, for the options below; each line one.
report='id -u; id -g; pwd; echo $A; hostname
grep CapEff /proc/self/status | cut -f 2
ulimit -n; df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2
grep -c "^tmpfs /t " /proc/mounts
cat /proc/sys/kernel/shm_rmid_forced
for f in memory.max cpu.max pids.max; do cat /sys/fs/cgroup/$f; done
if touch /x 2>/dev/null; then echo writable; else echo read-only; fi
touch /t/x && echo tmp'
options=(--user 1000:1001 --workdir /tmp --env A=b --hostname box --read-only --tmpfs /t:size=1m --cap-drop ALL
    --ulimit nofile=77:77 --shm-size 3m --memory 64m --cpus 1 --pids-limit 50 --sysctl kernel.shm_rmid_forced=1
    --entrypoint sh)
expected=$'1000\n1001\n/tmp\nb\nbox\n0000000000000000\n77\n3072\n1\n1\n67108864\n100000 100000\n50\nread-only\ntmp'

# A program that says which signals it gets, and one that says its terminal's size.
obedient='trap "echo usr1" USR1; trap "echo term; exit 3" TERM
echo ready; while :; do sleep 0.1; done'
sizes='trap "echo winch" WINCH; while [ -t 0 ] && [ -t 1 ]; do stty size; sleep 0.2; done'

# An image as systemd's are: files of its /etc point to what is made at run time.
linked_image() { # to stdout, as a tar archive
    local tree=$BATS_TEST_TMPDIR/linked
    mkdir -p "$tree"/{bin,etc,proc,sys,dev,tmp}
    cp /bin/busybox "$tree/bin/"
    ln -s busybox "$tree/bin/sh"
    ln -s ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
    ln -s /var/lib/made/settings "$tree/etc/settings"
    ln -s ../../../../../../../outside/x "$tree/etc/up"
    tar -C "$tree" --owner 0 --group 0 -c .
}
# shellcheck disable=SC2154 # output: what run of bats has
on_links() { # OPTIONS…: files bound on those links, in a container of that image
    echo words >"$BATS_TEST_TMPDIR/words"
    set -- "$@" -v "$BATS_TEST_TMPDIR/words:/etc/resolv.conf:ro" -v "$BATS_TEST_TMPDIR/words:/etc/settings" -v "$BATS_TEST_TMPDIR/words:/etc/up"
    run -0 --separate-stderr run_in --rm "$@" linked sh -c 'cd /; busybox cat etc/resolv.conf var/lib/made/settings outside/x
        busybox readlink /etc/settings; busybox stat -c %a /var/lib /outside; echo x 2>/dev/null >/etc/resolv.conf || echo ro
        busybox grep -c " /dev/shm tmpfs" /proc/mounts; busybox grep -o "^shm /dev/shm" /proc/mounts'
    [ "$output" = $'words\nwords\nwords\n/var/lib/made/settings\n755\n755\nro\n1\nshm /dev/shm' ]
    [ ! -e /outside ]
}
