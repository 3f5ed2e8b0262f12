#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In the lab's dom0, started by bench.sh: dom0.sh FIGURE TYPE RUNS measures one
# figure and appends its samples, one JSON object a line, to ./samples.
# shellcheck disable=SC2016,SC2317 # for shells inside, and functions given by name
set -euo pipefail
figure=$1 type=$2 runs=$3
here=$PWD
work=/run/bench
console=/var/log/xen/console
serial=0
mkdir -p "$work"
cp "$here"/bench-* "$work/"
# shellcheck source=tests/e2e-engines/docker.bash
. "$here/docker.bash"

sample() { # SIDE VALUE UNIT [NAME]
    printf '{"name":"%s","type":"%s","unit":"%s","side":"%s","value":%s}\n' \
        "${4:-$figure}" "$type" "$3" "$1" "$2" >>"$here/samples"
    echo "  $type ${4:-$figure} $1 $2 $3" >&2
}

now_us() { echo "${EPOCHREALTIME/./}"; }

# Containers choose their type and memory themselves, which takes a policy.
mkdir -p /etc/domlet
cat >/etc/domlet/policy.cfg <<'CFG'
annotations = [ "dev.domlet.type", "dev.domlet.memory" ]
types = [ "pvh", "pv" ]
CFG

# The container of every figure: Debian's busybox, nothing else.
make_bundle() { # DIRECTORY COMMAND…
    local bundle=$1
    shift
    mkdir -p "$bundle"/rootfs/{bin,etc,proc,sys,dev,tmp}
    cp /bin/busybox "$bundle/rootfs/bin/"
    local name
    for name in sh true cat sleep dd grep; do ln -sf busybox "$bundle/rootfs/bin/$name"; done
    echo root:x:0:0:root:/root:/bin/sh >"$bundle/rootfs/etc/passwd"
    rm -f "$bundle/config.json"
    (cd "$bundle" && domlet spec)
    edit "$bundle" '.process.terminal = false | .annotations["dev.domlet.type"] = $type | .process.args = $ARGS.positional' \
        --arg type "$type" --args -- "$@"
}

edit() { # BUNDLE JQ-PROGRAM and options
    local bundle=$1 program=$2
    shift 2
    jq "$program" "$bundle/config.json" "$@" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"
}

# A domain for xl from the very template that domlet uses; KEY=VALUE… replace.
make_xl() { # NAME KEY=VALUE…
    local name=$1 pair
    shift
    cp "/usr/share/domlet/xen-configs/$type.cfg" "$work/$name.cfg"
    for pair in "name=\"$name\"" "$@"; do
        sed -i "/^${pair%%=*} *=/d" "$work/$name.cfg"
        echo "$pair" >>"$work/$name.cfg"
    done
    : >"$console/guest-$name.log"
}

started='domlet-init: started'

# Time of day at which the guest's init ran.
await() { timeout 120 "$work/bench-await" "$@"; }

# Sets elapsed: microseconds from xl create to the guest's init; and destroyed: of xl destroy.
xl_until_init() {
    local name=raw$((++serial)) t0
    make_xl "$name"
    t0=$(now_us)
    await "$console/guest-$name.log" "$started" >"$work/when" &
    xl create -q "$work/$name.cfg" >"$work/xl.log" 2>&1 || cat "$work/xl.log" >&2
    wait $!
    elapsed=$(($(<"$work/when") - t0))
    t0=$(now_us)
    xl destroy "$name"
    destroyed=$(($(now_us) - t0))
}

timed() { # COMMAND…: sets elapsed
    local t0
    t0=$(now_us)
    "$@" >/dev/null
    elapsed=$(($(now_us) - t0))
}

ms() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

measure_cold_run() {
    local i
    make_bundle "$work/true" true
    domlet run -b "$work/true" warm
    for ((i = 0; i < runs; i++)); do
        timed domlet run -b "$work/true" "cold$i"
        sample ours "$(ms "$elapsed")" ms
        sample ours "$(ms "$elapsed")" ms cold-run-whole
        xl_until_init
        sample peer "$(ms "$elapsed")" ms
        sample peer "$(ms $((elapsed + destroyed)))" ms cold-run-whole
    done
    domlet --debug run -b "$work/true" phases >&2
}

