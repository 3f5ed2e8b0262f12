# SPDX-License-Identifier: GPL-2.0-or-later
# Containers with a terminal: run -t on this one (script makes it), create
# with the engine's socket.

load lib

bats_require_minimum_version 1.5.0

setup() {
    tests=/usr/lib/domlet/tests
    [ -x "$tests/recvtty" ] || skip "no $tests/recvtty (the build has no tests)"
    make_bundle sh
    ln -sf busybox "$BUNDLE/rootfs/bin/stty"
    edit '.process.terminal = true'
    mkfifo "$BATS_TEST_TMPDIR/keys"
    exec {keys}<>"$BATS_TEST_TMPDIR/keys"
    screen=$BATS_TEST_TMPDIR/screen
    : >"$screen"
}

teardown() {
    domlet delete --force c1
    exec {keys}>&-
    no_leaks
}

is_shown() { # TEXT
    grep -qF -- "$1" "$screen"
}

shows() { # TEXT, sooner or later
    eventually 60 is_shown "$1" || {
        cat -A "$screen"
        return 1
    }
}

type_keys() { # TEXT with escapes
    printf "$1" >&"$keys"
}

# ash's read doesn't notice a signal that comes just before it sleeps: it would
# run the trap at the next key.
trap_shows() { # TEXT
    eventually 10 is_shown "$1" || type_keys '\r'
    shows "$1"
}

# `domlet run` on a terminal of 33 rows and 77 columns of its own; what is
# said around it shows that the terminal is as before.
run_on_terminal() {
    cat >"$BATS_TEST_TMPDIR/session" <<'SESSION'
stty rows 33 cols 77
echo "tty=$(tty)"
before=$(stty -g)
domlet run -b "$1" c1
echo "status=$?"
[ "$(stty -g)" != "$before" ] || echo terminal=restored
SESSION
    script -qfec "sh $BATS_TEST_TMPDIR/session $BUNDLE" /dev/null <"$BATS_TEST_TMPDIR/keys" >"$screen" 2>&1 3>&- &
    script_pid=$!
}

@test "run: size, resize, ^C, ^D, and the terminal as it was" {
    local tty
    # A signal interrupts the shell's read: an empty line more.
    edit '.process.args = ["sh", "-c", "trap \"stty size\" WINCH; trap \"echo interrupted\" INT; stty size; test -t 0 && test -t 1 && test -t 2 && echo is a terminal; while [ \"$line\" != end ]; do read -r line; echo \"got:$line:\"; done; cat; exit 7"]'
    run_on_terminal
    shows '33 77'
    shows 'is a terminal'
    tty=$(sed -n 's/^tty=\([^\r]*\).*/\1/p' "$screen")
    stty -F "$tty" rows 40 cols 100
    trap_shows '40 100'
    type_keys 'one\r'
    shows 'got:one:'
    type_keys '\003'
    trap_shows 'interrupted'
    type_keys 'end\r'
    shows 'got:end:'
    type_keys '\004'
    shows 'status=7'
    shows 'terminal=restored'
    wait "$script_pid"
    # Echoed once: by the guest's terminal, not by ours as well.
    [ "$(grep -c '^one' "$screen")" -eq 1 ]
}

@test "run: ^C ends a program that doesn't catch it, as everywhere" {
    edit '.process.args = ["sh", "-c", "echo ready; cat; echo never"]'
    run_on_terminal
    shows ready
    type_keys '\003'
    shows 'terminal=restored'
    ! grep -q never "$screen" || return 1
    wait "$script_pid"
}

@test "run: the terminal is restored when the domain is destroyed" {
    edit '.process.args = ["sh", "-c", "echo ready; exec sleep 1000"]'
    run_on_terminal
    shows ready
    xl destroy "$(xl list | awk '/domlet-c1/{print $1}')"
    shows 'destroyed from outside'
    shows 'status=137'
    shows 'terminal=restored'
    wait "$script_pid"
}

is_gone() {
    ! domlet state c1 >/dev/null 2>&1
}

@test "run: when the terminal hangs up, the guest's does" {
    edit '.process.args = ["sh", "-c", "trap \"\" HUP; stty raw -echo; echo ready; exec cat"]'
    run_on_terminal
    shows ready
    kill -9 "$script_pid"
    eventually 60 is_gone
}

@test "create with a console socket: output, size, input, hang-up" {
    local pid
    edit '.process.args = ["sh", "-c", "trap \"stty size\" WINCH; trap \"echo hup >&2; exit 0\" HUP; echo ready; while :; do read -r line && echo \"got:$line:\"; done"]
        | .process.consoleSize = {height: 20, width: 50}'
    "$tests/recvtty" "$BATS_TEST_TMPDIR/socket" <"$BATS_TEST_TMPDIR/keys" >"$screen" 2>&1 3>&- {keys}>&- &
    pid=$!
    while [[ ! -S $BATS_TEST_TMPDIR/socket ]]; do sleep 0.1; done
    # Callers wait for the end of this pipe.
    timeout 60 domlet create -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/socket" c1 </dev/null 2>&1 3>&- | cat
    domlet start c1
    shows ready
    kill -USR1 "$pid"
    trap_shows '40 100'
    type_keys 'x\r'
    shows 'got:x:'
    # The engine goes away: the program gets SIGHUP.
    kill -9 "$pid"
    wait_for_status stopped
}

@test "create of a terminal without a socket is refused" {
    run -1 domlet create -b "$BUNDLE" c1
    [[ $output == *'use --console-socket'* ]]
    run -1 domlet create -b "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/none" c1
    [[ $output == *"can't send the terminal to the console socket $BATS_TEST_TMPDIR/none"* ]]
}
