#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/completion.sh DOMLET SOURCE_ROOT
#
# What bash completion offers, word by word.
set -euo pipefail
program=$1
# shellcheck source=toolstack/cli/completion.bash
. "$2/toolstack/cli/completion.bash"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Stands for the program: each help is asked for once only, as starting it again
# and again takes long on a busy machine.
domlet() {
    local file="$dir/help:$1"
    case $* in
    *list*-q*) "$program" "$@" ;;
    *)
        [[ -e $file ]] || "$program" "$@" >"$file" 2>/dev/null || true
        printf '%s\n' "$(<"$file")"
        ;;
    esac
}

expect() { # OFFERED WORD…, the last one being typed
    local wanted=$1 got
    shift
    COMP_WORDS=(domlet "$@") COMP_CWORD=$#
    _domlet
    got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
    [[ $got == "$wanted" ]] || { echo "completion.sh: after \"$*\": \"$got\", not \"$wanted\"" >&2 && exit 1; }
}

for id in web-1 web-2 db; do
    mkdir -p "$dir/root/$id"
    cat >"$dir/root/$id/domlet.json" <<JSON
{"version":2,"id":"$id","status":"stopped","bundle":"/b","rootfs":"/b/rootfs","annotations":"{}","ociVersion":"1.0.2",
 "cgroup":null,"hooks":null,"image":null,"proxyPid":0,"proxyStart":0,"monitorPid":0,"monitorStart":0,"domain":"","number":0,"generation":0,
 "type":"pv","created":"","exitCode":0}
JSON
done
[[ $("$program" --root "$dir/root" list -q | wc -l) == 3 ]] || { echo "completion.sh: the records made here are not listed" >&2 && exit 1; }
mkdir -p "$dir/bundle a" && touch "$dir/file"

expect "delete doctor" d
expect "--log --log-format --log-level" --log
expect "--detach" run --de
expect "list" --debug --log "$dir/file" li
expect "db web-1 web-2" --root "$dir/root" kill ""
expect "web-1 web-2" --root = "$dir/root" state web
expect "SIGKILL" --root "$dir/root" kill web-1 SIGKI
expect "" run ""
expect "$dir/bundle a" run -b "$dir/b"
expect "$dir/bundle a" spec --bundle = "$dir/bu"
expect "json table" list --format ""
expect "state" help stat
expect "containerd docker podman" install ""
expect "" nonsense ""
