# SPDX-License-Identifier: GPL-2.0-or-later
# docker's networks: a container is what docker has made of its namespace, whoever talks to it.

# shellcheck disable=SC2016 # for shells inside

load lib

bats_require_minimum_version 1.5.0

teardown() {
    [[ ! -e $BATS_TEST_TMPDIR/server ]] || kill "$(<"$BATS_TEST_TMPDIR/server")" || true
    ip addr del 10.99.0.1/32 dev lo 2>/dev/null || true
    docker network rm n2 >/dev/null 2>&1 || true
    end_clean
}

serve='while :; do nc -l -p 7000 -e cat; done'

address() { # CONTAINER NETWORK
    docker inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"
}

# What is said to PORT of ADDRESS comes back.
echoes() { # ADDRESS PORT
    [ "$(echo hello | timeout 10 busybox nc -w 5 "$1" "$2")" = hello ]
}

# bats test_tags=brief
@test "docker run -p on the default bridge; network connect and disconnect" {
    local address
    docker run -d --name d2 --runtime runc busybox sh -c "$serve" >"$out"
    docker run -d --name d1 --runtime "$RUNTIME" -p 18080:7000 busybox sh -c "$serve" >"$out"
    address=$(address d1 bridge)
    docker exec d1 ip addr show eth0 >"$out"
    grep -qF "inet $address/16 " "$out"
    grep -qF "link/ether $(docker inspect -f '{{.NetworkSettings.MacAddress}}' d1) " "$out"
    run -0 docker exec d1 ip route
    [[ $output == *'default via 172.17.0.1 dev eth0'* ]]

    # From dom0 and back, a container of runc's and back, and by the published port.
    eventually 20 echoes "$address" 7000
    docker exec d1 ping -c 1 -w 10 172.17.0.1 >"$out"
    docker exec d1 ping -c 1 -w 10 "$(address d2 bridge)" >"$out"
    docker exec d2 ping -c 1 -w 10 "$address" >"$out"
    eventually 20 echoes 127.0.0.1 18080
    eventually 20 echoes 172.17.0.1 18080

    docker network create n2 >"$out"
    docker run -d --name d3 --network n2 --runtime runc busybox sleep 1000 >"$out"
    docker network connect n2 d1
    eventually 20 docker exec d1 ping -c 1 -w 5 d3 >"$out"
    eventually 20 eval 'docker exec d1 ip addr show eth1 2>/dev/null | grep -qF "inet $(address d1 n2)/16 "'
    eventually 20 echoes "$(address d1 n2)" 7000
    docker network disconnect n2 d1
    eventually 20 eval '! docker exec d1 ip link show eth1 >/dev/null 2>&1'
    echoes "$address" 7000
    docker rm -f d1 d2 d3 >"$out"
}

@test "docker's names in a network that a user has made: resolv.conf, hosts, other containers" {
    docker network create n2 >"$out"
    docker run -d --name d2 --network n2 --runtime runc busybox sh -c "$serve" >"$out"
    docker run -d --name d1 --network n2 --runtime "$RUNTIME" busybox sleep 1000 >"$out"
    docker exec d1 cat /etc/resolv.conf >"$out"
    has_line 'nameserver 127.0.0.11' "$out"
    docker exec d1 cat /etc/hosts >"$out"
    grep -q "^$(address d1 n2)" "$out"
    docker exec d1 ping -c 1 -w 20 d2 >"$out"
    grep -qF "PING d2 ($(address d2 n2))" "$out"
    docker rm -f d1 d2 >"$out"
}

# What dockerd doesn't know it asks in the container's namespace.
@test "names outside docker's networks, in a network that a user has made" {
    local i
    ip addr add 10.99.0.1/32 dev lo
    /usr/lib/domlet/tests/name-server 10.99.0.1 203.0.113.7 </dev/null >/dev/null 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/server"
    docker network create n2 >"$out"
    docker run -d --name d1 --network n2 --dns 10.99.0.1 --runtime "$RUNTIME" busybox sleep 1000 >"$out"
    docker exec d1 sh -c 'for i in 1 2 3 4 5 6 7 8; do ping -c 1 -w 1 "name$i.example" & done; wait' >"$out"
    for i in 1 2 3 4 5 6 7 8; do
        grep -qF "PING name$i.example (203.0.113.7)" "$out"
    done
    # The server by itself, by the container's own link.
    docker exec d1 nslookup own.example 10.99.0.1 >"$out"
    grep -q 'Address.*203\.0\.113\.7' "$out"
    docker exec d1 ping -c 1 -w 20 d1 >"$out"
    docker rm -f d1 >"$out"
    # One that may send in its own name alone sends.
    docker run --rm --name d1 --network n2 --dns 10.99.0.1 --cap-drop NET_RAW --runtime "$RUNTIME" busybox \
        sh -c 'nslookup own.example 10.99.0.1; ping -c 1 -w 10 10.99.0.1; ping -c 1 -w 1 another.example' >"$out" || true
    grep -q 'Address.*203\.0\.113\.7' "$out"
    grep -q '1 packets received' "$out"
    grep -qF 'PING another.example (203.0.113.7)' "$out"
}
