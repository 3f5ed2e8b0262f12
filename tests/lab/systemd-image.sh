#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/lab/systemd-image.sh RELEASE [--engines]
#
# Makes what the lab boots of a Debian release later than 12 (13, sid), as
# dom0-image.sh does of Debian 12: prints the path of a folder with xen, vmlinuz,
# initrd.cpio and root.img. Here dom0 runs systemd and udev, as hosts do, and Debian's
# own units start what is Xen's; lab.service runs the command (dom0-unit.sh).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=images/cache.sh
. "$here/../../images/cache.sh"
# shellcheck source=tests/lab/debian.sh
. "$here/debian.sh"

packages=(systemd systemd-sysv udev dbus xen-utils-common xenstore-utils kmod iproute2 busybox-static
    strace runc crun procps e2fsprogs erofs-utils bats libuv1t64 libjson-c5 libseccomp2 libcap2 jq util-linux ca-certificates
    libubsan1 perl-base xz-utils)

# What is in no machine that the lab can be, by folder under the modules'.
unused_modules=(sound drivers/{gpu,media,staging,infiniband,iio,isdn,usb,input,bluetooth,nfc,mmc,mtd,hid,platform}
    drivers/{scsi,ata,message,firewire,pcmcia,parport,hwmon,power,thermal,rtc,leds,video,edac,crypto,i2c,spi,w1,gnss}
    drivers/{block/floppy.ko.xz,accel,comedi,nvme,soundwire,mfd,watchdog,net/{wireless,ethernet,wwan,usb,can,fddi,hippi,arcnet,ieee802154}}
    net/{wireless,mac80211,bluetooth,can,nfc}
    fs/{btrfs,xfs,bcachefs,ocfs2,gfs2,ceph,smb,nfs,nfsd,afs,jfs,ubifs,f2fs,nilfs2,hfs,hfsplus,ntfs3,dlm,orangefs})

# The command's folder is there before systemd is, and so is what domlet installs:
# udev reads its rules at its start.
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
[ ! -d /mnt/lab/stage ] || $b chroot /mnt /usr/bin/cp -a --no-preserve=ownership /lab/stage/. /
$b umount /proc
exec $b switch_root /mnt /sbin/init
INIT
}

