# SPDX-License-Identifier: GPL-2.0-or-later
# What the configuration says about the guest: limits, mounts, hooks, terminals.

load lib
load memory

bats_require_minimum_version 1.5.0

teardown() {
    domlet delete --force c1 # when a test failed half-way
    no_leaks
}

# bats test_tags=dom0
@test "resources, mounts, sysctl, a hook: as configured" {
    make_bundle sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max cpu.weight; touch x 2>/dev/null || echo cgroup-ro
        cat /proc/self/cgroup /proc/sys/kernel/shmmni; echo $HOME
        busybox stat -c "%n %a" /dev/shm /dev/mqueue; busybox df -k /dev/shm | busybox tail -n 1 | busybox awk "{print \$2}"
        echo x >/etc/motd || echo ro; cat /etc/motd; cat /hook; echo; ls -l /dev/ptmx | busybox awk "{print \$NF}"
        busybox cut -d. -f1 /proc/uptime | grep -cx "1......."'
    echo moin >"$BATS_TEST_TMPDIR/motd"
    edit '.linux.resources = {memory: {limit: 50331648}, pids: {limit: 99}, cpu: {quota: 50000, period: 100000, shares: 1024}}
        | .linux.sysctl = {"kernel.shmmni": "77"}
        | .linux.namespaces = [{type: "pid"}, {type: "mount"}, {type: "ipc"}, {type: "uts"}, {type: "network"}, {type: "cgroup"}, {type: "time"}]
        | .linux.timeOffsets = {boottime: {secs: 10000000}}
        | .mounts = [{destination: "/proc", type: "proc"}, {destination: "/dev", type: "tmpfs", options: ["nosuid", "mode=755"]},
            {destination: "/dev/pts", type: "devpts", options: ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {destination: "/dev/shm", type: "tmpfs", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=2048k"]},
            {destination: "/dev/mqueue", type: "mqueue", options: ["nosuid", "noexec", "nodev"]},
            {destination: "/sys", type: "sysfs", options: ["ro"]},
            {destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro", "nosuid", "noexec", "nodev", "relatime"]},
            {destination: "/etc/motd", type: "bind", source: ($ENV.BATS_TEST_TMPDIR + "/motd"), options: ["rbind", "ro"]}]
        | .hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "cat >/hook"]}]}'
    run -0 --separate-stderr domlet run -b "$BUNDLE" c1
    [ "$output" = "50331648
99
50000 100000
39
cgroup-ro
0::/
77
/root
/dev/shm 1777
/dev/mqueue 1777
2048
ro
moin
{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"bundle\":\"/\",\"annotations\":{\"dev.domlet.type\":\"$DOMLET_TYPE\"},\"status\":\"created\",\"pid\":1}
pts/ptmx
1" ] || { echo "$output"; false; }
}

# bats test_tags=dom0
@test "memory beyond the limit ends the container, not the guest" {
    make_bundle sh -c 'echo before; busybox tail /dev/zero; echo "tail: $?"'
    edit '.linux.resources.memory = {limit: 25165824}'
    run -0 domlet run -b "$BUNDLE" c1
    [[ $output == *before*'tail: 137'* ]]

    # It is told of whom it ends, and of nobody who is killed later. Execs find the container's own cgroups.
    # The filter refuses calls of domlet-init's own.
    make_bundle sh -c 'busybox mkdir /sys/fs/cgroup/sub; busybox tail /dev/zero; echo "tail: $?"; sleep 1000'
    edit '.process.noNewPrivileges = false | .linux.resources.memory = {limit: 25165824}
        | (.mounts[] | select(.destination == "/sys/fs/cgroup")).options = ["rw"]
        | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO",
            names: ["umask", "setresuid", "setresgid", "setgroups", "capset", "prctl", "faccessat2", "openat2", "readahead"]}]}'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 60 grep -q 'tail: 137' "$BATS_TEST_TMPDIR/out"
    run -0 domlet exec --cgroup memory,pids:sub -e A=b -e A=c c1 sh -c 'cat /proc/self/cgroup; echo $A'
    [ "$output" = "0::/sub
c" ]
    run -255 domlet exec --cgroup nosub c1 true
    [[ $output == *'the container has no cgroup "nosub"'* ]]
    run -137 domlet exec c1 busybox tail /dev/zero
    domlet kill c1 KILL
    wait_for_status stopped
    [ "$(domlet state c1 | jq -r .reason)" = null ]
    domlet delete c1
    make_bundle busybox tail /dev/zero
    edit '.linux.resources.memory = {limit: 25165824}'
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    wait_for_status stopped
    [[ $(domlet state c1 | jq -r .reason) == *'for want of memory'* ]]
}

# bats test_tags=xen,type
@test "memory: a limit of 64 MiB, and 54 MiB of it used" {
    memory_is_used 64 54
}

