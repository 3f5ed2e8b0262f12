# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's own kernel as a guest's: its drivers are modules, which the initrd
# brings along.

load lib

bats_require_minimum_version 1.5.0

setup() {
    tests=/usr/lib/domlet/tests
    [ -e "$tests/vmlinuz" ] || skip "no $tests/vmlinuz (the build has no tests)"
}

teardown() {
    rm -f /etc/domlet/e2e-debian.cfg /run/e2e-debian.cpio
    no_leaks
}

# domlet's initrd, and behind it an archive with the modules in their order.
make_initrd() {
    local dir=$BATS_TEST_TMPDIR/initrd module i=10
    mkdir -p "$dir/modules"
    for module in xen-evtchn xen-gntalloc xen-blkfront erofs overlay; do
        modprobe --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
    done | awk '!seen[$0]++' >"$dir.list"
    while read -r module; do
        cp "$module" "$dir/modules/$i-${module##*/}"
        i=$((i + 1))
    done <"$dir.list"
    (cd "$dir" && find modules | busybox cpio -o -H newc 2>/dev/null) | cat /usr/lib/domlet/initrd.cpio - >/run/e2e-debian.cpio
}

@test "a container on Debian's kernel" {
    make_initrd
    mkdir -p /etc/domlet
    cat >/etc/domlet/e2e-debian.cfg <<CFG
type = "$DOMLET_TYPE"
kernel = "$tests/vmlinuz"
ramdisk = "/run/e2e-debian.cpio"
memory = 256
extra = "console=hvc0 quiet panic=-1"
CFG
    make_bundle sh -c 'cat /proc/version; id -u; touch /written && echo written; exit 4'
    edit '.annotations["dev.domlet.template"] = "e2e-debian" | del(.annotations["dev.domlet.type"])'
    run -4 domlet run -b "$BUNDLE" c1
    [ "${lines[0]}" = "$(cat /proc/version)" ]
    [ "${lines[1]}" = 0 ]
    [ "${lines[2]}" = written ]
}