# dom0's initrd: busybox and the modules between power-on and the root disk.
build_initrd() {
    local kernel=$1 module path crc=crc32c_generic
    mkdir -p initrd/{bin,proc,dev,mnt,lib}
    cp root/bin/busybox initrd/bin/
    # ext4's checksums, which from 6.16 on are in the kernel itself.
    [[ $(find "root/usr/lib/modules/$kernel" -name "$crc.ko*") ]] || crc=''
    for module in virtio_pci virtio_blk ext4 $crc 9p 9pnet_virtio virtio_console; do
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

lab_units() {
    cat >root/etc/systemd/system/lab.service <<'UNIT'
[Unit]
Description=The lab's command
Wants=xen.service dbus.socket
After=xen.service dbus.socket
RequiresMountsFor=/lab
# The script powers the machine off; where it can't, nothing else would.
FailureAction=poweroff-force

[Service]
Type=oneshot
# systemctl poweroff ends the script in its last moment.
SuccessExitStatus=SIGTERM
ExecStart=/bin/bash /lab/dom0-unit.sh
StandardInput=null
StandardOutput=append:/lab/dom0.log
StandardError=inherit
TasksMax=infinity
UNIT
    # No logins, no timers: what a host has beside it, and what a minute of the
    # emulated processor's time is too much for.
    cat >root/etc/systemd/system/lab.target <<'UNIT'
[Unit]
Description=The lab
Requires=basic.target
Wants=lab.service
After=basic.target
AllowIsolate=yes
UNIT
    ln -sf lab.target root/etc/systemd/system/default.target
    # shellcheck disable=SC2016 # for dom0's shell
    printf '%s\n' 'XENSTORED=$(/usr/lib/xen-common/bin/xen-dir)/bin/$(sed -n s/^xenstored=//p /lab/settings)' \
        'XENCONSOLED_ARGS="--log=guest --log-dir=/var/log/xen/console"' >root/etc/default/xen
    mkdir -p root/var/log/xen/console
    printf '%s\n' xen-gntalloc xen-privcmd xen-blkback xen-netback loop fuse overlay >root/etc/modules-load.d/lab.conf
}

# What a host has done once, at its first boot.
settle() {
    local unit
    echo 0123456789abcdef0123456789abcdef >root/etc/machine-id
    echo dom0 >root/etc/hostname
    printf '127.0.0.1 localhost dom0\n' >root/etc/hosts
    for unit in timers.target apt-daily.timer systemd-pstore.service systemd-firstboot.service systemd-hwdb-update.service \
        systemd-journal-catalog-update.service systemd-machine-id-commit.service ldconfig.service systemd-update-done.service \
        systemd-random-seed.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount sys-kernel-tracing.mount \
        sys-kernel-config.mount; do
        ln -sf /dev/null "root/etc/systemd/system/$unit"
    done
    chroot root systemd-hwdb update
    touch root/etc/.updated root/var/.updated
}

build() {
    local kernel
    mkdir out packages
    echo "step: fetching Xen and a kernel"
    (cd packages && apt-get download "$xen_package" "${kernel_packages[@]}")
    dpkg-deb -x packages/"$xen_package"_*.deb packages/xen
    zcat packages/xen/boot/"${xen_package/#xen-hypervisor/xen}".gz >out/xen
    for kernel in "${kernel_packages[@]}"; do dpkg-deb -x packages/"$kernel"_*.deb packages/kernel; done
    cp packages/kernel/boot/vmlinuz-* out/vmlinuz 2>/dev/null || cp packages/kernel/usr/lib/modules/*/vmlinuz out/vmlinuz

    echo "step: installing ${#packages[@]} packages and what they need"
    debian_root "$suite" root "${packages[@]}"

    echo "step: kernel modules"
    [[ -d packages/kernel/usr/lib/modules ]] || mv packages/kernel/lib packages/kernel/usr/
    kernel=$(ls packages/kernel/usr/lib/modules)
    mkdir -p root/usr/lib/modules
    cp -a "packages/kernel/usr/lib/modules/$kernel" root/usr/lib/modules/
    (cd "root/usr/lib/modules/$kernel/kernel" && rm -rf "${unused_modules[@]}")
    # busybox's insmod takes none that is compressed, and dom0's processor is slow.
    find "root/usr/lib/modules/$kernel" -name '*.ko.xz' -print0 | xargs -0r xz -d
    depmod -b root "$kernel"
    build_initrd "$kernel"
    lab_units
    settle

    echo "step: disk image"
    # No journal: nothing is ever kept of it.
    mke2fs -q -t ext4 -O ^has_journal -d root out/root.img 6G
}

progress() { sed -n 's/^step: //p' "$1" | tail -n 1; }

(($#)) || die "usage: tests/lab/systemd-image.sh RELEASE [--engines]"
suite=$(debian_suite "$1")
name=$suite-dom0 space=2500
if [[ ${2-} == --engines ]]; then
    name=$suite-engines space=4000
    # podman makes the image of a pod's first container of catatonit.
    # netavark calls nft from Debian 13 on, and nothing depends on it.
    packages+=(docker.io docker-cli containerd podman conmon iptables nftables catatonit netavark aardvark-dns
        containernetworking-plugins)
fi
debian_apt "$suite"
kernel_package=$(debian_dependency linux-image-amd64 linux-image-)
xen_package=$(debian_dependency xen-system-amd64 xen-hypervisor-)
# Of late (7.2 is) it is in three packages, which that one depends on.
mapfile -t kernel_packages < <(for part in linux-binary- linux-modules- linux-base-; do debian_dependency "$kernel_package" $part; done | grep . || echo "$kernel_package")
[[ $kernel_package && $xen_package ]] || die "Debian $suite has no kernel or no Xen in $cache_root/$suite-apt"
packages+=("$(debian_dependency xen-system-amd64 xen-utils-)")
key=$({
    cat "$here/systemd-image.sh" "$here/debian.sh"
    package_version "$kernel_package"
    package_version "$xen_package"
} | cache_key)
if [[ ! -e $cache_root/$name-$key ]]; then
    ((EUID == 0)) || die "making dom0's image needs root"
    (unset APT_CONFIG && packages_need mmdebstrap cpio kmod e2fsprogs procps xz-utils)
    debian_space "$space"
fi
cache_make "$name" "$key" "dom0 image, Debian $suite" progress build
