#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the guest kernel: Debian's Linux source, patches/*.patch, and
# guest.config on top of `make tinyconfig`. Prints the path of an uncompressed,
# stripped vmlinux, which both PV and PVH domains boot. (Not a bzImage: the
# toolstack would have to unpack it for each domain.)
#
#   images/kernel.sh            build it, unless the cache has it
#   images/kernel.sh --path     only say where it is or would be
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=images/cache.sh
. "$here/cache.sh"

source_package=linux-source-6.12
# A round figure for the progress line only: lines of the log that name an object.
objects=1860

# Of 87,000 files a guest's kernel needs a third. Kconfig and make read the rest
# of each folder, so that only what would be compiled is left out.
unpack() {
    local unused=('*/Documentation/*/*' '*/tools/testing/*' '*/arch/[!x]*/*.'{'[chS]','dts*'} '*/sound/*.[chS]') driver
    for driver in accel clk comedi gpu hid iio infiniband media mfd net/ethernet net/wireless pinctrl scsi soc staging usb; do
        unused+=("*/drivers/$driver/*.[chS]")
    done
    tar -xJ "${unused[@]/#/--exclude=}"
}

unpack_source() {
    local tarball=usr/src/$source_package.tar.xz
    if [[ $(dpkg-query -W -f '${Version}' "$source_package" 2>/dev/null) == "$version" && -f /$tarball ]]; then
        unpack <"/$tarball"
    else
        apt-get download "$source_package=$version"
        dpkg-deb --fsys-tarfile "$source_package"_*.deb | tar -xO "./$tarball" | unpack
    fi
}

# Every line of guest.config must have come through: Kconfig drops silently what
# depends on something absent.
check_config() {
    local line option lost=0
    while IFS= read -r line; do
        [[ $line == CONFIG_* ]] || continue
        option=${line%%=*}
        if [[ $line == *=n ]] && ! grep -q "^$option=" .config; then
            continue
        fi
        grep -qxF -e "$line" .config || { echo "guest.config: $line did not come through Kconfig" && lost=1; }
    done <"$here/guest.config"
    return "$lost"
}

build() {
    local patch
    unpack_source
    cd "$source_package"
    for patch in "$here"/patches/*.patch; do
        patch -p1 -i "$patch"
    done
    # The same inputs give the same bytes.
    export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=domlet KBUILD_BUILD_HOST=domlet
    make tinyconfig
    scripts/kconfig/merge_config.sh -m .config "$here/guest.config"
    make olddefconfig
    check_config
    make -j"$(nproc)" vmlinux
    strip -s -o ../out vmlinux
}

progress() {
    local made
    made=$(grep -cE '^  (CC|AS|LD|AR) ' "$1" || true)
    if ((made < objects)); then
        echo "$made of about $objects objects"
    else
        echo "$made objects, the last ones"
    fi
}

version=$(package_version "$source_package")
key=$({
    printf '%s\n' "$version" "$(gcc -dumpfullversion 2>/dev/null || true)"
    cat "$here/guest.config" "$here"/patches/*.patch "$here/kernel.sh"
} | cache_key)

if [[ ${1-} == --path ]]; then
    printf '%s\n' "$cache_root/vmlinux-$key"
    exit
fi
[[ -e $cache_root/vmlinux-$key ]] || packages_need gcc make flex bison bc libelf-dev libssl-dev xz-utils patch procps
cache_make vmlinux "$key" "guest kernel $version" progress build
