#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/lab/build-root.sh RELEASE DIR [COMMAND [ARGUMENT…]]
#
# Runs COMMAND in a root of that Debian release (13, sid) which has all that domlet
# is built and tested with. It stands in this tree, at the same path as here and
# read-only but for DIR, a folder of the tree to build in; what it changes outside of
# that is gone when it ends. Without COMMAND it only makes the root, and prints its
# path. The root is kept in the cache; where user namespaces can be made, only the
# making of it takes root.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
top=$(readlink -f "$here/../..")
# shellcheck source=images/cache.sh
. "$top/images/cache.sh"
# shellcheck source=tests/lab/debian.sh
. "$here/debian.sh"

packages=(meson ninja-build gcc libc6-dev pkg-config libuv1-dev libjson-c-dev libmnl-dev libxen-dev libseccomp-dev libcap-dev
    libcmocka-dev libubsan1 erofs-utils busybox-static jq procps mandoc git iproute2 python3 bats xenstore-utils)

build() {
    debian_root "$suite" out "${packages[@]}"
}

progress() { sed -n 's/^I: //p' "$1" | tail -n 1; }

# This machine's devices, but none of its nodes: what a test does to those is done to copies.
make_devices() { # DIR
    local name
    mount -t tmpfs -o mode=755 tmpfs "$1"
    for name in null zero full random urandom tty fuse; do
        [[ -e /dev/$name ]] || continue
        : >"$1/$name"
        mount --bind "/dev/$name" "$1/$name"
    done
    mkdir "$1"/{pts,shm,mqueue}
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/pts"
    mount -t tmpfs -o mode=1777 tmpfs "$1/shm"
    mount -t mqueue mqueue "$1/mqueue"
    ln -s pts/ptmx "$1/ptmx"
    ln -s /proc/self/fd "$1/fd"
    ln -s fd/0 "$1/stdin"
    ln -s fd/1 "$1/stdout"
    ln -s fd/2 "$1/stderr"
}

# In namespaces of its own, whose end is the end of all this.
enter() { # SCRATCH ROOT DIR COMMAND…
    local scratch=$1 root=$2 dir=$3 git
    shift 3
    mount -t tmpfs tmpfs "$scratch"
    mkdir "$scratch"/{upper,work,root}
    mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
    mkdir -p "$scratch/root$top"
    mount --bind "$top" "$scratch/root$top"
    mount -o remount,bind,ro "$scratch/root$top"
    mount --bind "$top/$dir" "$scratch/root$top/$dir"
    # A work tree's repository is elsewhere, and knows the commit that is built.
    if git=$(git -C "$top" rev-parse --path-format=absolute --git-common-dir 2>/dev/null) && [[ $git != "$top"/* ]]; then
        mkdir -p "$scratch/root$git"
        mount --bind "$git" "$scratch/root$git"
        mount -o remount,bind,ro "$scratch/root$git"
    fi
    make_devices "$scratch/root/dev"
    mount --rbind /sys "$scratch/root/sys"
    mount -t proc proc "$scratch/root/proc"
    mount -t tmpfs tmpfs "$scratch/root/tmp"
    # No chroot: who enters a namespace of mounts, as tests do, comes to its root.
    cd "$scratch/root"
    pivot_root . mnt
    umount -l /mnt
    cd "$top"
    # This shell stays process 1: tests have orphans, which it reaps.
    env -i HOME=/root LANG=C.UTF-8 TERM="${TERM-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
    exit
}

(($# >= 2)) || die "usage: tests/lab/build-root.sh RELEASE DIR [COMMAND [ARGUMENT…]]"
if [[ $1 == --enter ]]; then
    shift
    enter "$@"
fi
release=$1 dir=$2
shift 2
suite=$(debian_suite "$release")
[[ $dir != /* && $dir != *..* ]] || die "$dir is not the name of a folder in the tree"
debian_apt "$suite"
key=$({
    cat "$here/debian.sh"
    echo "${packages[@]}"
    package_version libxen-dev
    package_version gcc
} | cache_key)
if [[ ! -e $cache_root/$suite-build-$key ]]; then
    ((EUID == 0)) || die "making the root of Debian $suite that domlet is built in needs root"
    (unset APT_CONFIG && packages_need mmdebstrap procps)
    debian_space 1500
fi
root=$(cache_make "$suite-build" "$key" "Debian $suite to build in" progress build)
unset APT_CONFIG
(($#)) || { echo "$root" && exit; }
mkdir -p "$top/$dir"
namespaces=(--mount --pid --fork --kill-child)
((EUID == 0)) || namespaces+=(--user --map-root-user)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/domlet-root.XXXXXX")
trap 'rmdir "$scratch"' EXIT
unshare "${namespaces[@]}" bash "$here/build-root.sh" --enter "$scratch" "$root" "$dir" "$@"
