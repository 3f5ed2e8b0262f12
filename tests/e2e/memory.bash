# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # for the shell inside and jq; bats sets output and lines
# A container uses what its limit promises, is granted what it only reserves, and
# beyond the limit its own control group kills, not the guest's kernel at its end
# (which counts no "oom" there), and nobody is told that there is no memory.

# What dd copies is a buffer of its own, which it touches from end to end; with
# count=0 it only has it.
memory_is_used() { # LIMIT USED, in MiB
    make_bundle sh -c 'use() { busybox dd if=/dev/zero of=/dev/null bs="$1" count="$2" 2>/tmp/said; echo "$1 $2: $?"; }
        use "$1" 1; use 64G 0; use "$2" 1
        busybox sed -n "s/^oom [1-9].*/its own/p; s/^oom_kill/killed/p" /sys/fs/cgroup/memory.events' sh "${2}M" "$(($1 + $1 / 16 + 16))M"
    edit '.linux.resources = {memory: {limit: $limit}}' --argjson limit "$(($1 << 20))"
    run -0 domlet run -b "$BUNDLE" c1
    [ "${lines[*]}" = "${2}M 1: 0 64G 0: 0 $(($1 + $1 / 16 + 16))M 1: 137 its own killed 1" ] || { echo "$output"; false; }
}