# bats test_tags=xen
@test "the guest's first process is small; nobody in the background delays the end" {
    # What the guest's kernel does with a core is done outside of the container, where process 1 is domlet-init.
    make_bundle sh -c 'echo 1 >/proc/sys/kernel/core_pipe_limit # it waits for its program
        echo "|/proc/%P/root/bin/busybox cp /proc/1/status /proc/%P/root/seen" >/proc/sys/kernel/core_pattern
        sh -c "kill -SEGV \$\$"; grep -E "^(Name|Vm|Rss)" /seen; (sleep 1000 &); exit 5'
    edit '.linux.readonlyPaths = []'
    run -5 domlet run -b "$BUNDLE" c1
    echo "$output"
    # With the 65 pages of the ring, which it shares with dom0.
    rss=$(awk '/VmRSS/ {print $2}' <<<"$output")
    echo "resident: $rss KiB"
    [ "$rss" -le 1536 ]
}

@test "a configuration of 1 MB goes over the ring; one of 50 MB is refused" {
    make_bundle echo hi
    edit '.process.env += [range(10) | "P\(.)=" + ("x" * 100000)]'
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = hi ]
    edit '.padding = ("x" * 50000000)'
    run -1 domlet run -b "$BUNDLE" c1
    echo "$output"
    [[ $output == *config.json*16777216* ]]
}

# bats test_tags=dom0
@test "devices and limits are the container's; exec follows it into its cgroups" {
    make_bundle sh -c 'id=$(busybox awk "/gntalloc/ {print \$1}" /proc/misc); busybox mknod /granted c 10 "$id"; busybox mknod /none c 1 3
        (: </granted) 2>&1; : </none && echo null; ulimit -n; ulimit -Hn; ulimit -u
        cd /sys/fs/cgroup; busybox mkdir below; echo 1 >below/cgroup.procs; echo +pids >cgroup.subtree_control; cat /proc/self/cgroup
        echo ready; sleep 1000'
    edit '.linux.resources.devices = [{allow: false, access: "rwm"}]
        | .process.capabilities |= with_entries(.value += ["CAP_MKNOD"])
        | del(.process.rlimits)
        | .mounts = [{destination: "/proc", type: "proc"}, {destination: "/dev", type: "tmpfs", options: ["mode=755"]},
            {destination: "/sys", type: "sysfs"}, {destination: "/sys/fs/cgroup", type: "cgroup"}]'
    domlet create -b "$BUNDLE" c1 >"$BATS_TEST_TMPDIR/out" </dev/null
    domlet start c1
    eventually 30 grep ready "$BATS_TEST_TMPDIR/out"
    [ "$(<"$BATS_TEST_TMPDIR/out")" = "sh: can't open /granted: Operation not permitted
null
1024
524288
unlimited
0::/below
ready" ] || { cat "$BATS_TEST_TMPDIR/out"; false; }
    run -1 domlet exec c1 sh -c 'cat /proc/self/cgroup; (: </granted) 2>&1'
    [ "${lines[0]}" = 0::/below ]
    [[ ${lines[1]} == *'not permitted'* ]]
}

# bats test_tags=xen,type
@test "the type that this host can run, where nobody chooses one" {
    local type=pvh notice=
    xl info | grep -q '^virt_caps.* hap' || type=pv notice='domlet: this host has no hardware virtualisation for guests: using PV'
    make_bundle true
    edit 'del(.annotations["dev.domlet.type"])'
    exec 4>"$BATS_TEST_TMPDIR/lock"
    flock 4
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&-
    exec 4>&-
    flock -n "$BATS_TEST_TMPDIR/lock" true # nobody of ours has kept the caller's descriptor
    [ "$(<"$BATS_TEST_TMPDIR/said")" = "$notice" ]
    [ "$(jq -r .type /run/domlet/c1/domlet.json)" = "$type" ]
    domlet delete --force c1
}

# As domlet has it done for a container that joins a domain.
# bats test_tags=xen,type
@test "a domain gets memory and processors while it runs, and gives them back" {
    local domid
    sized() { # MIB PROCESSORS
        local mib processors
        read -r mib processors < <(domlet exec c1 sh -c 'busybox awk "/MemTotal/ { print int(\$2 / 1024) }" /proc/meminfo; grep -c ^processor /proc/cpuinfo' | xargs)
        ((mib > $1 * 85 / 100 && mib <= $1 && processors == $2)) || { echo "$mib MiB, $processors processors"; false; }
    }
    sed 's/^vcpus = .*/vcpus = 1\nmaxvcpus = 2/' "/usr/share/domlet/xen-configs/$DOMLET_TYPE.cfg" >/etc/domlet/e2e-spare.cfg
    make_bundle sleep 1000
    edit 'del(.annotations)'
    domlet --template e2e-spare create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    domid=$(xl list | awk '/domlet-c1/ { print $2 }')
    sized 128 1
    xl mem-max "$domid" 400
    xl mem-set "$domid" 400
    xl vcpu-set "$domid" 2
    eventually 30 sized 400 2
    xl vcpu-set "$domid" 1
    xl mem-set "$domid" 150
    eventually 30 sized 150 1
    domlet delete --force c1
}
