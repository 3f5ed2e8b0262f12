# SPDX-License-Identifier: GPL-2.0-or-later
# For the end-to-end tests, which run as root in one of three places (./dev test
# makes all): in a Xen dom0, or with DOMLET_PLACE=standin on ../standin, which is
# on this machine or in the lab's dom0. On this machine's run those without a tag;
# in dom0 with real domains those tagged xen (they need one, or what belongs to
# one), type (the two types of domain differ) and xenstore (so may the daemons);
# on the stand-in in dom0 those tagged dom0: they need no domain, but something of
# a kernel that not every machine has, such as the controllers of cgroups. What is
# tagged standin besides xen runs in the first two: it needs nothing of Xen, but
# goes through much of it. DOMLET_TYPE is the type of the domains: pvh or pv.
# shellcheck disable=SC2016 # for shells inside

# shellcheck source=tests/e2e/common.bash
. "$(dirname "${BASH_SOURCE[0]}")/common.bash"

# Once a run: to start a program takes long on an emulated processor. And the
# same tree gives the same image: only what a test adds is new.
make_rootfs() {
    local rootfs=$BATS_RUN_TMPDIR/rootfs name
    mkdir -p "$rootfs"/{bin,etc,proc,sys,dev,tmp,root}
    cp /bin/busybox "$rootfs/bin/"
    for name in sh echo cat id hostname ls sleep touch kill true grep md5sum pwd printenv mount test; do
        ln -sf busybox "$rootfs/bin/$name"
    done
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$rootfs/etc/passwd"
}

# The tests' containers choose their domains themselves, which takes a policy.
make_policy() {
    mkdir -p /etc/domlet
    cat >/etc/domlet/policy.cfg <<'CFG'
annotations = [ "dev.domlet.type", "dev.domlet.memory", "dev.domlet.vcpus", "dev.domlet.root" ]
types = [ "pvh", "pv" ]
max_memory = 8192
max_vcpus = 8
CFG
}

make_bundle() { # ARGS…: the container's command; the bundle is $BUNDLE
    BUNDLE=$BATS_TEST_TMPDIR/bundle
    [[ -d $BATS_RUN_TMPDIR/rootfs ]] || make_rootfs
    make_policy
    mkdir -p "$BUNDLE"
    cp -a "$BATS_RUN_TMPDIR/rootfs" "$BUNDLE/"
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

# The same with each, where there is a runc.
runtimes() {
    echo domlet
    [[ ! $(command -v runc) ]] || echo runc
}

# In the stand-in's dom0 no cgroup has a controller.
runtimes_with_limits() {
    if [[ ${DOMLET_PLACE-} == standin ]]; then echo domlet; else runtimes; fi
}

# Its root file system is packed and comes as a disk.
on_disk() {
    edit '.annotations["dev.domlet.root"] = "image"'
}

status() {
    domlet state c1 | jq -r .status
}

wait_for_status() { # STATUS [TRIES]
    local i
    for ((i = 0; i < ${2:-100}; i++)); do
        [[ $(status 2>/dev/null) != "$1" ]] || return 0
        sleep 0.1
    done
    return 1
}

# On the stand-in those of this machine are not ours, nor are those of another stand-in.
loop_devices() {
    if [[ ${DOMLET_PLACE-} == standin ]]; then
        losetup -l -n -O BACK-MAJ:MIN,NAME,BACK-FILE | no_match grep -w "$(stat -c %Hd:%Ld /var/cache/domlet)"
    else
        losetup -a
    fi
}

leaks() { # prints what of ours is left
    local dir
    xl list | tail -n +3 || return
    xenstore-list /local/domain | no_match grep -vx 0 || return
    xenstore-ls -f /local/domain/0 | no_match grep -E '/backend/(vbd|vif|console)/[1-9]' || return
    loop_devices || return
    no_match pgrep -l '^domlet' || return
    for dir in /run/domlet /run/domlet-domains /sys/fs/cgroup/domlet{,.slice}; do
        [[ ! -d $dir ]] || find "$dir" -ignore_readdir_race -mindepth 1 '(' -path '/run/*' -o -type d ')' || return
    done
}
