# SPDX-License-Identifier: GPL-2.0-or-later
# For the end-to-end tests, which run as root in a Xen dom0 (./dev test boots
# one). DOMLET_TYPE is the type of the domains: pvh or pv.
# shellcheck disable=SC2016 # for shells inside

make_bundle() { # ARGS…: the container's command; the bundle is $BUNDLE
    BUNDLE=$BATS_TEST_TMPDIR/bundle
    mkdir -p "$BUNDLE"/rootfs/{bin,etc,proc,sys,dev,tmp,root}
    cp /bin/busybox "$BUNDLE/rootfs/bin/"
    local name
    for name in sh echo cat id hostname ls sleep touch kill true grep md5sum pwd printenv mount test; do
        ln -sf busybox "$BUNDLE/rootfs/bin/$name"
    done
    # The same tree gives the same image: only what a test adds is new.
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$BUNDLE/rootfs/etc/passwd"
    rm -f "$BUNDLE/config.json"
    (cd "$BUNDLE" && domlet spec)
    edit '.process.terminal = false | .annotations["dev.domlet.type"] = $ENV.DOMLET_TYPE | .process.args = $ARGS.positional' \
        --args -- "$@"
}

edit() { # JQ PROGRAM and options
    local program=$1
    shift
    jq "$program" "$BUNDLE/config.json" "$@" >"$BUNDLE/new" && mv "$BUNDLE/new" "$BUNDLE/config.json"
}

leaks() { # prints what of ours is left
    xl list | tail -n +3
    xenstore-ls -f /local/domain | grep -E '^/local/domain/[1-9]'
    losetup -a
    find /run/domlet -mindepth 1 2>/dev/null
    pgrep -a '^domlet'
    find /sys/fs/cgroup/domlet -mindepth 1 -type d 2>/dev/null
}

no_leaks() {
    local left end=$((SECONDS + 15))
    while ((SECONDS < end)); do
        left=$(leaks)
        [[ -n $left ]] || return 0
        sleep 0.2
    done
    printf 'left behind:\n%s\n' "$left"
    return 1
}
