# SPDX-License-Identifier: GPL-2.0-or-later
# What verbs print, who gets a signal, and what dom0 sees of a container.

load lib

bats_require_minimum_version 1.5.0

setup() {
    make_bundle sh -c 'exec 2>/dev/null; for s in HUP USR1 USR2 TERM; do trap "echo $s" $s; done; sleep 1000 & echo ready
        while kill -0 $!; do wait $!; done; echo alone; exec sleep 1000'
}

teardown() {
    domlet delete --force c1
    rm -f /etc/domlet/e2e-two.cfg
    no_leaks
}

start() {
    domlet create -b "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 says ready
}

says() { # WORDS…: all that the container has said so far
    [ "$(xargs <"$BATS_TEST_TMPDIR/out")" = "$*" ]
}

row() { # of c1 in the table
    domlet list | awk '$1 == "c1" { $1 = $1; print }'
}

# bats test_tags=xen
@test "doctor, spec, list of nothing, and xl's own reading of the templates" {
    local template config
    run -0 domlet doctor
    [[ $output == *'ok    xenstored answers'* && $output == *'note  domains are P'* && $output != *FAIL* ]]
    cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/before"
    run -1 domlet spec -b "$BUNDLE"
    [[ $output == *"File config.json exists in $BUNDLE. Remove it first" ]]
    cmp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/before"
    [ "$(domlet list --format json)" = '[]' ]
    [ "$(domlet list | xargs)" = 'ID PID STATUS BUNDLE CREATED OWNER DOMID TYPE' ]
    for template in pvh pv; do
        config=$(xl create -q -n "/usr/share/domlet/xen-configs/$template.cfg")
        jq -e --arg type "$template" '.config // . | .c_info.type == $type and (.b_info | has("type." + $type)) and
            .b_info.kernel == "/usr/lib/domlet/vmlinux" and .b_info.max_memkb == 131072 and .b_info.tsc_mode == "native"' <<<"$config"
    done
}

# bats test_tags=xen,type
@test "what spec writes runs, with the template that is named, in a domain of 48 MiB" {
    sed 's/^vcpus = .*/vcpus = 2/' "/usr/share/domlet/xen-configs/$DOMLET_TYPE.cfg" >/etc/domlet/e2e-two.cfg
    rm "$BUNDLE/config.json" /etc/domlet/policy.cfg
    domlet spec -b "$BUNDLE"
    edit '.process.terminal = false | .annotations = {"dev.domlet.memory": "48"}'
    run -1 domlet --template e2e-two run -b "$BUNDLE" c1
    [[ $output == *'annotation dev.domlet.memory is refused: there is no policy /etc/domlet/policy.cfg that allows it' ]]
    edit 'del(.annotations) | .vm.hwConfig.memory = 48 * 1048576'
    run -3 domlet --template e2e-two run -b "$BUNDLE" c1 <<<'hostname; grep MemTotal /proc/meminfo; grep -c ^processor /proc/cpuinfo; exit 3'
    [ "${lines[0]}" = domlet ]
    [ "$(awk '{ print $2 }' <<<"${lines[1]}")" -lt $((48 * 1024)) ]
    [ "${lines[2]}" = 2 ]
}

# bats test_tags=xen,type
@test "list, features, xl console of a running container; no QEMU" {
    local domain domid pid=
    start
    read -r domain domid < <(xl list | awk '/domlet-c1/ { print $1, $2 }')
    pid=$(<"$BATS_TEST_TMPDIR/pid")
    [ "$(domlet list | head -n 1 | xargs)" = 'ID PID STATUS BUNDLE CREATED OWNER DOMID TYPE' ]
    [[ $(row) =~ ^"c1 $pid running $BUNDLE "20[0-9T:.-]+Z" root $domid $DOMLET_TYPE"$ ]]
    [ "$(domlet list --format json | jq -Sc .)" = "[$(domlet state c1 | jq -Sc .)]" ]

    domlet features >"$BATS_TEST_TMPDIR/features"
    jq -e '(.ociVersionMin, .ociVersionMax) |= test("^1\\.0\\.[0-9]+$") | .ociVersionMin and .ociVersionMax
        and (.hooks | sort) == ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"]
        and (.linux.namespaces | contains(["time"])) and ["ro", "nosuid", "rprivate"] - .mountOptions == [] and .linux.seccomp.enabled
        and .potentiallyUnsafeConfigAnnotations == ["dev.domlet.", "io.container.manager", "io.kubernetes.cri.", "io.kubernetes.cri-o."]
        and .linux.cgroup == {v1: false, v2: true, systemd: true, systemdUser: false}' "$BATS_TEST_TMPDIR/features"
    [ "$(jq -c '.linux.namespaces - ["time"] | sort' "$BATS_TEST_TMPDIR/features")" = "$(jq -c '[.linux.namespaces[].type] | sort' "$BUNDLE/config.json")" ]
    [ "$(jq '.linux.capabilities | length' "$BATS_TEST_TMPDIR/features")" -eq $(($(domlet exec c1 cat /proc/sys/kernel/cap_last_cap) + 1)) ]

    # Xen's start script may run one for dom0's own disks.
    [ -z "$(pgrep -af qemu | grep -v 'xen-domid 0 ')" ]
    mkfifo "$BATS_TEST_TMPDIR/keys"
    xl console "$domain" <>"$BATS_TEST_TMPDIR/keys" >"$BATS_TEST_TMPDIR/console" 3>&- &
    pid=$!
    eventually 20 grep -q 'domlet-init: started' "$BATS_TEST_TMPDIR/console"
    kill "$pid"
}

@test "--systemd-cgroup: refused where systemd doesn't run" {
    [[ ! -d /run/systemd/system ]] || skip "systemd runs: tests/e2e/systemd"
    make_bundle true
    run -1 domlet --systemd-cgroup run -b "$BUNDLE" c1
    [[ $output == *'systemd not running on this host, cannot use systemd cgroups manager' ]]
    run -0 domlet --systemd-cgroup=false run -b "$BUNDLE" c1
}

@test "kill: numbers, names, TERM, one process or all; and when it has stopped" {
    start
    domlet kill c1 0
    domlet kill c1 10
    eventually 20 says ready USR1
    domlet kill c1 SIGUSR2
    eventually 20 says ready USR1 USR2
    domlet kill c1 hup
    eventually 20 says ready USR1 USR2 HUP
    domlet kill c1
    eventually 20 says ready USR1 USR2 HUP TERM
    run -1 domlet kill c1 SIGNONE
    [[ $output == *'there is no signal SIGNONE' ]]
    domlet kill --all c1 1
    eventually 20 says ready USR1 USR2 HUP TERM HUP alone
    run -0 domlet kill --all c1 KILL
    [ -z "$output" ]
    wait_for_status stopped
    run -0 domlet kill --all c1 9
    [ -z "$output" ]
    run -1 domlet kill c1 0
    [[ $output == *'container not running' ]]
    run -1 domlet start c1
    [[ $output == *'cannot start a container that has stopped' ]]
    [[ $(row) =~ ^"c1 0 stopped $BUNDLE "20[0-9T:.-]+Z" root - $DOMLET_TYPE"$ ]]
}
