# SPDX-License-Identifier: GPL-2.0-or-later
# Who is killed when a phase is reached that `domlet --debug` shows, and what
# must be true then. For faults.bats and long/faults.bats. Delays are those of an
# emulated processor; what takes long there is twenty times faster on the stand-in.

delay() { # SECONDS
    if [[ ${DOMLET_PLACE-} == standin ]]; then
        sleep "$(awk -v "s=$1" 'BEGIN { print s / 20 }')"
    else
        sleep "$1"
    fi
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

state_field() { # NAME: a number of the container's record, or else of its domain's
    local text
    text=$(cat /run/domlet/c1/domlet.json /run/domlet-domains/*/domlet.json 2>/dev/null) || [[ $text ]] || return
    [[ $text =~ \"$1\":([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# The command is the first in the monitor's place, until there is one, and a
# proxy, too. Nothing is printed when the container was gone before that.
monitor_pid() {
    local found
    for _ in {1..2000}; do
        found=$(state_field monitorPid)
        [[ $found != "$pid" && $found != 0 ]] || { sleep 0.01 && continue; }
        echo "$found"
        return
    done
    return 1
}

has_monitor() {
    [ "$(monitor_pid)" ]
}

proxy_pid() {
    local found
    monitor_pid >/dev/null
    found=$(state_field proxyPid)
    ((found > 1)) && echo "$found"
}

kill_caller() { # VERB PHASE [DELAY]
    echo "$*"
    begin "$1" "$2"
    delay "${3:-0}"
    kill -9 "$pid" 2>/dev/null || true
    status=0
    wait "$pid" || status=$?
    if [ "$status" -ne 0 ]; then
        [ "$status" -eq 137 ]
        eventually 90 decided
    fi
    # A create that has written its pid file is done, whether it ended or was killed.
    [[ $1 != create || $(status 2>/dev/null) != created ]] || domlet delete --force c1
    end
    no_leaks
}

# Without a monitor it is the next command that has it cleaned up, afterwards.
decided() {
    [[ $(status 2>/dev/null) != creating ]] && domlet list >/dev/null
}

kill_monitor() { # VERB PHASE [DELAY]
    local monitor
    echo "$*"
    begin "$1" "$2"
    monitor=$(monitor_pid)
    delay "${3:-0}"
    kill -9 "${monitor:?}"
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
    local proxy
    echo "$*"
    begin "$1" "$2"
    proxy=$(proxy_pid)
    delay "${3:-0}"
    kill -9 "$proxy"
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
    local domid
    echo "$*"
    begin "$1" "$2"
    delay "${3:-0}"
    domid=$(state_field domid)
    xl destroy "$domid" || { run xl list "$domid" && [ "$status" -ne 0 ]; } # the monitor was faster
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
    [[ ! ${4-} ]] || delay "$4"
    kill -s "$1" "$pid" || true
    if [[ $2 == create ]]; then
        # A container that create was faster to make holds what the command's end is known by.
        wait "$pid" || true
        if [[ $(status 2>/dev/null) == created ]]; then
            domlet delete --force c1
            end
            [ "$status" -eq 0 ] || [ "$3" == hello ]
            no_leaks
            return
        fi
    fi
    end
    [ "$status" -eq $((128 + $(kill -l "$1"))) ]
    [[ -z $rest ]] || ! grep -v '^domlet: *[0-9.]* ms ' <<<"$rest" || return 1
    no_leaks
}