pss_kib() { # of all processes whose program is domlet
    local exe total=0 n
    for exe in /proc/[0-9]*/exe; do
        [[ $(readlink "$exe" 2>/dev/null) == */domlet ]] || continue
        n=$(awk '/^Pss:/ { print $2 }' "${exe%exe}smaps_rollup")
        echo "  ${exe%/exe} $(<"${exe%exe}comm"): Pss $n KiB" >&2
        total=$((total + n))
    done
    echo "$total"
}

mib() { awk -v n="$1" 'BEGIN { printf "%.3f", n / 1024 }'; }

measure_memory() {
    local i pss rss
    # The guest's kernel handles a core outside of the container, where process 1 is domlet-init.
    make_bundle "$work/m" sh -c 'echo 1 >/proc/sys/kernel/core_pipe_limit # it waits for its program
        echo "|/proc/%P/root/bin/busybox cp /proc/1/status /proc/%P/root/seen" >/proc/sys/kernel/core_pattern
        sh -c "kill -SEGV \$\$"; cat /seen; sleep 1000'
    edit "$work/m" '.annotations["dev.domlet.memory"] = "48" | .linux.readonlyPaths = []'
    for ((i = 0; i < runs; i++)); do
        domlet create -b "$work/m" "m$i" >"$work/out" </dev/null
        domlet start "m$i"
        until grep -q ctxt "$work/out"; do sleep 0.1; done
        pss=$(pss_kib)
        sample ours "$(mib "$pss")" MiB memory-dom0
        rss=$(awk '/^VmRSS:/ { print $2 }' "$work/out")
        sample ours "$(mib "$rss")" MiB memory-init
        rss=$(awk '/^Rss(Anon|Shmem):/ { n += $2 } END { print n }' "$work/out")
        sample ours "$(mib "$rss")" MiB memory-init-own
        sample ours "$(xl list | awk '/domlet-m/ { print $3 }')" MiB memory-domain
        domlet delete --force "m$i"
    done
    grep -E '^(Vm|Rss)' "$work/out" >&2
}

# Neither xl nor a disk: only what the kernel itself does. Sets elapsed.
boot_once() { # KEY=VALUE…
    local name=boot$((++serial))
    make_xl "$name" "$@"
    xl create -q -p "$work/$name.cfg" >&2
    elapsed=$(await -u "$(xl domid "$name")" "$console/guest-$name.log" "$started")
    xl destroy "$name" 2>/dev/null || true # Debian's kernel has no gntalloc in it, so its init ends
}

# The peer is Debian's kernel as xl boots it when nobody chooses, and in
# boot-same-options with what domlet's template chooses.
measure_boot() {
    local i stock="kernel=\"$here/vmlinuz\""
    for ((i = 0; i < runs; i++)); do
        boot_once
        sample ours "$(ms "$elapsed")" ms
        sample ours "$(ms "$elapsed")" ms boot-same-options
        boot_once "$stock" 'tsc_mode="default"' 'extra="console=hvc0 loglevel=3 panic=-1"'
        sample peer "$(ms "$elapsed")" ms
        boot_once "$stock"
        sample peer "$(ms "$elapsed")" ms boot-same-options
    done
}

# Counted by xentrace: what the domain makes Xen do until its init runs: exits of
# PVH; hypercalls and emulated operations of PV.
measure_boot_exits() {
    local i name domid tracer mode=
    [[ $type == pv ]] || mode=--svm-mode
    for ((i = 0; i < runs; i++)); do
        name=exits$i
        make_xl "$name" "ramdisk=\"$here/first.cpio\""
        xl create -q -p "$work/$name.cfg" >&2
        domid=$(xl domid "$name")
        xentrace -D -e all -S 8192 "$work/trace" >&2 &
        tracer=$!
        sleep 1
        await -u "$domid" "$console/guest-$name.log" "$started" >&2
        sleep 0.2
        kill "$tracer"
        wait "$tracer" || true
        xl destroy "$name"
        # shellcheck disable=SC2086 # no mode, no argument
        xenalyze $mode --summary "$work/trace" >"$work/summary" 2>"$work/xenalyze.err" || cat "$work/xenalyze.err" >&2
        rm "$work/trace"
        awk -v domain="|-- Domain $domid --|" '
            /^\|-- Domain/ { ours = $0 == domain }
            ours && /^ VMEXIT_/ { n += $2 }
            ours && /^  (hypercall|forced_invalid_op|ptwr)  *[0-9]+$/ { n += $2 }
            ours && /^  emulate privop / { n += $3 }
            END { print n + 0 }' "$work/summary" >"$work/exits"
        sample ours "$(<"$work/exits")" exits
        [[ $(<"$work/exits") -gt 0 ]]
    done
}

