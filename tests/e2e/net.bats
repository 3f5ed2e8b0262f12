# SPDX-License-Identifier: GPL-2.0-or-later
# A container with a network that somebody has made in its namespace in dom0. What needs a vif of
# Xen's is tagged xen.

load lib

setup() {
    bats_require_minimum_version 1.5.0
}

teardown() {
    [[ ! -e $BATS_TEST_TMPDIR/server ]] || kill "$(<"$BATS_TEST_TMPDIR/server")" || true
    domlet delete --force c1
    ip netns del e2e-net 2>/dev/null || true
    ip link del host0 2>/dev/null || true
    ip link del host1 2>/dev/null || true
    no_leaks
}

# There is no other one in the lab's dom0.
ping() {
    busybox ping "$@"
}

# As an engine does it: a temporary name and a random MAC first.
make_link() { # NAMESPACE NAME THIRD [COMMANDS OF ip -batch]: 10.77.THIRD.2/24 in it, hostN with .1 here
    local host=host${2#eth}
    ip link add made type veth peer name "$host"
    ip link set made netns "$1"
    ip addr add "10.77.$3.1/24" dev "$host"
    ip link set "$host" up
    ip -n "$1" -batch - <<IP
link set made name $2
link set $2 address 02:42:0a:4d:0$3:02
addr add 10.77.$3.2/24 brd 10.77.$3.255 dev $2
${4-}
link set $2 up
IP
}

make_network_bundle() { # ARGS…
    make_bundle "$@"
    ln -sf busybox "$BUNDLE/rootfs/bin/ip"
    edit '(.linux.namespaces[] | select(.type == "network")).path = "/run/netns/e2e-net"'
    ip netns add e2e-net
}

# bats test_tags=dom0
@test "a vif and an engine's link in one namespace give all that they receive to each other" {
    /usr/lib/domlet/tests/net-splice
}

# bats test_tags=dom0
@test "answers to what the engine asks in a namespace come to the engine, and all others to the guest" {
    /usr/lib/domlet/tests/net-resolver
}

# bats test_tags=dom0
@test "a guest sends in its own name alone, as far as it is told to" {
    /usr/lib/domlet/tests/net-filter
}

# bats test_tags=xen,type
@test "links come and go while a container runs" {
    make_network_bundle sleep 1000
    make_link e2e-net eth0 1
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    ping -c 1 -w 5 10.77.1.2
    # It has neither CAP_NET_RAW nor CAP_NET_ADMIN, and may send in its own name alone.
    ip netns exec e2e-net tc filter show dev "vif$(domid).0" ingress >"$BATS_TEST_TMPDIR/filters"
    grep -q 'pref 50 .*domlet' "$BATS_TEST_TMPDIR/filters"
    make_link e2e-net eth1 2
    eventually 20 ping -c 1 -w 1 10.77.2.2
    ping -c 1 -w 5 10.77.1.2
    ip -n e2e-net addr add 10.77.2.3/24 dev eth1
    eventually 20 ping -c 1 -w 1 10.77.2.3
    ip link del host0
    eventually 20 sh -c '! domlet exec c1 ip link show eth0'
    ping -c 1 -w 5 10.77.2.2
    make_link e2e-net eth0 1
    eventually 20 ping -c 1 -w 1 10.77.1.2
    # libxl itself gives a guest ten seconds to let go of the old one, and the hotplug program forty.
    eventually 60 has_two_vifs || {
        xenstore-ls -f "/local/domain/0/backend/vif/$(domid)"
        false
    }
}

has_two_vifs() {
    [ "$(xenstore-list "/local/domain/0/backend/vif/$(domid)" | wc -w)" = 2 ]
}

domid() {
    xl list | awk '/domlet-c1/ { print $2 }'
}

# As Calico and others do it: an address of its own, and a router that is in no network of it.
# bats test_tags=xen
@test "a router that is reached by a neighbour entry, behind an address without a network" {
    make_network_bundle sleep 1000
    edit '.process.capabilities |= with_entries(.value += ["CAP_NET_RAW"])' # ping's
    ip link add made type veth peer name host0
    ip link set made netns e2e-net
    ip link set host0 address ee:ee:ee:ee:ee:ee up
    ip route add 10.213.5.2/32 dev host0
    ip addr add 10.214.0.1/32 dev host0
    ip -n e2e-net -batch - <<'IP'
link set made name eth0
link set eth0 address 02:42:0a:d5:05:02
addr add 10.213.5.2/32 dev eth0
link set eth0 up
neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
route add default via 169.254.1.1 dev eth0 onlink
IP
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    domlet exec c1 ip route >"$BATS_TEST_TMPDIR/out"
    grep -x 'default via 169.254.1.1 dev eth0 onlink *' "$BATS_TEST_TMPDIR/out"
    domlet exec c1 ip neigh >"$BATS_TEST_TMPDIR/out"
    grep -F '169.254.1.1 dev eth0 lladdr ee:ee:ee:ee:ee:ee' "$BATS_TEST_TMPDIR/out" | grep PERMANENT
    # From the guest by that router to an address that only the host has, and back.
    domlet exec c1 busybox ping -c 1 -w 5 10.214.0.1
    ping -c 1 -w 5 10.213.5.2
    domlet exec c1 ip neigh | grep PERMANENT
    # The same by a route to the router.
    ip -n e2e-net route del default
    ip -n e2e-net route add 169.254.1.1 dev eth0 scope link
    ip -n e2e-net route add default via 169.254.1.1 dev eth0
    eventually 20 sh -c 'domlet exec c1 ip route | grep -x "169.254.1.1 dev eth0 scope link *"'
    domlet exec c1 busybox ping -c 1 -w 5 10.214.0.1
}

# bats test_tags=xen
@test "a container whose network can't be had doesn't start" {
    make_network_bundle sleep 1000
    make_link e2e-net eth0 1
    ip -n e2e-net link add vif999.0 type veth peer name elsewhere
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    run -1 domlet start c1
    [[ $output == *"container c1 can't have its network: its network namespace is that of a container in another domain (vif999.0 is there)"* ]]
    wait_for_status stopped
}

@test "hosts and resolv.conf follow while the container runs, also by another file and when it was paused" {
    local dir=$BATS_TEST_TMPDIR/files name
    make_bundle sleep 1000
    mkdir "$dir"
    for name in hosts resolv.conf; do
        echo old >"$dir/$name"
        edit '.mounts += [{destination: "/etc/\($name)", type: "bind", source: $file, options: ["bind", "ro"]}]' \
            --arg name "$name" --arg file "$dir/$name"
    done
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    domlet exec c1 grep -qx old /etc/hosts
    echo new >"$dir/hosts"
    eventually 20 domlet exec c1 grep -qx new /etc/hosts
    domlet exec c1 grep -qx old /etc/resolv.conf
    echo longer than it was >"$dir/another"
    mv "$dir/another" "$dir/resolv.conf"
    eventually 20 domlet exec c1 grep -qx 'longer than it was' /etc/resolv.conf
    echo short >"$dir/resolv.conf"
    eventually 20 domlet exec c1 grep -qx short /etc/resolv.conf
    domlet pause c1
    echo paused >"$dir/hosts"
    sleep 0.3
    domlet resume c1
    eventually 20 domlet exec c1 grep -qx paused /etc/hosts
    domlet kill c1 KILL
    wait_for_status stopped
    domlet delete c1
}

# What listens at 127.0.0.11 is dockerd, which begins with that when a container comes to a network that a user has made.
@test "names come from the engine's resolver from when resolv.conf says so" {
    local file=$BATS_TEST_TMPDIR/resolv.conf
    make_network_bundle sleep 1000
    ln -sf busybox "$BUNDLE/rootfs/bin/nslookup"
    ln -sf busybox "$BUNDLE/rootfs/bin/timeout"
    echo 'nameserver 127.0.0.1' >"$file"
    edit '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: $file, options: ["bind", "ro"]}]' --arg file "$file"
    ip -n e2e-net link set lo up
    ip netns exec e2e-net /usr/lib/domlet/tests/name-server 127.0.0.11 203.0.113.7 </dev/null >/dev/null 2>&1 3>&- &
    echo $! >"$BATS_TEST_TMPDIR/server"
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    run domlet exec c1 timeout 2 nslookup a.example 127.0.0.11
    [[ $status -ne 0 && $output == *127.0.0.11* ]]
    echo 'nameserver 127.0.0.11' >"$file"
    eventually 20 resolves
    echo 'nameserver 127.0.0.11 ' >"$file" # no second time
    sleep 0.3
    resolves
}

resolves() {
    domlet exec c1 nslookup a.example | grep -qF 203.0.113.7
}

@test "hosts, hostname and resolv.conf are what they are at the start, also when they get shorter, and so are other files" {
    local name
    make_bundle sh -c 'cat /etc/hosts /etc/hostname /etc/resolv.conf /etc/other'
    mkdir "$BATS_TEST_TMPDIR/files"
    for name in hosts hostname resolv.conf other; do
        echo "the $name that was there when the create began" >"$BATS_TEST_TMPDIR/files/$name"
        edit '.mounts += [{destination: "/etc/\($name)", type: "bind", source: $file, options: ["bind", "ro"]}]' \
            --arg name "$name" --arg file "$BATS_TEST_TMPDIR/files/$name"
    done
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    for name in hosts hostname resolv.conf other; do
        echo "new $name" >"$BATS_TEST_TMPDIR/files/$name"
    done
    domlet start c1
    wait_for_status stopped
    diff - "$BATS_TEST_TMPDIR/out" <<'OUT'
new hosts
new hostname
new resolv.conf
new other
OUT
    domlet delete c1
}
