# SPDX-License-Identifier: GPL-2.0-or-later
# podman's networks (netavark), containerd's by CNI, and docker's that aren't bridges of IPv4.

# shellcheck disable=SC2016 # for shells inside

load lib

bats_require_minimum_version 1.5.0

teardown() {
    podman network rm -f -t 0 n1 n2 >/dev/null 2>&1 || true
    docker network rm n6 mv >/dev/null 2>&1 || true
    ip link del e2e-parent 2>/dev/null || true
    end_clean
}

serve='while :; do nc -l -p 7000 -e cat; done'

# What is said to PORT of ADDRESS comes back.
echoes() { # ADDRESS PORT
    [ "$(echo hello | timeout 10 busybox nc -w 5 "$1" "$2")" = hello ]
}

address() { # CONTAINER NETWORK [FIELD]
    podman inspect -f "{{(index .NetworkSettings.Networks \"$2\").${3:-IPAddress}}}" "$1"
}

@test "podman run -p on its default network; network connect and disconnect; names" {
    local address
    podman --runtime "$RUNTIME" run -d --cap-add NET_RAW --name p1 -p 18081:7000 busybox sh -c "$serve" >"$out"
    address=$(address p1 podman)
    podman exec p1 ip addr show eth0 >"$out"
    grep -qF "inet $address/16 " "$out"
    grep -qF "link/ether $(address p1 podman MacAddress) " "$out"
    run -0 podman exec p1 ip route
    [[ $output == *"default via $(address p1 podman Gateway) dev eth0"* ]]
    eventually 20 echoes "$address" 7000
    eventually 20 echoes 127.0.0.1 18081
    podman exec p1 ping -c 1 -w 10 "$(address p1 podman Gateway)" >"$out"

    # Networks of the user's have names, which aardvark-dns answers for.
    podman network create n1 >"$out"
    podman --runtime runc run -d --name p2 --network n1 busybox sh -c "$serve" >"$out"
    podman --runtime "$RUNTIME" run -d --cap-add NET_RAW --name p3 --network n1 busybox sleep 1000 >"$out"
    eventually 20 eval 'podman exec p3 ping -c 1 -w 5 p2 >"$out"'
    grep -qF "PING p2 ($(address p2 n1))" "$out"
    podman network create n2 >"$out"
    podman network connect n2 p3
    eventually 20 eval 'podman exec p3 ip addr show eth1 2>/dev/null | grep -qF "inet $(address p3 n2)/"'
    podman network disconnect n2 p3
    eventually 20 eval '! podman exec p3 ip link show eth1 >/dev/null 2>&1'
    podman exec p3 ping -c 1 -w 10 p2 >"$out"
    podman rm -f -t 0 p1 p2 p3 >"$out"
}

@test "podman pod with a network: members have it, its port is published" {
    podman --runtime "$RUNTIME" pod create --name pod1 -p 18082:7000 >"$out"
    under_systemd || open_cgroup
    podman --runtime "$RUNTIME" run -d --pod pod1 --name p1 busybox sh -c "$serve" >"$out"
    podman --runtime "$RUNTIME" run -d --pod pod1 --name p2 busybox sleep 1000 >"$out"
    eventually 20 echoes 127.0.0.1 18082
    [ "$(podman exec p2 sh -c 'echo hello | nc -w 5 127.0.0.1 7000')" = hello ]
    podman pod rm -f -t 0 pod1 >"$out"
}

# As in pods.bats.
open_cgroup() {
    local dir
    dir=/sys/fs/cgroup$(podman pod inspect -f '{{.CgroupPath}}' pod1)
    rmdir "$dir"
    mkdir "$dir"
}

@test "ctr run --cni: containerd's bridge" {
    mkdir -p /etc/cni/net.d /opt/cni
    [ -e /opt/cni/bin ] || ln -s /usr/lib/cni /opt/cni/bin
    cat >/etc/cni/net.d/10-e2e.conflist <<'CNI'
{"cniVersion": "0.4.0", "name": "e2e", "plugins": [
    {"type": "bridge", "bridge": "e2e-cni", "isGateway": true, "ipMasq": false,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.98.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
CNI
    ctr run -d --cni --runc-binary "$(command -v "$RUNTIME")" docker.io/library/busybox:latest c1 sh -c "$serve"
    ctr tasks exec --exec-id e1 c1 ip addr show eth0 >"$out"
    grep -qF 'inet 10.98.0.' "$out"
    address=$(sed -n 's,.*inet \([0-9.]*\)/24 .*,\1,p' "$out")
    eventually 20 echoes "$address" 7000
    ctr tasks exec --exec-id e2 c1 ping -c 1 -w 10 10.98.0.1 >"$out"
    ctr tasks kill -s KILL c1
    eventually 10 eval 'ctr tasks ls | grep -q "^c1 .*STOPPED"'
    ctr tasks delete c1 || true
    ctr containers delete c1
    rm /etc/cni/net.d/10-e2e.conflist
    ip link del e2e-cni
}

link_address() { # CONTAINER
    docker exec "$1" ip -6 addr show eth0 | sed -n 's,.*inet6 \(fe80[^/]*\)/.*,\1,p'
}

@test "docker's networks with IPv6, and of macvlan" {
    local address
    docker network create --ipv6 --subnet fd00:e2e::/64 n6 >"$out"
    docker run -d --name d1 --network n6 --runtime "$RUNTIME" busybox sleep 1000 >"$out"
    address=$(docker inspect -f '{{.NetworkSettings.Networks.n6.GlobalIPv6Address}}' d1)
    docker exec d1 ip -6 addr show eth0 >"$out"
    grep -qF "inet6 $address/64 scope global" "$out"
    docker exec d1 ip -6 route >"$out"
    grep -q '^default via fd00:e2e::1 dev eth0' "$out"
    eventually 20 busybox ping -6 -c 1 -w 5 "$address" >"$out"
    docker exec d1 ping -6 -c 1 -w 10 fd00:e2e::1 >"$out"
    # Addresses of the links alone, to a container of runc's and back; and a group's.
    docker run -d --name d2 --network n6 --runtime runc busybox sleep 1000 >"$out"
    docker exec d1 ping -6 -c 1 -w 10 "$(link_address d2)%eth0" >"$out"
    docker exec d2 ping -6 -c 1 -w 10 "$(link_address d1)%eth0" >"$out"
    docker exec d1 ping -6 -c 1 -w 10 ff02::1%eth0 >"$out"
    docker rm -f d1 d2 >"$out"

    ip link add e2e-parent type dummy
    ip link set e2e-parent up
    docker network create -d macvlan --subnet 10.97.0.0/24 -o parent=e2e-parent mv >"$out"
    docker run -d --name d1 --network mv --runtime "$RUNTIME" busybox sleep 1000 >"$out"
    docker run -d --name d2 --network mv --runtime runc busybox sleep 1000 >"$out"
    docker exec d1 ping -c 1 -w 20 "$(docker inspect -f '{{.NetworkSettings.Networks.mv.IPAddress}}' d2)" >"$out"
    docker exec d1 ip link show eth0 >"$out"
    grep -qF "link/ether $(docker inspect -f '{{.NetworkSettings.Networks.mv.MacAddress}}' d1) " "$out"
    docker rm -f d1 d2 >"$out"
}