ring_domain() { # NAME ARGUMENTS-OF-INIT: sets domid
    make_xl "$1" "ramdisk=\"$here/ring.cpio\"" memory=64 "extra=\"console=hvc0 quiet panic=-1 noreplace-smp -- $2\""
    xl create -q "$work/$1.cfg" >&2
    domid=$(xl domid "$1")
}

ring_samples() {
    local name side value unit
    while read -r name side value unit; do sample "$side" "$value" "$unit" "$name"; done
}

measure_ring() {
    local domid
    ring_domain ring time
    timeout 200 "$work/bench-ring-host" time "$domid" "$((runs < 9 ? 9 : runs))" | ring_samples
    xl destroy ring
    ring_domain count count
    timeout 60 "$work/bench-ring-host" count "$domid" 2 | ring_samples
    xl destroy count
}

# Through the whole product: 256 MiB in blocks of a MiB to standard output.
measure_stdout() {
    local i t0 n
    make_bundle "$work/o" dd if=/dev/zero bs=1M count=256
    for ((i = 0; i < runs; i++)); do
        mkfifo "$work/fifo"
        wc -c <"$work/fifo" >"$work/count" &
        n=$!
        domlet create -b "$work/o" "o$i" >"$work/fifo" 2>/dev/null </dev/null
        t0=$(now_us)
        domlet start "o$i"
        wait "$n"
        elapsed=$(($(now_us) - t0))
        [[ $(<"$work/count") == 268435456 ]]
        sample ours "$(awk -v us="$elapsed" 'BEGIN { printf "%.1f", 256e6 / us }')" MiB/s
        domlet delete --force "o$i"
        rm "$work/fifo"
    done
}

# One line a request in the C xenstored's trace; chunks of the configuration
# are counted apart, both where they are written and where they are read.
requests() { # FROM-LINE
    tail -n "+$(($1 + 1))" "$work/xenstored.log" | grep -a ' IN \|^IN ' >"$work/requests" || true
    chunks=$(grep -ac '/chunk' "$work/requests" || true)
    count=$(($(wc -l <"$work/requests") - chunks))
}

lines() { wc -l <"$work/xenstored.log"; }

measure_create_xenstore() {
    local i from name
    : >"$work/xenstored.log"
    xenstore-control logfile "$work/xenstored.log" >&2
    xenstore-control log on >&2
    make_bundle "$work/true" true
    domlet run -b "$work/true" warm
    for ((i = 0; i < runs; i++)); do
        from=$(lines)
        domlet run -b "$work/true" "x$i"
        requests "$from"
        sample ours "$count" requests
        sample ours "$chunks" requests create-xenstore-chunks
        cp "$work/requests" "$here/requests.$type.ours"
        name=store$i
        make_xl "$name"
        from=$(lines)
        await "$console/guest-$name.log" "domlet-init: ring ready" >/dev/null &
        xl create -q "$work/$name.cfg" >&2
        wait $!
        xl destroy "$name"
        requests "$from"
        sample peer "$count" requests
        cp "$work/requests" "$here/requests.$type.peer"
    done
}

# Two runtimes in turn, after once each, which fills caches.
measure_pair() { # OURS PEER: functions that take a number
    local i
    "$1" warm
    "$2" warm
    for ((i = 0; i < runs; i++)); do
        timed "$1" "$i"
        sample ours "$(ms "$elapsed")" ms
        timed "$2" "$i"
        sample peer "$(ms "$elapsed")" ms
    done
}

# What `domlet --debug` said of one run: a sample for each part; at is where
# the last one ends.
sample_parts() { # FILE PREFIX
    local name part end
    while read -r name part end; do
        sample ours "$part" ms "$2$name"
        at=$end
    done < <(awk '/ ms / {
        for (i = 1; i < NF; i++) if ($(i + 1) == "ms") { print $(i + 2), $i - last, $i; last = $i } }' "$1")
}

measure_cold_vs_runc() {
    local at=0
    make_bundle "$work/true" true
    ours() { domlet run -b "$work/true" "cold$1"; }
    peer() { runc run -b "$work/true" "runc$1"; }
    measure_pair ours peer
    domlet --debug run -b "$work/true" phases 2>"$work/phases"
    sample_parts "$work/phases" part-
}

measure_exec() {
    make_bundle "$work/sleep" sleep 10000
    domlet create -b "$work/sleep" ours </dev/null >/dev/null 2>&1
    domlet start ours
    runc run -d -b "$work/sleep" peer </dev/null >/dev/null 2>&1
    ours() { domlet exec ours true; }
    peer() { runc exec peer true; }
    measure_pair ours peer
    domlet delete --force ours
    runc delete --force peer
}

