# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Packages of another Debian release than this machine's: which versions there are,
# and a root made of them. To be sourced, after images/cache.sh.
: "${cache_root:?}"

# debian_suite RELEASE: the suite's name; ends the script for one that isn't known.
debian_suite() {
    case $1 in
    13) echo trixie ;;
    sid) echo sid ;;
    *) die "no such Debian release here: $1 (12, 13 and sid are)" ;;
    esac
}

debian_sources() { # SUITE: for a sources.list
    local key=/usr/share/keyrings/debian-archive-keyring.gpg
    echo "deb [signed-by=$key] http://deb.debian.org/debian $1 main"
    [[ $1 != sid ]] || return 0
    echo "deb [signed-by=$key] http://deb.debian.org/debian $1-updates main"
    echo "deb [signed-by=$key] http://deb.debian.org/debian-security $1-security main"
}

# debian_apt SUITE: gives apt a state of its own in the cache (APT_CONFIG), with the
# suite's package lists of this week, so that what is in the cache stays in use that
# long. Lists that can't be fetched anew are used as they are.
debian_apt() {
    local state=$cache_root/$1-apt lock
    mkdir -p "$state"/{lists/partial,archives/partial}
    exec {lock}>"$cache_root/$1-apt.lock"
    flock "$lock"
    debian_sources "$1" >"$state/sources.list"
    : >>"$state/status"
    printf '%s "%s";\n' Dir::Etc::SourceList "$state/sources.list" Dir::Etc::SourceParts /dev/null \
        Dir::Etc::Preferences /dev/null Dir::Etc::PreferencesParts /dev/null \
        Dir::State "$state" Dir::State::Lists "$state/lists" Dir::State::status "$state/status" \
        Dir::Cache "$state" Dir::Cache::Archives "$state/archives" APT::Sandbox::User root >"$state/apt.conf"
    export APT_CONFIG=$state/apt.conf
    if [[ ! $(find "$state/fetched" -mtime -7 2>/dev/null) ]]; then
        if apt-get -o APT::Update::Error-Mode=any update >"$state/update.log" 2>&1 </dev/null; then
            touch "$state/fetched"
        elif [[ ! -e $state/fetched ]]; then
            tail -n 5 "$state/update.log" >&2
            die "the package lists of Debian $1 can't be fetched"
        fi
    fi
    exec {lock}>&-
}

# debian_dependency PACKAGE PREFIX: the package that PACKAGE depends on whose name
# begins with PREFIX.
debian_dependency() {
    apt-cache depends "$1" 2>/dev/null | awk -v "prefix=$2" '/Depends: / && index($2, prefix) == 1 && !p { p = $2 } END { print p }'
}

# debian_root SUITE DIR PACKAGE…
debian_root() {
    local suite=$1 dir=$2 valid
    shift 2
    # Of the configuration of this machine's apt the root gets one thing: whether a mirror may be old.
    valid=$(apt-config dump --format '%v' Acquire::Check-Valid-Until)
    env -u APT_CONFIG mmdebstrap --variant=minbase --include="$(IFS=, && echo "$*")" \
        --aptopt='APT::Install-Recommends "false"' --aptopt="Acquire::Check-Valid-Until \"${valid:-true}\"" \
        --dpkgopt=path-exclude='/usr/share/doc/*' --dpkgopt=path-exclude='/usr/share/man/*' \
        --dpkgopt=path-exclude='/usr/share/locale/*' "$suite" "$dir" "$cache_root/$suite-apt/sources.list"
    rm -rf "$dir"/var/cache/apt/* "$dir"/var/lib/apt/lists/*
}

# debian_space MIB: ends the script where the cache's file system has less than that
# free. To be called before something is made.
debian_space() {
    local free
    mkdir -p "$cache_root"
    free=$(($(df --output=avail -k "$cache_root" | tail -n 1) / 1024))
    ((free >= $1)) || die "$cache_root has $free MiB free, and this takes $1 while it is made"
}
