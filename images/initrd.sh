#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   images/initrd.sh INIT OUTPUT [FILE]
#
# Writes the guest's initial ram disk: INIT (a static program) as /init, the
# console device, the folders that it mounts on, and FILE. An uncompressed cpio archive
# in the kernel's "newc" form (Documentation/driver-api/early-userspace/
# buffer-format.rst), made here by hand so that device nodes need no root, and
# the same input gives the same bytes. $STRIP is what takes symbols away ("strip");
# where it is set and empty they stay.
set -euo pipefail

if (($# < 2 || $# > 3)) || [[ ! -f $1 ]]; then
    echo "usage: images/initrd.sh INIT OUTPUT [FILE]" >&2
    exit 2
fi
if LC_ALL=C grep -qa '/lib64/ld-linux' "$1"; then
    echo "initrd.sh: $1 is not linked statically: the guest has no libraries" >&2
    exit 1
fi

inode=0

# pad LENGTH: zeros up to the next multiple of four.
pad() { head -c $(((4 - $1 % 4) % 4)) /dev/zero; }

# entry NAME MODE MAJOR MINOR [FILE]
entry() {
    local size=0
    [[ ! ${5-} ]] || size=$(stat -c %s "$5")
    inode=$((inode + 1))
    # magic, inode, mode, uid, gid, links, mtime, size, device (2), rdev (2), length of name, checksum
    printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
        "$inode" "$2" 0 0 1 0 "$size" 0 0 "$3" "$4" $((${#1} + 1)) 0 "$1"
    pad $((110 + ${#1} + 1))
    [[ ! ${5-} ]] || { cat "$5" && pad "$size"; }
}

archive() {
    local folder
    for folder in dev proc sys run; do
        entry "$folder" $((8#40755)) 0 0
    done
    entry dev/console $((8#20600)) 5 1
    entry init $((8#100755)) 0 0 "$1"
    [[ ! ${2-} ]] || entry "${2##*/}" $((8#100644)) 0 0 "$2"
    inode=-1 # the trailer has number 0
    entry TRAILER!!! 0 0 0
}

# What the guest holds in memory needs no symbols.
trap 'rm -f "$2.tmp" "$2.init"' EXIT
if [[ ${STRIP=strip} ]]; then
    "$STRIP" -o "$2.init" "$1"
else
    cp "$1" "$2.init"
fi
archive "$2.init" "${3-}" >"$2.tmp"
mv -f "$2.tmp" "$2"
