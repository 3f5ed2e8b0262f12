# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's own kernel as a guest's, set up as docs/operator.md says: its drivers
# are modules, which the initrd brings along.

# bats file_tags=xen,type

load lib

bats_require_minimum_version 1.5.0

setup() {
    domlet=/usr/lib/domlet
    [ -e "$domlet/tests/vmlinuz" ] || skip "no $domlet/tests/vmlinuz (the build has no tests)"
    [ ! -e "$domlet/debian-vmlinuz" ] || skip "this machine has a $domlet/debian-vmlinuz of its own"
    ours=1
}

teardown() {
    [ -z "${ours-}" ] || rm -f /etc/domlet/debian.cfg "$domlet"/debian-{vmlinuz,initrd.cpio}
    no_leaks
}

@test "a container on Debian's kernel" {
    local template=/usr/share/domlet/xen-configs/debian.cfg
    cp "$domlet/tests/vmlinuz" "$domlet/debian-vmlinuz"
    "$domlet/debian-initrd.sh" "$(uname -r)" "$domlet/debian-initrd.cpio"
    if [ "$DOMLET_TYPE" != pvh ]; then
        mkdir -p /etc/domlet
        sed "s/^type = .*/type = \"$DOMLET_TYPE\"/" "$template" >/etc/domlet/debian.cfg
    fi
    make_bundle sh -c 'cat /proc/version; id -u; touch /written && echo written; exit 4'
    run -4 domlet --template debian run -b "$BUNDLE" c1
    [ "${lines[0]}" = "$(cat /proc/version)" ]
    [ "${lines[1]}" = 0 ]
    [ "${lines[2]}" = written ]
    run -1 "$domlet/debian-initrd.sh" 0.0.0-none "$domlet/debian-initrd.cpio"
    [[ $output == *'the modules in /lib/modules/0.0.0-none'* ]]
}
