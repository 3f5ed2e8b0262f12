#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/lab/dom0-image.sh [--engines]
#
# Makes what the lab boots, from Debian's packages, and prints the path of a
# folder with it: xen (the hypervisor), vmlinuz and initrd.cpio (dom0's kernel,
# with the drivers that QEMU's devices need), root.img (dom0's root, ext4).
# --engines adds docker, containerd and podman. Nothing is installed on this
# machine but the tools that make it.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=images/cache.sh
. "$here/../../images/cache.sh"

suite=bookworm
xen_package=xen-hypervisor-4.17-amd64
packages=(xen-utils-4.17 xenstore-utils libxenmisc4.17 libxenstore4 kmod iproute2 busybox-static strace runc crun
    procps e2fsprogs erofs-utils bats libuv1 libjson-c5 libseccomp2 libcap2 jq util-linux ca-certificates
    libasan8 libubsan1)
name=dom0
if [[ ${1-} == --engines ]]; then
    name=engines
    # podman makes the image of a pod's first container of catatonit.
    packages+=(docker.io containerd podman conmon iptables catatonit netavark aardvark-dns containernetworking-plugins
        docker-compose)
fi

# What is in no machine that the lab can be, by folder under the modules'.
unused_modules=(sound drivers/{gpu,media,staging,infiniband,iio,isdn,usb,input,bluetooth,nfc,mmc,mtd,hid,platform}
    drivers/{scsi,ata,message,firewire,pcmcia,parport,hwmon,power,thermal,rtc,leds,video,edac,crypto,i2c,spi,w1,gnss}
    drivers/net/{wireless,ethernet,wwan,usb,can,fddi,hippi,arcnet,ieee802154} net/{wireless,mac80211,bluetooth,can,nfc}
    fs/{btrfs,xfs,ocfs2,gfs2,ceph,cifs,nfs,nfsd,afs,jfs,reiserfs,ubifs,f2fs,nilfs2,hfs,hfsplus,ntfs,ntfs3,smbfs_common})

initrd_init() {
    cat <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
. /modules
while [ ! -b /dev/vda ]; do $b usleep 100000; done
$b mount -t ext4 /dev/vda /mnt
$b mkdir -p /mnt/lab
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 lab /mnt/lab
$b umount /proc
exec $b switch_root /mnt /bin/bash /lab/dom0-init.sh
INIT
}

# dom0's initrd: busybox and the modules between power-on and the root disk.
build_initrd() {
    local kernel=$1 module path
    mkdir -p initrd/{bin,proc,dev,mnt,lib}
    cp root/bin/busybox initrd/bin/
    for module in virtio_pci virtio_blk ext4 crc32c_generic 9p 9pnet_virtio virtio_console; do
        modprobe -S "$kernel" -d "$PWD/root" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >modules.list
    while read -r path; do
        cp "$path" initrd/lib/
        echo "\$b insmod /lib/${path##*/}"
    done <modules.list >initrd/modules
    initrd_init >initrd/init
    chmod +x initrd/init
    (cd initrd && find . -print0 | sort -z | cpio -o0 -H newc --quiet) >out/initrd.cpio
}

build() {
    local kernel
    mkdir out packages
    echo "step: fetching Xen and a kernel"
    (cd packages && apt-get download "$xen_package" "$kernel_package")
    dpkg-deb -x packages/"$xen_package"_*.deb packages/xen
    zcat packages/xen/boot/xen-4.17-amd64.gz >out/xen
    dpkg-deb -x packages/"$kernel_package"_*.deb packages/kernel
    cp packages/kernel/boot/vmlinuz-* out/vmlinuz

    echo "step: installing ${#packages[@]} packages and what they need"
    mmdebstrap --variant=minbase --include="$(IFS=, && echo "${packages[*]}")" \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
        --dpkgopt=path-exclude='/usr/share/locale/*' "$suite" root
    rm -rf root/var/cache/apt/* root/var/lib/apt/lists/*

    echo "step: kernel modules"
    kernel=$(ls packages/kernel/lib/modules)
    mkdir -p root/lib/modules
    cp -a "packages/kernel/lib/modules/$kernel" root/lib/modules/
    (cd "root/lib/modules/$kernel/kernel" && rm -rf "${unused_modules[@]}")
    depmod -b root "$kernel"
    build_initrd "$kernel"

    echo "step: disk image"
    # No journal: nothing is ever kept of it.
    mke2fs -q -t ext4 -O ^has_journal -d root out/root.img 6G
}

progress() { sed -n 's/^step: //p' "$1" | tail -n 1; }

# linux-image-amd64 depends on the newest kernel of the release.
package_version linux-image-amd64 >/dev/null
kernel_package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-/ && !p { p = $2 } END { print p }')
key=$({
    cat "$here/dom0-image.sh"
    package_version "$kernel_package"
    package_version "$xen_package"
} | cache_key)
if [[ ! -e $cache_root/$name-$key ]]; then
    ((EUID == 0)) || die "making dom0's image needs root"
    packages_need mmdebstrap cpio kmod e2fsprogs procps
fi
cache_make "$name" "$key" "dom0 image" progress build
