#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/lab/shutdown.sh RELEASE
#
# A dom0 with systemd is shut down while docker, podman and a unit have containers of
# domlet's, and docker one of runc's: each is told by SIGTERM, has its time to say so,
# and ends with a status of its own; nothing of domlet's is left. In TAP.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")

# Says so ten times over two seconds, so that who is cut short is seen.
# shellcheck disable=SC2016 # for the container's shell
obedient='trap "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; echo bye \$i; done; exit 3" TERM
echo ready; while :; do sleep 0.1; done'

# What systemd-shutdown runs when all units have ended and nothing but the root file
# system is left; dom0's console is in the lab's log.
at_the_end() {
    cat <<'END'
#!/bin/bash
{
    for dir in /var/lib/docker/containers/*; do
        name=$(jq -r '.Name' "$dir/config.v2.json")
        echo "end: docker ${name#/}: $(jq -r '"running \(.State.Running), status \(.State.ExitCode)"' "$dir/config.v2.json"), $(grep -c 'bye ' "$dir"/*-json.log) of 10"
    done
    for name in p1 u1; do
        echo "end: $name: $(grep -c 'bye ' "/var/log/$name") of 10"
    done
    echo "end: left: $(find /run/domlet /run/domlet-domains -mindepth 1 2>/dev/null | wc -l)"
} >/dev/hvc0
END
}

in_dom0() {
    local bundle=/root/u1 name
    mkdir -p /usr/lib/systemd/system-shutdown "$bundle"/rootfs/{bin,proc,sys,dev,tmp}
    at_the_end >/usr/lib/systemd/system-shutdown/lab
    chmod +x /usr/lib/systemd/system-shutdown/lab
    docker run -d --name d1 --network none --runtime domlet busybox sh -c "$obedient"
    docker run -d --name d2 --network none --runtime runc busybox sh -c "$obedient"
    podman --runtime domlet run -d --name p1 --network none --log-opt path=/var/log/p1 busybox sh -c "$obedient"
    cp /bin/busybox "$bundle/rootfs/bin/"
    for name in sh sleep echo; do ln -sf busybox "$bundle/rootfs/bin/$name"; done
    (cd $bundle && domlet spec && jq --arg text "$obedient" '.process.terminal = false | .process.args = ["sh", "-c", $text]' config.json >new && mv new config.json)
    systemd-run --quiet --unit=u1 -p StandardOutput=append:/var/log/u1 domlet run -b $bundle u1
    until docker logs d1 | grep -q ready && docker logs d2 | grep -q ready && grep -q ready /var/log/u1 && grep -q ready /var/log/p1; do
        sleep 0.5
    done
    xl list
    journalctl --flush
}

result() { # NUMBER NAME PATTERN
    if grep -qE "^(.*[^a-z])?end: $3" "$log"; then
        echo "ok $1 $2"
    else
        echo "not ok $1 $2"
        grep -E 'end: ' "$log" | sed 's/^/# /'
    fi
}

if [[ ${1-} == --dom0 ]]; then
    in_dom0
    exit
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
bash "$here/lab.sh" --debian "${1:?}" --engines --timeout 900 --log "$log" -- timeout 300 bash /lab/shutdown.sh --dom0 </dev/null >&2 || status=$?
echo "1..6"
if ((status)); then
    echo "not ok 1 the containers run (status $status)"
    tail -n 50 "$log" | sed 's/^/# /'
    exit 1
fi
echo "ok 1 the containers run"
result 2 "docker's container ends by SIGTERM when the host shuts down" 'docker d1: running false, status 3, 10 of 10'
result 3 "and so does runc's beside it" 'docker d2: running false, status 3, 10 of 10'
result 4 "and podman's" 'p1: 10 of 10'
result 5 "and a unit's" 'u1: 10 of 10'
result 6 "nothing of domlet's is left" 'left: 0'
