#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/host.sh DOMLET SOURCE_ROOT
#
# What is said of a host on which something is missing. Needs no Xen.
set -euo pipefail
domlet=$(readlink -f "$1")
fail() { echo "host.sh: $*" >&2 && exit 1; }
dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT

says() { # LINE…: doctor prints each, as patterns
    local got
    got=$("$domlet" doctor 2>/dev/null || true)
    for line; do
        grep -q "^$line" <<<"$got" || fail "doctor does not say \"$line\" but: $got"
    done
}
pgrep -x xenconsoled >/dev/null || says 'FAIL  xenconsoled, .*: service xen start'
cp "$(command -v sleep)" "$dir/xenconsoled"
"$dir/xenconsoled" 100 &
pids+=($!)
for _ in {1..50}; do [[ $(<"/proc/$!/comm") != xenconsoled ]] || break; sleep 0.1; done
printf '#!/bin/sh\n' >"$dir/mkfs.erofs"
chmod +x "$dir/mkfs.erofs"
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
time.sleep(100)' "$dir/xenstored" &
pids+=($!)
for _ in {1..50}; do [[ ! -S $dir/xenstored ]] || break; sleep 0.1; done
export XENSTORED_PATH=$dir/xenstored
PATH=$dir:$PATH says 'ok    xenconsoled' 'ok    mkfs.erofs' 'ok    xenstored answers'
kill "${pids[1]}"
wait "${pids[1]}" || true
# Its socket is there still. In a dom0 the kernel answers for the real one.
[[ -e /dev/xen/xenbus ]] || says 'FAIL  xenstored answers: service xen start'

# A caller's signals: none is ignored or blocked that domlet needs. It is looked
# at while it waits for room in its output.
python3 -c 'import os, re, signal, subprocess, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
r, w = os.pipe()
os.set_blocking(w, False)
try:
    while os.write(w, b"x" * 4096): pass
except BlockingIOError: pass
os.set_blocking(w, True)
p = subprocess.Popen([sys.argv[1], "--help"], stdout=w, restore_signals=False)
os.close(w)
for _ in range(100):
    time.sleep(0.05)
    if "pipe" in open(f"/proc/{p.pid}/wchan").read() or open(f"/proc/{p.pid}/stat").read().split()[2] == "S": break
status = dict(re.findall(r"^(Sig\w+):\t(\w+)$", open(f"/proc/{p.pid}/status").read(), re.M))
if int(status["SigIgn"], 16) >> signal.SIGCHLD - 1 & 1: sys.exit("SIGCHLD stays ignored")
if int(status["SigBlk"], 16): sys.exit("signals stay blocked: " + status["SigBlk"])
p.kill()' "$domlet" || fail "as its caller has it"

[[ $EUID == 0 ]] || exit 0

# udev's rule, in a mount namespace with folders of our own.
in_udev() { # RULES HIDDEN: what doctor says with udev running, RULES installed ("": none), and in its way an empty file, a link, a link to the images
    # shellcheck disable=SC2016 # for that shell to expand
    unshare -m bash -euc '
        mount -t tmpfs none /run && mkdir /run/udev && touch /run/udev/control
        for d in /etc/udev/rules.d /usr/lib/udev/rules.d; do
            [[ ! -d $d ]] || mount -t tmpfs none "$d"
        done
        [[ ! $1 ]] || { mkdir -p /run/udev/rules.d && cp "$1" /run/udev/rules.d/59-domlet.rules; }
        case $2 in
        empty | masked) mount -t tmpfs none /etc && mkdir -p /etc/udev/rules.d ;;&
        empty) : >/etc/udev/rules.d/59-domlet.rules ;;
        masked) ln -s /dev/null /etc/udev/rules.d/59-domlet.rules ;;
        linked) mount -t tmpfs none /var && mkdir -p /var/cache/domlet /var/big && ln -s /var/big /var/cache/domlet/images ;;
        esac
        "$3" doctor 2>/dev/null || true' bash "$1" "$2" "$domlet" | grep 'disks alone' || true
}
rules=$(readlink -f "$2")/toolstack/storage/59-domlet.rules
[[ $(in_udev "$rules" '') == 'ok    udev leaves'* ]] || fail "doctor does not take the rule for in force: $(in_udev "$rules" '')"
[[ $(in_udev '' '') == 'FAIL  udev leaves'*'install domlet whole'* ]] || fail "doctor does not miss the rule: $(in_udev '' '')"
[[ $(in_udev "$rules" masked) == 'FAIL  udev leaves'*'/etc/udev/rules.d/59-domlet.rules'* ]] ||
    fail "doctor does not see that the rule is masked: $(in_udev "$rules" masked)"
[[ $(in_udev "$rules" linked) == 'FAIL  udev leaves'*'a link leads to another'* ]] ||
    fail "doctor does not see that the images are elsewhere: $(in_udev "$rules" linked)"
[[ $(in_udev "$rules" empty) == 'FAIL  udev leaves'*'/etc/udev/rules.d/59-domlet.rules'* ]] ||
    fail "doctor does not see that the rule is hidden: $(in_udev "$rules" empty)"

# Which Xen runs, and for which domlet is built.
on_xen() { # MAJOR MINOR: what doctor says there
    # shellcheck disable=SC2016 # for that shell to expand
    unshare -m bash -euc 'mount -t tmpfs none /sys && mkdir -p /sys/hypervisor/version
        echo "$1" >/sys/hypervisor/version/major && echo "$2" >/sys/hypervisor/version/minor
        "$3" doctor 2>/dev/null || true' bash "$1" "$2" "$domlet" | grep 'for which domlet' || true
}
IFS=. read -r major minor _ < <("$domlet" --version | sed -n 's/^libxl: //p')
[[ $(on_xen "$major" "$minor") == "ok    Xen $major.$minor, "* ]] || fail "doctor does not know its own Xen: $(on_xen "$major" "$minor")"
[[ $(on_xen "$major" $((minor + 1))) == *"FAIL  Xen $major.$minor, "*"Xen $major.$((minor + 1)) runs: build"* ]] ||
    fail "doctor does not see that another Xen runs: $(on_xen "$major" $((minor + 1)))"
[[ $(on_xen $((major + 1)) "$minor") == 'FAIL  '* ]] || fail "doctor does not see that a Xen of another age runs"

mkdir "$dir/rootfs"
(cd "$dir" && "$domlet" spec)
sed -i 's/"terminal": *true/"terminal": false, "apparmorProfile": "docker-default"/' "$dir/config.json"
said=$("$domlet" --root "$dir/state" --template absent create -b "$dir" c1 2>&1 || true)
[[ $said == *'no template absent.cfg, neither in /etc/domlet nor in /usr/share/domlet/xen-configs'* ]] ||
    fail "of a missing template is said: $said"
[[ $(grep -c 'not applied in the guest of container c1: {"process.apparmorProfile":"docker-default"}$' <<<"$said") == 1 ]] ||
    fail "of a profile that isn't applied is said: $said"
[[ -z $(ls "$dir/state") ]] || fail "a container is left of it"
