# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# For lib.bash here and in ../e2e-engines: waiting, and what a test's end is.
# Whoever loads this says in leaks() what of a container's is left; it fails when
# it can't look.

# Waits up to SECONDS for a command to succeed.
eventually() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

# The end of a test that takes longer than BATS_TEST_TIMEOUT, in the place of
# bats' own (1.8.2), which sends SIGTERM to the children of the test's shell and
# then waits for whoever ignores it, or holds a pipe that the shell reads. What
# descends from the shell is killed, but for the process that does it, and for
# daemons: those have a session of their own.
bats_kill_childprocesses_of() { # PID
    local self=$BASHPID all=() level=("$1")
    while mapfile -t level < <(pgrep -s 0 -P "$(IFS=, && echo "${level[*]}")" | grep -vx "$self") && ((${#level[@]})); do
        all+=("${level[@]}")
    done
    kill -9 "${all[@]}" 2>/dev/null || true
}

# A search, for which to find nothing is no failure.
no_match() { # COMMAND…, which ends with 1 then: grep, pgrep
    "$@" || [[ $? -eq 1 ]]
}

no_leaks() {
    local left end=$((SECONDS + ${LEAKS_S:-60})) what
    # Where the shell was in a "wait", bats was here before it had killed anyone.
    [[ ! ${BATS_TIMED_OUT-} ]] || bats_kill_childprocesses_of "$$"
    [[ ${BATS_TEST_COMPLETED-} || " ${FUNCNAME[*]} " != *' teardown '* ]] || suspect_emulator
    while :; do
        what='left behind'
        left=$(set -o pipefail && leaks 2>&1) || what="can't look for what is left"
        [[ $left || $what != 'left behind' ]] || return 0
        ((SECONDS < end)) || break
        sleep 0.2
    done
    printf '%s:\n%s\n' "$what" "$left"
    return 1
}

# On the processor that QEMU emulates, a PVH domain ends by a triple fault once in
# some hundred starts, and nobody has seen it on another. One way to it, found by
# reading and not proved: when QEMU 7.2 injects an interrupt (SVM_EVTINJ_TYPE_INTR
# in its svm_helper.c) it leaves the vector in exception_index, and if its
# processor is asked to stop just then, the guest gets the interrupt a second
# time, whatever it is at. So a test that failed in the lab while Xen reported
# such an end is tried again, twice at most as one test may start twenty domains,
# and says so. On a real host nothing is.
suspect_emulator() {
    local seen=$BATS_RUN_TMPDIR/triple-fault last # with its domain's number
    [[ -e /lab/command ]] || return 0
    last=$(xl dmesg | grep 'Triple fault' | tail -n 1)
    [[ $last != "$(cat "$seen" 2>/dev/null)" ]] || return 0
    echo "$last" >"$seen"
    [[ $last ]] || return 0
    # shellcheck disable=SC2034 # bats reads it
    BATS_TEST_RETRIES=2
    {
        echo "# tried again: Xen reports the triple fault of a domain under \"$BATS_TEST_DESCRIPTION\":"
        xl dmesg | grep -A 8 'Triple fault' | tail -n 9 | sed 's/^/#   /'
    } >&3
    domlet list --quiet | xargs -rn 1 domlet delete --force
}
