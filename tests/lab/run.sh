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
tty=false template=()
[[ $type == auto ]] || template=(--template "$type")

edit() { # JQ PROGRAM and options
    local program=$1
    shift
    jq "$program" "$bundle/config.json" "$@" >"$bundle/new"
    mv "$bundle/new" "$bundle/config.json"
}

make_rootfs() {
    mkdir -p "$bundle"/rootfs/{bin,etc,proc,sys,dev,tmp,root}
    cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"
    # One program for some 270 links: to start one takes long on an emulated processor.
    busybox --list | (cd "$bundle/rootfs/bin" && perl -lne 'symlink "busybox", $_')
    echo root:x:0:0:root:/root:/bin/sh >"$bundle/rootfs/etc/passwd"
}

make_bundle() { # ARGS…: the container's command
    rm -f "$bundle/config.json"
    (cd "$bundle" && domlet spec)
    # shellcheck disable=SC2016 # jq's
    edit '.process.args = $ARGS.positional | .process.terminal = $tty' --argjson tty "$tty" --args -- "$@"
}

# Of demo-sleep, which runs.
show_round_trip() {
    local node i=0
    node=/local/domain/$(xl list | awk '/^domlet-demo-sleep/ { print $2 }')/domlet/container/0
    while xenstore-exists "$node/chunk/$i"; do
        xenstore-read -R "$node/chunk/$i"
        i=$((i + 1))
    done >"$bundle/document"
    jq -r '"config.json:          hostname \(.hostname), \(.process.env[-1])"' "$bundle/config.json"
    echo "dom0 says to expect:  $(xenstore-read "$node/length") bytes, sha256 $(xenstore-read "$node/sha256")"
    echo "xenstore holds:       $(stat -c %s "$bundle/document") bytes, sha256 $(sha256sum <"$bundle/document" | cut -d ' ' -f 1)"
    # shellcheck disable=SC2016 # for the shell inside
    echo "the container has:    $(domlet exec demo-sleep sh -c 'echo "hostname $(hostname), GREETING=$GREETING"')"
}

demonstrate() {
    local emulated=''
    if [[ -e /lab/command ]]; then # this is the lab
        emulated=' (this machine is emulated, 20 to 50 times slower than a real one)'
    fi
    echo "dom0's kernel:     $(uname -r)"
    make_bundle uname -r
    echo "the guest's kernel: $(domlet "${template[@]}" run -b "$bundle" demo-uname)"
    echo
    echo "A container that sleeps, while dom0 looks (xl list):"
    make_bundle sleep 1000
    edit '.hostname = "parcel" | .process.env += ["GREETING=hello"]'
    trap 'domlet delete --force demo-sleep; rm -rf "$bundle"' EXIT
    domlet "${template[@]}" run --detach -b "$bundle" demo-sleep </dev/null
    xl list
    echo
    echo "The way of its configuration, through xenstore into the guest:"
    show_round_trip
    domlet delete --force demo-sleep
    echo
    echo "How long each phase took$emulated:"
    make_bundle true
    domlet "${template[@]}" --debug run -b "$bundle" demo-phases
    echo
    echo "Afterwards:"
    xl list
    echo
    if [[ $emulated ]]; then
        echo "The same from docker, with a real dockerd in this lab:"
        echo "./dev lab --engines -- docker run --rm --runtime=domlet busybox ip addr"
    else
        echo "The same from docker:"
        echo "domlet install docker; docker run --rm --runtime=domlet busybox ip addr"
    fi
}

make_rootfs
if (($#)); then
    [[ ! -t 0 || ! -t 1 ]] || tty=true
    make_bundle "$@"
    domlet "${template[@]}" run -b "$bundle" "run-$$"
else
    demonstrate
fi
