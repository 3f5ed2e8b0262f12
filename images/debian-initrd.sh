#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   debian-initrd.sh KERNEL-VERSION OUTPUT
#
# Writes the initial ram disk of a guest with Debian's own kernel, whose drivers
# are modules: domlet's, and behind it an archive of those that the guest needs;
# domlet-init loads them in the order of their names. Installed, since it is for
# the machine that has the kernel's package.
set -euo pipefail

initrd=/usr/lib/domlet/initrd.cpio

if (($# != 2)); then
    echo "usage: debian-initrd.sh KERNEL-VERSION OUTPUT, as in debian-initrd.sh $(uname -r) /usr/lib/domlet/debian-initrd.cpio" >&2
    exit 2
fi
if [[ ! -d /lib/modules/$1 || ! -f $initrd ]]; then
    echo "debian-initrd.sh: it takes both $initrd and the modules in /lib/modules/$1" >&2
    exit 1
fi

# modules VERSION: the files, each behind those that it needs.
modules() {
    local module
    for module in xen-evtchn xen-gntalloc xen-blkfront erofs overlay fuse; do
        modprobe -S "$1" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Debian's own initrds are made with cpio; busybox has one, too.
archive() {
    if command -v cpio >/dev/null; then
        cpio -o -H newc --quiet
    else
        busybox cpio -o -H newc 2>/dev/null # it counts blocks there
    fi
}

output=$2
work=$(mktemp -d)
trap 'rm -rf "$work" "$output.tmp"' EXIT
mkdir "$work/modules"
modules "$1" >"$work/list"
i=10
while read -r path; do
    name=modules/$i-${path##*/}
    case $path in
    *.xz) xz -dc "$path" >"$work/${name%.xz}" ;;
    *) cp "$path" "$work/$name" ;;
    esac
    i=$((i + 1))
done <"$work/list"
(cd "$work" && find modules | sort | archive) | cat "$initrd" - >"$output.tmp"
mv -f "$output.tmp" "$output"
