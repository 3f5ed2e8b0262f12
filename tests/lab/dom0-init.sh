#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's dom0, process 1: sets the machine up, runs the one command, powers
# off. /lab is the folder of this run on the host (see lab.sh), over 9P.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/xen-4.17/bin
export HOME=/root LANG=C.UTF-8 PWD=/root
xen=/usr/lib/xen-4.17/bin
# shellcheck source=/dev/null
. /lab/settings
: "${xenstored:?}" "${engines?}"
# shellcheck source=tests/lab/dom0-command.sh
. /lab/dom0-command.sh

mount_all() {
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mkdir -p /dev/pts /dev/shm /dev/mqueue
    mount -t devtmpfs dev /dev 2>/dev/null
    mkdir -p /dev/pts /dev/shm /dev/mqueue
    mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
    mount -t tmpfs shm /dev/shm
    mount -t mqueue mqueue /dev/mqueue
    mount -t tmpfs -o mode=755 run /run
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mount -t debugfs debugfs /sys/kernel/debug
    ln -sf /proc/self/fd /dev/fd
    ln -sf /proc/self/fd/0 /dev/stdin
    ln -sf /proc/self/fd/1 /dev/stdout
    ln -sf /proc/self/fd/2 /dev/stderr
    mount --make-rshared /
}

setup_kernel() {
    local controller
    for controller in $(</sys/fs/cgroup/cgroup.controllers); do
        echo "+$controller"
    done | while read -r controller; do echo "$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
    hostname dom0
    printf '127.0.0.1 localhost dom0\n' >/etc/hosts
    ip link set lo up
    modprobe -a xenfs xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xen-blkback xen-netback loop fuse overlay
    mount -t xenfs xenfs /proc/xen
}

start_xen() {
    mkdir -p /var/log/xen/console /run/xen /run/xenstored /var/lib/xen/dump /run/lock /var/lock
    # Either forks when it is ready to serve.
    "$xen/$xenstored" --pid-file /run/xenstored.pid
    "$xen/xen-init-dom0"
    "$xen/xenconsoled" --pid-file=/run/xenconsoled.pid --log=guest --log-dir=/var/log/xen/console
}

boot() {
    mount_all
    setup_kernel
    start_xen
    [[ ! -d /lab/stage ]] || cp -a --no-preserve=ownership /lab/stage/. /
    [[ ! $engines ]] || bash /lab/dom0-engines.sh || return
    enter_dir
}

boot >/lab/dom0.log 2>&1 || busybox poweroff -f
run_command
busybox poweroff -f
