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
pid=
trap '[[ ! $pid ]] || kill "$pid"; rm -rf "$dir"' EXIT

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
pid=$!
for _ in {1..50}; do [[ $(<"/proc/$pid/comm") != xenconsoled ]] || break; sleep 0.1; done
printf '#!/bin/sh\n' >"$dir/mkfs.erofs"
chmod +x "$dir/mkfs.erofs"
PATH=$dir:$PATH says 'ok    xenconsoled' 'ok    mkfs.erofs'

[[ $EUID == 0 ]] || exit 0
mkdir "$dir/rootfs"
(cd "$dir" && "$domlet" spec)
sed -i 's/"ociVersion"/"annotations": {"dev.domlet.template": "absent"}, &/; s/"terminal": *true/"terminal": false/' "$dir/config.json"
said=$("$domlet" --root "$dir/state" create -b "$dir" c1 2>&1 || true)
[[ $said == *'no template absent.cfg, neither in /etc/domlet nor in /usr/share/domlet/xen-configs'* ]] ||
    fail "of a missing template is said: $said"
[[ -z $(ls "$dir/state") ]] || fail "a container is left of it"
