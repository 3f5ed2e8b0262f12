#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# In dom0: runs a command in a container made from Debian's busybox, with
# domlet run. run.sh TYPE [COMMAND…]; TYPE is pvh, pv or auto.
set -euo pipefail
type=$1
shift
bundle=$(mktemp -d /run/domlet-demo.XXXXXX)
trap 'rm -rf "$bundle"' EXIT

make_bundle() { # ARGS…: the container's command
    mkdir -p "$bundle"/rootfs/{bin,etc,proc,sys,dev,tmp,root}
    cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
    busybox --list | grep -vx busybox | while read -r name; do ln -sf busybox "$bundle/rootfs/bin/$name"; done
    echo root:x:0:0:root:/root:/bin/sh >"$bundle/rootfs/etc/passwd"
    rm -f "$bundle/config.json"
    (cd "$bundle" && domlet spec)
    local tty=false
    [[ ! -t 0 || ! -t 1 ]] || tty=true
    jq --arg type "$type" --argjson tty "$tty" \
        '.process.args = $ARGS.positional | .process.terminal = $tty
         | if $type == "auto" then . else .annotations["dev.domlet.type"] = $type end' \
        "$bundle/config.json" --args -- "$@" >"$bundle/new"
    mv "$bundle/new" "$bundle/config.json"
}

demonstrate() {
    echo "dom0's kernel:     $(uname -r)"
    make_bundle uname -r
    echo "the guest's kernel: $(domlet run -b "$bundle" demo-uname)"
    echo
    echo "A container that sleeps, while dom0 looks (xl list):"
    make_bundle sleep 4
    domlet run -b "$bundle" demo-sleep &
    sleep 3
    xl list
    wait
    echo
    echo "How long each phase took (this machine is emulated, 20 to 50 times slower than a real one):"
    make_bundle true
    domlet --debug run -b "$bundle" demo-phases
    echo
    echo "Afterwards:"
    xl list
    echo
    echo "The same from docker, with a real dockerd in this lab:"
    echo "./dev lab --engines -- docker run --rm --network none --runtime=domlet busybox uname -r"
}

if (($#)); then
    make_bundle "$@"
    domlet run -b "$bundle" "run-$$"
else
    demonstrate
fi
