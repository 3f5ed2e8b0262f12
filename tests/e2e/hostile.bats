# SPDX-License-Identifier: GPL-2.0-or-later
# Guests that do what no guest does (hostile.c). Each loses its domain, soon,
# for a reason that is said; its neighbour notices nothing.

load lib

bats_require_minimum_version 1.5.0

setup() {
    local file=hostile.cpio
    tests=/usr/lib/domlet/tests patience=30
    if [[ ${DOMLET_PLACE-} == standin ]]; then
        file=hostile-init patience=6
    fi
    [ -e "$tests/$file" ] || skip "no $tests/$file (the build has no tests)"
    mkdir -p /etc/domlet
    make_bundle sleep 1000
}

teardown() {
    rm -f /etc/domlet/e2e-*.cfg
    domlet delete --force neighbour
    no_leaks
}

# Runs a guest that commits CRIME, in the background; what became of it is in
# $BATS_TEST_TMPDIR/CRIME. Its process joins criminals, to be waited for.
commit() { # CRIME [BOOT TIMEOUT]
    local crime=$1 dir=$BATS_TEST_TMPDIR/$1 initrd=$tests/hostile.cpio
    mkdir -p "$dir"
    if [[ ${DOMLET_PLACE-} == standin ]]; then # no kernel has the command line
        initrd=$dir/initrd.cpio
        printf %s "$crime" >"$dir/crime"
        "$tests/initrd.sh" "$tests/hostile-init" "$initrd" "$dir/crime"
    fi
    cat >"/etc/domlet/e2e-$crime.cfg" <<CFG
type = "$DOMLET_TYPE"
kernel = "/usr/lib/domlet/vmlinux"
ramdisk = "$initrd"
memory = 64
extra = "console=hvc0 quiet panic=-1 hostile=$crime"
tsc_mode = "native"
domlet_boot_timeout = ${2:-120}
CFG
    cp "$BUNDLE/config.json" "$dir/"
    ln -sfn "$BUNDLE/rootfs" "$dir/rootfs"
    (
        trap - DEBUG
        status=0
        timeout -s KILL 200 domlet --template "e2e-$crime" run -b "$dir" "c-$crime" </dev/null >"$dir/out" 2>&1 || status=$?
        echo "$status" >"$dir/status"
    ) 3>&- &
    criminals+=($!)
}

convicted() { # CRIME STATUS WORDS
    local text status
    text=$(<"$BATS_TEST_TMPDIR/$1/out")
    status=$(<"$BATS_TEST_TMPDIR/$1/status")
    echo "$1: status $status: $text"
    [ "$status" -eq "$2" ]
    [[ $text == 'domlet: '*"$3"* ]]
    [ "$(wc -l <"$BATS_TEST_TMPDIR/$1/out")" -eq 1 ]
}

# bats test_tags=xen,type
@test "guests that never get as far as a ring that dom0 can map" {
    local crime
    commit watches 15
    for crime in off reboot crash no-grant; do commit "$crime"; done
    wait "${criminals[@]}"
    convicted watches 1 'was still booting the guest kernel after 15 s'
    convicted off 1 'shut down (reason 0) while booting the guest kernel'
    convicted reboot 1 'shut down (reason 1) while booting the guest kernel'
    convicted crash 1 'while booting the guest kernel'
    [[ $(<"$BATS_TEST_TMPDIR/crash/out") == *'Kernel panic'* ]]
    convicted no-grant 1 "can't map the ring's index page"
}

hangs() { # CRIME: its guest says so
    local logs=(/var/log/xen/console/guest-domlet-c-*.log)
    [[ ${DOMLET_PLACE-} != standin ]] || logs=(/run/standin/domains/*/console)
    grep -qsx "hostile: $1 hangs.\?" "${logs[@]}"
}

# Who is silent has come as far as it is to come before others lie.
@test "silence, and lies in xenstore and in the ring" {
    local crime silent
    rm -f /var/log/xen/console/guest-domlet-c-*.log
    for crime in never silent deaf deaf-created early-exit; do commit "$crime" "$patience"; done
    silent=("${criminals[@]}")
    for crime in never silent deaf deaf-created early-exit; do eventually 120 hangs "$crime"; done
    for crime in words negative endless missing empty; do commit "$crime"; done
    wait "${criminals[@]:5}"
    for crime in huge binary order version no-grant; do commit "$crime"; done
    wait "${criminals[@]:10}"
    for crime in garbage index off-created crash-started; do commit "$crime"; done
    wait "${criminals[@]:15}" "${silent[@]}"
    convicted words 1 'whose ring reference is no number'
    convicted negative 1 'whose order is no number'
    convicted endless 1 'whose order is no number'
    convicted missing 1 'whose event channel is no number'
    convicted empty 1 'whose version is no number'
    convicted huge 1 'whose version is no number'
    convicted binary 1 'whose version is no number'
    convicted order 1 'order 31'
    convicted version 1 'version 4711'
    convicted no-grant 1 "can't map the ring's index page"
    convicted garbage 1 'broke the ring protocol'
    convicted index 1 'broke the ring protocol'
    convicted off-created 1 'shut down (reason 0)'
    convicted crash-started 137 'while running the container'
    convicted never 1 "was still booting the guest kernel after $patience s"
    [[ $(<"$BATS_TEST_TMPDIR/never/out") == *'hostile: never'* ]]
    convicted silent 1 "was still waiting for domlet-init's greeting after $patience s"
    convicted deaf 1 "was still setting up the container after $patience s"
    convicted deaf-created 1 "was still starting the container after $patience s"
    convicted early-exit 1 "was still setting up the container after $patience s"
}

# bats test_tags=xen,standin
@test "lies on the ring of the container's files" {
    local crime crimes=(share-short share-long share-export share-index)
    [[ ${DOMLET_PLACE-} == standin ]] || crimes=(share-export)
    for crime in "${crimes[@]}" share-grant; do commit "$crime"; done
    wait "${criminals[@]}"
    for crime in "${crimes[@]}"; do convicted "$crime" 1 'the guest broke the protocol of the share'; done
    convicted share-grant 1 "can't map the ring's index page"
}

@test "a neighbour notices nothing; a guest that never stops can be killed" {
    local crime line i
    mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/back"
    edit '.process.args = ["cat"]'
    exec {to}<>"$BATS_TEST_TMPDIR/in" {from}<>"$BATS_TEST_TMPDIR/back"
    domlet create -b "$BUNDLE" neighbour <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/back" 3>&-
    domlet start neighbour
    edit '.process.args = ["sleep", "1000"]'
    for crime in flood mute garbage crash; do commit "$crime"; done
    for i in {1..20}; do
        echo "line $i" >&"$to"
        read -r -t 20 line <&"$from"
        [ "$line" = "line $i" ]
        sleep 0.3
    done
    for crime in flood mute; do
        for i in {1..600}; do
            [[ $(domlet state "c-$crime" 2>/dev/null) != *'"running"'* ]] || break
            sleep 0.1
        done
        domlet kill "c-$crime" KILL
    done
    wait "${criminals[@]}"
    [ "$(<"$BATS_TEST_TMPDIR/flood/status")" -eq 137 ]
    [ "$(<"$BATS_TEST_TMPDIR/mute/status")" -eq 137 ]
    echo last >&"$to"
    read -r -t 20 line <&"$from"
    [ "$line" = last ]
}