# A container that joins the ipc and uts namespaces of one that runs, from the call to its end.
measure_member_run() {
    local name
    make_bundle "$work/sleep" sleep 10000
    domlet create -b "$work/sleep" --pid-file "$work/ours.pid" ours </dev/null >/dev/null 2>&1
    domlet start ours
    runc run -d -b "$work/sleep" --pid-file "$work/peer.pid" peer </dev/null >/dev/null 2>&1
    for name in ours peer; do
        make_bundle "$work/member-$name" true
        edit "$work/member-$name" '.linux.namespaces |= map(if .type == "ipc" or .type == "uts"
            then .path = "/proc/\($pid)/ns/\(.type)" else . end)' --arg pid "$(<"$work/$name.pid")"
    done
    ours() { domlet run -b "$work/member-ours" "member$1"; }
    peer() { runc run -b "$work/member-peer" "peer$1"; }
    measure_pair ours peer
    domlet --debug run -b "$work/member-ours" phases >&2
    domlet delete --force ours
    runc delete --force peer
}

measure_docker_run() {
    local at=0 whole
    choose_type "$type"
    ours() { "${docker_run[@]}" domlet --rm busybox true; }
    peer() { "${docker_run[@]}" runc --rm busybox true; }
    measure_pair ours peer
    # The parts of one run: what domlet says on the container's stderr. What is
    # before and after its own time is the engine's.
    jq '.runtimes["domlet-debug"] = { path: "/usr/bin/domlet", runtimeArgs: ["--debug"] }' /etc/docker/daemon.json >"$work/daemon.json"
    cp "$work/daemon.json" /etc/docker/daemon.json
    kill -HUP "$(pgrep -x dockerd)"
    sleep 2
    timed "${docker_run[@]}" domlet-debug --rm busybox true 2>"$work/phases"
    whole=$(ms "$elapsed")
    cat "$work/phases" >&2
    sample_parts "$work/phases" docker-run-part-
    sample ours "$(awk -v a="$whole" -v b="$at" 'BEGIN { print a - b }')" ms docker-run-part-engine
}

measure_docker_exec() {
    choose_type "$type"
    "${docker_run[@]}" domlet -d --name ours busybox sleep 10000
    "${docker_run[@]}" runc -d --name peer busybox sleep 10000
    ours() { docker exec ours true; }
    peer() { docker exec peer true; }
    measure_pair ours peer
    docker rm -f ours peer
}

# A directory of dom0's that is bound: what a program in the container waits for, in its own clock's hundredths of a
# second. Each run has a tree that it hasn't seen; dom0's cache has it.
files_script='
now() { read -r t _ </proc/uptime; t=${t%.*}${t#*.}; }
part() { name=$1; shift; now; from=$t; "$@" >/dev/null 2>&1; now; echo "$name $((t - from))"; }
all() { find /d/tree -type f -exec cat {} +; }
create() { mkdir /d/new; i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo some content >/d/new/$i; done; }
part files-read all
part files-again all
part files-stat ls -lR /d/tree
part files-create create
part files-unlink rm -r /d/new
part files-tar tar cf /dev/null /d/tree
part files-cold cat /d/large
part files-write dd if=/dev/zero of=/d/written bs=1M count=32'
measure_files() {
    local i side name value
    make_bundle "$work/files" sh -c "$files_script"
    for name in find ls mkdir rm tar; do ln -sf busybox "$work/files/rootfs/bin/$name"; done
    edit "$work/files" '.mounts += [{destination: "/d", type: "bind", source: $from, options: ["rbind"]}]' --arg from "$work/source"
    for ((i = 0; i < runs; i++)); do
        for side in ours peer; do
            rm -rf "$work/source"
            mkdir -p "$work/source/tree"
            (cd "$work/source/tree" && for d in {1..20}; do mkdir "$d" && for f in {1..25}; do head -c 4000 /dev/urandom >"$d/$f"; done; done)
            head -c 32M /dev/urandom >"$work/source/large"
            if [[ $side == ours ]]; then domlet run -b "$work/files" "files$i"; else runc run -b "$work/files" "files$i"; fi >"$work/parts" </dev/null
            while read -r name value; do sample "$side" "$value" cs "$name"; done <"$work/parts"
        done
    done
}

"measure_${figure//-/_}"
