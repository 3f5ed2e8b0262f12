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
: "${xenstored:?}" "${dir?}" "${tty?}" "${term?}" "${size?}" "${engines?}"

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

# port NAME: the device of the virtio-serial port called so.
port() {
    local file
    for file in /sys/class/virtio-ports/*/name; do
        if [[ $(<"$file") == "$1" ]]; then
            file=${file%/name}
            echo "/dev/${file##*/}"
            return
        fi
    done
}

# Ports can be opened once only, and programs open /dev/stdout again, so give
# them pipes.
run_piped() {
    local status in out err
    in=$(port stdin) out=$(port stdout) err=$(port stderr)
    mkfifo /run/lab.in /run/lab.out /run/lab.err
    cat "$in" >/run/lab.in 2>/dev/null &
    cat /run/lab.out >"$out" &
    local out_pid=$!
    cat /run/lab.err >"$err" &
    local err_pid=$!
    setsid -w "$@" </run/lab.in >/run/lab.out 2>/run/lab.err
    status=$?
    # A daemon that the command left behind may hold its output open for ever.
    timeout 60 tail -s 0.1 --pid="$out_pid" -f /dev/null
    timeout 60 tail -s 0.1 --pid="$err_pid" -f /dev/null
    return "$status"
}

run_on_tty() {
    [[ ! $size ]] || stty -F /dev/hvc1 rows "${size% *}" cols "${size#* }"
    export TERM=$term
    setsid -c -w "$@" <>/dev/hvc1 >&0 2>&0
}

boot() {
    mount_all
    setup_kernel
    start_xen
    [[ ! -d /lab/stage ]] || cp -a --no-preserve=ownership /lab/stage/. /
    [[ ! $engines ]] || bash /lab/dom0-engines.sh || return
    if [[ $dir ]]; then
        mkdir -p /mnt/dir
        mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,access=any dir /mnt/dir && cd /mnt/dir || return
    else
        cd /root || return
    fi
}

boot >/lab/dom0.log 2>&1 || busybox poweroff -f
mapfile -d '' -t command </lab/command
cut -d ' ' -f 1 /proc/uptime >/lab/ready
if [[ $tty ]]; then
    run_on_tty "${command[@]}"
else
    run_piped "${command[@]}"
fi
status=$?
{
    xl dmesg -c >/lab/xl-dmesg.log
    dmesg >/lab/dmesg.log
} 2>/dev/null
echo "$status" >/lab/status
busybox poweroff -f
