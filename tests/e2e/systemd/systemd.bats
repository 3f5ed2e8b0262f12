# SPDX-License-Identifier: GPL-2.0-or-later
# What domlet has to do with systemd and udev, in a dom0 that runs both (./dev lab --debian 13).

# bats file_tags=xen

load ../lib

setup() {
    bats_require_minimum_version 1.5.0
    [[ -d /run/systemd/system && -e /run/udev/control ]]
}

teardown() {
    systemctl stop starter.service 2>/dev/null || true
    domlet delete --force c1 || true
    [[ ! ${loop-} ]] || losetup -d "$loop"
    no_leaks
}

create() { # GLOBAL OPTIONS…
    domlet "$@" create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
}

property() { # UNIT NAME
    systemctl show -P "$2" "$1"
}

# The monitor's, of c1's domain.
scope() {
    echo "domlet-$(jq -r .domain /run/domlet/c1/domlet.json).scope"
}

@test "doctor finds udev's rule and systemd" {
    run domlet doctor
    [[ $output == *"ok    udev leaves the containers' disks alone"* ]]
    [[ $output == *'ok    systemd makes scopes for domlet'* ]]
}

@test "udev doesn't look at a container's disk" {
    local image disk
    make_bundle sleep 1000
    on_disk
    create
    image=$(jq -r .image /run/domlet/c1/domlet.json)
    disk=$(losetup -n -O NAME -j "$image")
    [ -b "$disk" ]
    # The same bytes elsewhere are any file system.
    cp "$image" "$BATS_TEST_TMPDIR/image"
    loop=$(losetup -f --show -r "$BATS_TEST_TMPDIR/image")
    udevadm settle
    udevadm info -q property "$loop" | grep -x ID_FS_TYPE=erofs
    udevadm info -q property "$disk" >"$BATS_TEST_TMPDIR/properties"
    grep -x UDEV_DISABLE_PERSISTENT_STORAGE_RULES_FLAG=1 "$BATS_TEST_TMPDIR/properties"
    grep -x SYSTEMD_READY=0 "$BATS_TEST_TMPDIR/properties"
    run ! grep -E '^(ID_FS_|ID_PART_|LVM_|DEVLINKS=.*/by-uuid)' "$BATS_TEST_TMPDIR/properties"
}

@test "a container outlives the unit that has started it; the monitor is in a scope of domlet.slice" {
    local monitor
    make_bundle sleep 1000
    systemd-run --quiet --unit=starter -p RemainAfterExit=yes -p Type=oneshot domlet run -d -b "$BUNDLE" c1
    [ "$(status)" = running ]
    [ "$(property "$(scope)" ActiveState)" = active ]
    [ "$(property "$(scope)" ControlGroup)" = "/domlet.slice/$(scope)" ]
    read -r monitor <"/sys/fs/cgroup/domlet.slice/$(scope)/cgroup.procs"
    grep -x "0::/domlet.slice/$(scope)" "/proc/$monitor/cgroup"
    systemctl stop starter.service
    [ "$(status)" = running ]
    domlet exec c1 true
    domlet delete --force c1
    eventually 20 eval '! systemctl list-units --all --plain --no-legend "domlet-*.scope" | grep .'
}

@test "a monitor's scope that is stopped, as when the host shuts down, ends the container by SIGTERM" {
    local scope
    make_bundle sh -c 'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.1; done'
    domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    eventually 60 grep -qs ready "$BATS_TEST_TMPDIR/out"
    scope=$(scope)
    [[ " $(property "$scope" Before) " == *' docker.service '* ]]
    [[ " $(property "$scope" Before) " == *' shutdown.target '* ]]
    [[ " $(property "$scope" After) " == *' xendomains.service '* ]]
    systemctl stop "$scope"
    run -5 wait $!
    grep -x bye "$BATS_TEST_TMPDIR/out"
}

@test "--systemd-cgroup: systemd makes the container's scope" {
    local group=/machine.slice/machine-e2e.slice/e2e-c1.scope
    make_bundle sleep 1000
    edit '.linux.cgroupsPath = "machine-e2e.slice:e2e:c1"'
    create --systemd-cgroup
    [ "$(property e2e-c1.scope ControlGroup)" = $group ]
    [ "$(property e2e-c1.scope Delegate)" = yes ]
    [ "$(cat /sys/fs/cgroup$group/cgroup.procs)" = "$(<"$BATS_TEST_TMPDIR/pid")" ]
    [ -e /sys/fs/cgroup$group/memory.current ]
    domlet start c1
    domlet exec -d c1 sleep 1000 </dev/null 3>&-
    [ "$(wc -l </sys/fs/cgroup$group/cgroup.procs)" = 2 ]
    systemctl daemon-reload
    domlet exec c1 true
    domlet delete --force c1
    eventually 20 eval '[[ $(property e2e-c1.scope ActiveState) == inactive && ! -e /sys/fs/cgroup'$group' ]]'
}

@test "--systemd-cgroup: a path is refused, and without one the scope is in domlet.slice" {
    make_bundle sleep 1000
    edit '.linux.cgroupsPath = "/a/path"'
    run -1 domlet --systemd-cgroup create -b "$BUNDLE" c1
    [[ $output == *'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/path" instead' ]]
    edit 'del(.linux.cgroupsPath)'
    create --systemd-cgroup
    grep -E '^0::/domlet.slice/domlet-c1-.*\.scope$' "/proc/$(<"$BATS_TEST_TMPDIR/pid")/cgroup"
}
