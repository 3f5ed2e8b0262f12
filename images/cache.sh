# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Keeps what is slow to make (kernels, disk images) outside the tree, each under
# the hash of all that it was made from; and installs missing Debian packages.
# To be sourced. Standard output is left to the caller; progress goes to stderr.

cache_root=${DOMLET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/domlet}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# packages_need PACKAGE…: installs those that are missing, and says which.
packages_need() {
    local package missing=() log apt_lock
    for package; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    ((EUID == 0)) || die "missing Debian packages; as root: apt-get install ${missing[*]}"
    # One at a time: apt waits for some of its locks, not for all.
    mkdir -p "$cache_root"
    exec {apt_lock}>"$cache_root/apt.lock"
    flock "$apt_lock"
    say "installing Debian packages: ${missing[*]}"
    log=$(mktemp)
    if ! DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
        # The package lists may be absent or out of date.
        if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y --no-install-recommends \
            "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
            tail -n 20 "$log" >&2
            rm -f "$log"
            die "installing Debian packages failed"
        fi
    fi
    rm -f "$log"
    exec {apt_lock}>&-
}

# package_version PACKAGE: the version that apt-get would fetch now.
package_version() {
    local version
    version=$(apt-cache show --no-all-versions "$1" 2>/dev/null | awk '/^Version:/ { v = $2 } END { print v }' || true)
    if [[ ! $version ]]; then
        apt-get update >/dev/null 2>&1 </dev/null || true
        version=$(apt-cache show --no-all-versions "$1" 2>/dev/null | awk '/^Version:/ { v = $2 } END { print v }' || true)
    fi
    [[ $version ]] || die "the Debian package $1 is not to be had: is its release in apt's sources?"
    printf '%s\n' "$version"
}

# cache_key: a short hash of what comes on standard input.
cache_key() { sha256sum | cut -c1-16; }

# cache_make NAME KEY TITLE PROGRESS BUILDER [ARGUMENT…]
#
# Prints the path of NAME-KEY, which it has BUILDER make if it isn't there:
# called in an empty folder, with -e set and its output in a log, BUILDER leaves
# a file or folder called "out" there. PROGRESS LOG prints how far it has come.
# Several callers at once wait for the first.
cache_make() {
    local name=$1 key=$2 title=$3 progress=$4
    shift 4
    local out=$cache_root/$name-$key lock started=$SECONDS status=0
    if [[ ! -e $out ]]; then
        mkdir -p "$cache_root"
        exec {lock}>"$cache_root/$name.lock"
        if ! flock -n "$lock"; then
            say "$title: another process is making it, waiting"
            flock "$lock"
        fi
        if [[ ! -e $out ]]; then
            say "$title: not in $cache_root yet, making it"
            # Of one that was killed, as we hold the lock.
            rm -rf --one-file-system "$cache_root/.$name".??????
            cache_work=$(mktemp -d "$cache_root/.$name.XXXXXX")
            cache_log=$cache_root/$name.log
            (
                cd "$cache_work"
                set -eu
                "$@"
            ) >"$cache_log" 2>&1 </dev/null {lock}>&- &
            cache_builder=$!
            trap 'cache_abandon; exit 130' INT TERM
            cache_watch "$title" "$progress"
            wait "$cache_builder" || status=$?
            trap - INT TERM
            if ((status)) || [[ ! -e $cache_work/out ]]; then
                cache_builder=
                say "$title: failed; the end of $cache_log:"
                tail -n 25 "$cache_log" >&2
                cache_abandon
                exit 1
            fi
            mv -T "$cache_work/out" "$out"
            rm -rf "$cache_work"
            cache_prune "$name"
            say "$title: done in $((SECONDS - started)) s"
        fi
        exec {lock}>&-
    fi
    touch -c "$out"
    printf '%s\n' "$out"
}

# Says how far the builder has come, until it ends: every second on a terminal,
# every quarter of a minute in a log.
cache_watch() {
    local tick=0 line
    while kill -0 "$cache_builder" 2>/dev/null; do
        sleep 1
        ((++tick))
        line="$1: $tick s, $("$2" "$cache_log")"
        if [[ -t 2 ]]; then
            printf '\r\033[K%s' "${line:0:100}" >&2
        elif ((tick % 15 == 0)); then
            say "$line"
        fi
    done
    [[ ! -t 2 ]] || printf '\r\033[K' >&2
}

cache_abandon() {
    [[ ! ${cache_builder-} ]] || pkill -TERM -P "$cache_builder" 2>/dev/null || true
    rm -rf "${cache_work:?}"
}

# The newest two of a name stay: two branches may be in work at once.
cache_prune() {
    local -a all
    mapfile -t all < <(ls -1dt "$cache_root/$1"-[0-9a-f]*)
    ((${#all[@]} <= 2)) || rm -rf "${all[@]:2}"
}
