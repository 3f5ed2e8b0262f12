#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/install.sh DOMLET SOURCE_ROOT
#
# install and uninstall, of domlet itself and with a template, and what doctor
# says of it: on a host of the test's own, with programs that stand for the
# engines. Needs root, for mounts that nobody else sees.
set -euo pipefail
[[ $EUID == 0 ]] || exit 77
[[ ${INSTALL_SH_INSIDE-} ]] || INSTALL_SH_INSIDE=1 exec unshare --mount -- bash "$0" "$(readlink -f "$1")" "$2"
domlet=$1
fail() { echo "install.sh: $*" >&2 && exit 1; }

tmp=$(mktemp -d)
trap 'umount -R "$tmp"; rmdir "$tmp"' EXIT
mount -t tmpfs host "$tmp"
for dir in /usr/bin /usr/sbin /etc /var/lib; do
    mkdir -p "$tmp/upper$dir" "$tmp/work$dir"
    mount -t overlay -o "lowerdir=$dir,upperdir=$tmp/upper$dir,workdir=$tmp/work$dir" overlay "$dir" || exit 77
done
rm -rf /etc/docker /etc/containers /etc/containerd /etc/domlet /var/lib/domlet
mkdir -p /etc/domlet
for program in /usr/sbin/dockerd /usr/bin/podman /usr/bin/containerd; do
    rm -f "$program"
    # shellcheck disable=SC2016 # for that shell
    printf '#!/bin/sh\ncat "$2"\n' >"$program" # as of "containerd --config FILE config dump"
    chmod +x "$program"
done
# That an output ends without a newline is no reason to look behind its end.
# shellcheck disable=SC2016 # for that script to expand
printf '#!/bin/sh\ntr "\\n" " " <"$2"\n' >/usr/bin/containerd
printf 'kernel = "/x"\n' >/etc/domlet/small.cfg
ours='docker podman containerd'
files=(/etc/docker/daemon.json /etc/containers/containers.conf.d/domlet.conf /etc/containerd/config.toml)
wrapper=/var/lib/domlet/runtimes/domlet-small

doctor() { "$domlet" doctor 2>/dev/null || true; }
says() { grep -qF -- "$1" <<<"$(doctor)" || fail "doctor does not say \"$1\" but: $(doctor)"; }

for engine in $ours; do "$domlet" --template small install "$engine" >"$tmp/said" || fail "install $engine"; done
grep -qx "then: ctr run --rm --runc-binary $wrapper IMAGE ID COMMAND" "$tmp/said" || fail "ctr's way is not said: $(<"$tmp/said")"
for engine in $ours; do "$domlet" install "$engine" >/dev/null || fail "install $engine"; done
for engine in $ours; do "$domlet" --template small install "$engine" >"$tmp/said" && grep -q 'registered already' "$tmp/said"; done
says "ok    docker runs $domlet as its runtime \"domlet-small\""
says "ok    docker runs $domlet as its runtime \"domlet\""
says "ok    podman runs $wrapper as its runtime \"domlet-small\""
says "ok    containerd runs $domlet as its runtime \"domlet\""
# Arguments, of whatever characters, come through the program with the template before them.
"$wrapper" --root "$tmp/a 'b'" list >/dev/null || fail "the program $wrapper does not run domlet"
! "$wrapper" --template ../x list 2>/dev/null || fail "what comes later is not read"
grep -qx "exec '$domlet' --template small \"\$@\"" "$wrapper" || fail "$wrapper gives no template: $(<"$wrapper")"

rm /etc/domlet/small.cfg
says 'FAIL  docker runs '
says 'there is no template small.cfg'
! "$domlet" --template small install docker 2>"$tmp/said" >&2 || fail "a template that isn't there is registered"
! "$domlet" --template 'a.b' install docker 2>"$tmp/said" >&2 || fail "a name that is no word is registered"
grep -q "can't be named after the template" "$tmp/said" || fail "of a name that is no word is said: $(<"$tmp/said")"

"$domlet" --template small uninstall podman >/dev/null
[[ -e $wrapper ]] || fail "containerd's program is gone"
"$domlet" --template small uninstall containerd >/dev/null
[[ ! -e $wrapper ]] || fail "a program that nobody runs is left"
"$domlet" --template small uninstall docker >/dev/null
! grep -q domlet-small "${files[@]}" || fail "uninstall has left: $(grep domlet-small "${files[@]}")"
says "ok    docker runs $domlet as its runtime \"domlet\""
for engine in $ours; do "$domlet" uninstall "$engine" >/dev/null; done
[[ ! -e ${files[1]} && ! -e ${files[2]} ]] || fail "files are left"
