# SPDX-License-Identifier: GPL-2.0-or-later
# Whatever is killed, and whenever: a clear end, and nothing left behind.
# Each case names a phase that `domlet --debug` shows; DOMLET_LONG=1 takes all
# of them, and moments in between.

load lib

bats_require_minimum_version 1.5.0

phases=(planned image built unpaused ring hello created started)

teardown() {
    domlet delete --force c1 # when a test failed half-way
    no_leaks
}

# Starts `domlet --debug VERB` and returns when it shows PHASE. Its pid is
# $pid, the rest of what it says comes from $said.
begin() { # VERB PHASE
    local line
    exec {said}< <(exec env --default-signal=INT,TERM domlet --debug "$1" -b "$BUNDLE" c1 2>&1 >/dev/null </dev/null 3>&-)
    pid=$!
    while read -r -t 60 line <&"$said"; do
        [[ $line != *" ms $2" ]] || return 0
    done
    return 1
}

# The exit status in $status, what was said in $rest. It ends when the last
# who may speak is gone: the command and the monitor.
end() {
    status=0
    rest=$(timeout 60 cat <&"$said")
    exec {said}<&-
    wait "$pid" || status=$?
    echo "status $status: $rest"
}

state_field() { # NAME: a number of the state file
    local text
    text=$(cat /run/domlet/c1/domlet.json 2>/dev/null) || return
    [[ $text =~ \"$1\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# The command is the first in the monitor's place.
monitor_pid() {
    local i found
    for i in {1..200}; do
        found=$(state_field monitorPid)
        [[ -z $found || $found == "$pid" ]] || break
        sleep 0.01
    done
    echo "$found"
}

kill_caller() { # VERB PHASE [DELAY]
    echo "$*"
    begin "$1" "$2"
    sleep "${3:-0}"
    kill -9 "$pid"
    end
    [ "$status" -eq 137 ]
    # Without a monitor it is the next command that cleans up.
    domlet list >/dev/null
    no_leaks
}

kill_monitor() { # VERB PHASE [DELAY]
    local monitor
    echo "$*"
    begin "$1" "$2"
    monitor=$(monitor_pid)
    sleep "${3:-0}"
    kill -9 "$monitor"
    end
    if [ "$status" -eq 0 ]; then # create was faster: the next command cleans up
        domlet delete --force c1
    else
        [ "$status" -eq 1 ] || [ "$status" -eq 137 ]
        [[ $rest == *monitor* ]]
    fi
    no_leaks
}

kill_proxy() { # VERB PHASE [DELAY]
    echo "$*"
    begin "$1" "$2"
    monitor_pid >/dev/null
    sleep "${3:-0}"
    kill -9 "$(state_field proxyPid)"
    end
    if [ "$status" -eq 0 ]; then
        domlet delete c1
    else
        [ "$status" -eq 1 ] || [ "$status" -eq 137 ]
        [[ $status -eq 137 || $rest == *proxy* ]]
    fi
    no_leaks
}

destroy_domain() { # VERB PHASE [DELAY]
    echo "$*"
    begin "$1" "$2"
    sleep "${3:-0}"
    xl destroy "$(state_field domid)"
    if [[ $1 == create ]]; then # it may have been faster
        domlet delete --force c1
        end
    else
        end
        [ "$status" -eq 1 ] || [ "$status" -eq 137 ]
        [[ $rest == *'destroyed from outside'* ]]
    fi
    no_leaks
}

interrupt() { # SIGNAL VERB PHASE [DELAY]
    echo "$*"
    begin "$2" "$3"
    sleep "${4:-0}"
    kill -s "$1" "$pid"
    end
    [ "$status" -eq $((128 + $(kill -l "$1"))) ]
    ! grep -v '^domlet: *[0-9.]* ms ' <<<"$rest" || return 1
    no_leaks
}

@test "the caller is killed" {
    make_bundle sleep 1000
    kill_caller create planned
    kill_caller run image
    kill_caller create image 0.4
    kill_caller create unpaused
    kill_caller run hello
    kill_caller run started
}

@test "the monitor is killed" {
    make_bundle sleep 1000
    kill_monitor create image
    kill_monitor run image 0.4
    kill_monitor create built
    kill_monitor create ring
    kill_monitor run created
}

@test "the proxy is killed" {
    make_bundle sleep 1000
    kill_proxy create image
    kill_proxy create built
    kill_proxy run unpaused
    kill_proxy run started
}

@test "the domain is destroyed with xl" {
    make_bundle sleep 1000
    destroy_domain create built
    destroy_domain run unpaused
    destroy_domain create hello
    destroy_domain run started
}

@test "^C and SIGTERM" {
    make_bundle sleep 1000
    interrupt INT run planned
    interrupt INT create image
    interrupt TERM create image 0.4
    interrupt TERM run unpaused
    interrupt INT create hello
}

@test "at every phase" {
    [ "${DOMLET_LONG:-0}" = 1 ] || skip 'DOMLET_LONG=1 runs it'
    local phase i
    make_bundle sleep 1000
    for phase in "${phases[@]}"; do
        kill_caller run "$phase"
        [[ $phase == started ]] || kill_caller create "$phase"
        [[ $phase == planned ]] || kill_monitor run "$phase"
        [[ $phase == planned ]] || kill_proxy run "$phase"
        [[ $phase == planned || $phase == image ]] || destroy_domain run "$phase"
        [[ $phase == created || $phase == started ]] || interrupt INT run "$phase"
        [[ $phase == created || $phase == started ]] || interrupt TERM create "$phase"
    done
    RANDOM=1
    for i in {1..20}; do
        kill_caller create image "$(printf '1.%03d' $((RANDOM % 1000)))"
        kill_monitor create image "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
        kill_proxy create image "$(printf '%d.%03d' $((RANDOM % 2)) $((RANDOM % 1000)))"
    done
}
