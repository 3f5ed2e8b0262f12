#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/images.sh DOMLET SOURCE_ROOT
#
# The images of other Debian releases: what is said of a release that isn't known and of
# a full disk, and that nothing half-made is ever used. What fetches and makes them are
# stand-ins.
set -euo pipefail
top=$2
fail() { echo "images.sh: $*" >&2 && exit 1; }
dir=$(mktemp -d)
maker=''
trap '[[ ! $maker ]] || kill -9 -- "-$maker" 2>/dev/null || true; rm -rf "$dir"' EXIT

# The releases are judged before anything is fetched or made.
export DOMLET_CACHE=$dir/cache
for command in "lab.sh --debian 14 -- true" "systemd-image.sh 14" "build-root.sh 14 build-deb14 true"; do
    # shellcheck disable=SC2086 # words
    said=$(bash "$top"/tests/lab/$command 2>&1) && fail "$command takes Debian 14"
    [[ $said == 'no such Debian release here: 14 (12, 13 and sid are)' ]] || fail "$command says of Debian 14: $said"
done
[[ ! -e $DOMLET_CACHE ]] || fail "something was made for Debian 14: $(ls "$DOMLET_CACHE")"

[[ $EUID == 0 ]] || exit 0

mkdir -p "$dir/tree/tests" "$dir/bin"
cp -r "$top/tests/lab" "$dir/tree/tests/"
cp -r "$top/images" "$dir/tree/"
cat >"$dir/bin/apt-cache" <<'STUB'
#!/bin/sh
case $1 in
show) echo 'Version: 1' ;;
depends) echo "  Depends: linux-image-1 xen-hypervisor-1 xen-utils-1" | tr ' ' '\n' | sed -n 's/^[lx]/  Depends: &/p' ;;
esac
STUB
# In the folder "out" of the one that it works in, as it is told by the file "how".
cat >"$dir/bin/mmdebstrap" <<STUB
#!/bin/bash
mkdir "\${@: -2:1}"
case \$(<'$dir/how') in
hang) touch "\${@: -2:1}/half" '$dir/begun' && exec sleep 1000 ;;
fail) touch "\${@: -2:1}/half" && echo 'E: the mirror is gone' && exit 1 ;;
esac
touch "\${@: -2:1}/whole"
STUB
printf '#!/bin/sh\necho installed\n' >"$dir/bin/dpkg-query"
# shellcheck disable=SC2016 # for that shell
printf '#!/bin/sh\nexport LC_ALL=C\n[ ! -e %s/full ] || { printf "Avail\\n1000000\\n" && exit; }\nexec /bin/df "$@"\n' "$dir" >"$dir/bin/df"
for program in apt-get apt-config; do printf '#!/bin/sh\n' >"$dir/bin/$program"; done
chmod +x "$dir/bin/"*
PATH=$dir/bin:$PATH
root() { bash "$dir/tree/tests/lab/build-root.sh" 13 build-deb13; }
made() { find "$DOMLET_CACHE" -mindepth 1 -maxdepth 1 -name '*trixie-build*' ! -name '*.lock' ! -name '*.log'; }

: >"$dir/full"
for command in "build-root.sh 13 build-deb13" "systemd-image.sh 13" "systemd-image.sh 13 --engines"; do
    # shellcheck disable=SC2086 # words
    said=$(bash "$dir/tree/tests/lab/"$command 2>&1) && fail "$command makes it on a full disk"
    [[ $said =~ ^"$DOMLET_CACHE has 976 MiB free, and this takes "(1500|2500|4000)" while it is made"$ ]] || fail "$command says of a full disk: $said"
done
rm "$dir/full"
[[ ! $(made) ]] || fail "something was made on a full disk: $(made)"

echo fail >"$dir/how"
said=$(root 2>&1) && fail "a root whose making failed is used"
[[ $said == *': failed; the end of '*'E: the mirror is gone'* ]] || fail "of a making that failed is said: $said"
[[ ! $(made) ]] || fail "what is half made stays: $(made)"

interrupted() { # SIGNAL, to all who make it
    rm -f "$dir/begun"
    echo hang >"$dir/how"
    setsid bash "$dir/tree/tests/lab/build-root.sh" 13 build-deb13 >"$dir/out" 2>&1 &
    maker=$!
    for _ in {1..100}; do [[ ! -e $dir/begun ]] || break; sleep 0.1; done
    [[ -e $dir/begun ]] || fail "the making doesn't begin: $(<"$dir/out")"
    kill -s "$1" -- "-$maker"
    wait "$maker" 2>/dev/null && fail "a making that gets SIG$1 ends well"
    for _ in {1..100}; do pgrep --runstates D,R,S -g "$maker" >/dev/null || break; sleep 0.1; done
    maker=''
    [[ ! $(find "$DOMLET_CACHE" -mindepth 1 -maxdepth 1 -name 'trixie-build-*') ]] || fail "a making that got SIG$1 leaves a root"
}
interrupted TERM
[[ ! $(made) ]] || fail "a making that got SIGTERM leaves: $(made)"
interrupted KILL
[[ $(made) ]] || fail "nothing is left by a killed making: this test tests nothing"

: >"$dir/how"
path=$(root 2>"$dir/said") || fail "after a killed making: $(<"$dir/said")"
[[ -e $path/whole && ! -e $path/half && $(made) == "$path" ]] || fail "after a killed making: $path, and there is: $(made)"
echo fail >"$dir/how"
[[ $(root) == "$path" ]] || fail "what was made is made again"
