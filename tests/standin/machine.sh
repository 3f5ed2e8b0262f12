#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/standin/machine.sh BUILD [COMMAND…]
#
# Runs COMMAND (a shell) on the stand-in: a machine of namespaces on this one,
# with this one's files below an overlay, where domlet from the meson folder
# BUILD is installed and Xen is machine.py and libxl.c. Nothing of it is left.
# Exit status 77 with a sentence: this machine can't.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")

cannot() {
    echo "stand-in: $*" >&2
    exit 77
}

# In new namespaces, all but the user's: the root file system is made, and entered.
enter() { # BUILD COMMAND…
    local scratch=/mnt
    set -E
    trap 'cannot "this machine refuses $BASH_COMMAND"' ERR
    # What is needed from there would be hidden.
    [[ $top/ != /mnt/* && $1/ != /mnt/* ]] || scratch=/media
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 standin "$scratch"
    cd "$scratch"
    mkdir upper work root
    mount -t overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" overlay root
    cd root
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 run run
    mount -t tmpfs -o mode=1777 tmp tmp
    make_devices
    mkdir -p "${top#/}" "${1#/}"
    mount --bind "$top" "${top#/}"
    mount --bind "$1" "${1#/}"
    mkdir -p mnt/old
    pivot_root . mnt/old
    cd /
    umount -l /mnt/old
    rmdir /mnt/old
    # Only a kernel's own root gives controllers away while it has processes. dom0 has a
    # root with processes and without controllers, the domains have them all.
    mkdir -p /sys/fs/cgroup/{dom0/root,xen}
    echo 0 >/sys/fs/cgroup/dom0/root/cgroup.procs
    give_controllers /sys/fs/cgroup
    ip link set lo up
    try_loop_device
    exec bash "$here/machine.sh" --inside "$@"
}

# As a machine's init does; some kernels have none.
give_controllers() { # CGROUP: to those below
    local controllers
    read -ra controllers <"$1/cgroup.controllers" || true
    echo "${controllers[*]/#/+}" >"$1/cgroup.subtree_control"
}

make_devices() {
    local name numbers
    mount -t tmpfs -o mode=755 dev dev
    while read -r name numbers; do
        # shellcheck disable=SC2086 # two numbers
        mknod -m 666 "dev/$name" c $numbers
    done <<<$'null 1 3\nzero 1 5\nfull 1 7\nrandom 1 8\nurandom 1 9\ntty 5 0\nfuse 10 229\nloop-control 10 237'
    # Where a processor is emulated, one process is much faster than 64.
    python3 -I -S -c 'import os; [os.mknod(f"dev/loop{i}", 0o60644, os.makedev(7, i)) for i in range(64)]'
    mkdir dev/{pts,shm,mqueue,xen}
    : >dev/xen/privcmd
    : >dev/xen/xenbus
    mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    mount -t tmpfs shm dev/shm
    mount -t mqueue mqueue dev/mqueue
    ln -s /proc/self/fd dev/fd
    ln -s /proc/self/fd/0 dev/stdin
    ln -s /proc/self/fd/1 dev/stdout
    ln -s /proc/self/fd/2 dev/stderr
}

# A container's image needs one; a cgroup for devices may deny it.
try_loop_device() {
    local device
    head -c 65536 /dev/zero >/tmp/probe
    device=$(losetup -f --show /tmp/probe)
    head -c 4096 "$device" >/dev/null
    losetup -d "$device"
    rm /tmp/probe
}

# As meson and README.md do it.
install_domlet() { # BUILD
    local tests=$1/tests
    mkdir -p /usr/lib/domlet/tests /usr/share/domlet /etc/domlet /var/cache/domlet /lab
    mount -t tmpfs cache /var/cache/domlet
    # By this our caller knows the loop devices of what is left when we are killed.
    mkdir "/sys/fs/cgroup/cache-$(stat -c %Hd:%Ld /var/cache/domlet)"
    rm -rf /etc/domlet/*
    install "$tests/standin/domlet-standin" /usr/bin/domlet
    install "$tests/standin/standin-xl" /usr/sbin/xl
    install "$1/toolstack/storage/domlet-hotplug" /usr/lib/domlet/
    install "$tests/e2e/recvtty" "$tests"/e2e/{kernel-answers,name-server,unix-talk,net-splice,net-resolver,net-filter} /usr/lib/domlet/tests/
    cp -r "$top/xen-configs" /usr/share/domlet/
    cp "$tests/standin/standin-domain" /usr/lib/domlet/vmlinux
    bash "$top/images/initrd.sh" "$tests/standin/domlet-init-standin" /usr/lib/domlet/initrd.cpio
    install "$tests/standin/hostile-init-standin" /usr/lib/domlet/tests/hostile-init
    install "$top/images/initrd.sh" /usr/lib/domlet/tests/
    cp "$top/tests/lab/run.sh" /lab/
}

run() { # BUILD COMMAND…
    local build=$1 status=0 i
    shift
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DOMLET_PLACE=standin DOMLET_TYPE=${DOMLET_TYPE:-pvh}
    unset TMPDIR
    command -v strip >/dev/null || export STRIP='' # no kernel has to hold the symbols here
    install_domlet "$build"
    mkdir -p /run/standin/{proc,cgroup}
    echo control_d >/run/standin/proc/capabilities
    mount --move /sys/fs/cgroup /run/standin/cgroup
    /usr/bin/python3 "$here/machine.py" /run/standin "$build/tests/standin/standin-domain" &
    for ((i = 0; i < 100; i++)); do
        [[ ! -S /run/standin/hypervisor ]] || break
        sleep 0.05
    done
    # In dom0's root.
    unshare -C bash -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' bash "$@" || status=$?
    exit "$status"
}

# The numbers of file systems are used again: NUMBER may be another's by now.
detach_loop_devices() { # NUMBER, of a cache
    ! grep -qE "^[0-9]+ [0-9]+ $1 " /proc/self/mountinfo || return 0
    (($(compgen -G "$cgroups/domlet-standin-*/cache-$1" | wc -l) == 1)) || return 0
    losetup -l -n -O BACK-MAJ:MIN,NAME | awk -v "device=$1" '$1 == device { print $2 }' | xargs -r losetup -d 2>/dev/null || true
}

# What is left of a stand-in whose processes have been killed.
remove() { # CGROUP
    local cache i
    for ((i = 0; i < 50; i++)); do
        ! grep -qxs 'populated 0' "$1/cgroup.events" || break
        sleep 0.1
    done
    for cache in "$1"/cache-*; do
        [[ ! -d $cache ]] || detach_loop_devices "${cache##*/cache-}"
    done
    for ((i = 0; i < 50; i++)); do
        ! find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || break
        sleep 0.1
    done
}

# Removes what is left of those that were killed with their machine.sh. A process
# that isn't seen here may be in another container: it shows in its cgroup.
sweep() {
    local left pid
    for left in "$cgroups"/domlet-standin-*; do
        pid=${left##*-}
        if grep -qxs 'populated 0' "$left/cgroup.events" && { ((pid == $$)) || ! grep -aqs machine.sh "/proc/$pid/cmdline"; }; then
            remove "$left"
        fi
    done
}

# Those of a kernel's process 1 that are made use of: by the machine, by
# domlet-init, and by what its containers are given.
need_capabilities() {
    local name number have
    have=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
    while read -r name number; do
        (((16#$have >> number) & 1)) || cannot "root has no CAP_$name here"
    done <<<$'CHOWN 0\nDAC_OVERRIDE 1\nFOWNER 3\nKILL 5\nSETGID 6\nSETUID 7\nSETPCAP 8\nNET_BIND_SERVICE 10\nNET_ADMIN 12\nSYS_CHROOT 18\nSYS_PTRACE 19\nSYS_ADMIN 21\nSYS_BOOT 22\nMKNOD 27\nAUDIT_WRITE 29'
}

if [[ ${1-} == --join ]]; then # CGROUP BUILD COMMAND…
    echo 0 >"$2/cgroup.procs" || cannot "no process can be moved to the cgroup $2"
    exec unshare -C bash "$here/machine.sh" --enter "${@:3}"
elif [[ ${1-} == --enter ]]; then
    enter "${@:2}"
elif [[ ${1-} == --inside ]]; then
    run "${@:2}"
fi
build=$(readlink -e "${1:?}")
shift
(($#)) || set -- bash
((EUID == 0)) || cannot "only root can make namespaces with devices in them"
PATH=$PATH:/usr/sbin:/sbin
for program in busybox ip jq losetup mkfs.erofs python3 setpriv unshare xenstore-list xenstore-ls; do
    command -v "$program" >/dev/null || cannot "there is no $program"
done
need_capabilities
[[ -e $build/tests/standin/domlet-init-standin ]] || cannot "$build has no domlet-init that is linked statically"
for kind in overlay erofs; do
    grep -qw "$kind" /proc/filesystems || modprobe "$kind" 2>/dev/null || cannot "this kernel has no $kind"
done
[[ -d /sys/module/loop ]] || modprobe loop 2>/dev/null || true # try_loop_device() says the rest
unshare -m -u -i -n -p -C -f true || cannot "no namespaces can be made"
cgroups=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
[[ $cgroups ]] || cannot "there is no cgroup2 mounted here"
sweep
own=$cgroups/domlet-standin-$$ machine=''
mkdir "$own" || cannot "no cgroup can be made below $cgroups"

# shellcheck disable=SC2317 # called by a trap
clean_up() {
    if [[ $machine ]]; then
        kill -KILL "$machine"
        wait "$machine"
    fi 2>/dev/null || true
    remove "$own"
}
trap clean_up EXIT
trap 'exit 143' INT TERM HUP
# In the background, so that the traps act at once. When we are killed it goes along.
# Only the child of unshare is in the cgroup: it can leave the machine's root to be without processes.
(
    trap - INT QUIT # which are ignored there
    exec setpriv --pdeathsig KILL unshare -m -u -i -n -p -f --kill-child bash "$here/machine.sh" --join "$own" "$build" "$@"
) <&0 &
machine=$!
status=0
wait "$machine" || status=$?
machine=''
exit "$status"
