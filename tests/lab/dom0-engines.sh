#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the lab's dom0, before the command (--engines): registers domlet in docker,
# podman and containerd, starts their daemons, and gives each the same image,
# busybox:latest, made of dom0's own busybox. Ends when all are ready.
set -euo pipefail
work=/run/engines
mkdir -p $work/image $work/root/{bin,etc,proc,sys,dev,tmp,root}
cd $work

# What takes how long is in the log of --log.
say() { echo "$(cut -d ' ' -f 1 /proc/uptime) $*"; }

# One archive that docker, podman and ctr all load.
make_image() {
    local layer
    cp /bin/busybox root/bin/
    chroot root /bin/busybox --install -s /bin
    chmod 1777 root/tmp
    printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/false\n' >root/etc/passwd
    printf 'root:x:0:\ndaemon:x:1:\n' >root/etc/group
    tar -C root --owner 0 --group 0 -cf image/layer.tar .
    layer=$(sha256sum image/layer.tar | cut -d ' ' -f 1)
    printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$layer" >image/config.json
    printf '[{"Config":"config.json","RepoTags":["busybox:latest"],"Layers":["layer.tar"]}]' >image/manifest.json
    tar -C image -cf busybox.tar .
    rm -rf root image
}

# daemon NAME SOCKET COMMAND…: in the background, its output in NAME.log, and
# waits until SOCKET is there. The client's first call waits for the rest: each
# call is seconds of an emulated processor's time.
daemon() {
    local name=$1 socket=$2 i
    shift 2
    setsid "$@" </dev/null >"$name.log" 2>&1 &
    for ((i = 0; i < 1200; i++)); do
        [[ ! -S $socket ]] || { say "$name listens" && return; }
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    say "$name is not ready; its log ends with:"
    tail -n 20 "$name.log"
    return 1
}

# By Debian's units, with their settings.
start_units() {
    systemctl start containerd.service docker.service || { journalctl --no-pager -n 40 && return 1; }
    say "containerd and docker are up"
}

start_docker() {
    if [[ -d /run/systemd/system ]]; then
        start_units
    else
        daemon containerd /run/containerd/containerd.sock containerd
        daemon dockerd /run/docker.sock dockerd --containerd /run/containerd/containerd.sock
    fi
    docker load -i busybox.tar
    say "docker has it"
}

say modules
modprobe -a overlay bridge veth br_netfilter xt_conntrack xt_addrtype xt_MASQUERADE iptable_nat iptable_filter
say domlet
if command -v domlet >/dev/null; then
    for engine in docker podman containerd; do domlet install "$engine"; done
fi
say image
make_image
say daemons
start_docker &
docker=$!
podman load -q -i busybox.tar
say "podman has it"
wait $docker
ctr images import busybox.tar
say ready
