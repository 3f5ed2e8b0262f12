#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/version.sh DOMLET SOURCE_ROOT
#
# What --version prints is what callers parse; and the commit it names is the
# right one in a clone, in an archive, and nowhere else.
set -euo pipefail
domlet=$1 top=$2
fail() { echo "version.sh: $*" >&2 && exit 1; }

mapfile -t line < <("$domlet" --version)
# dockerd splits line 1 at the word "version".
[[ ${line[0]} =~ ^domlet\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "line 1 is \"${line[0]}\""
[[ ${line[1]} =~ ^commit:\ ([0-9a-f]{40}(-dirty)?|unknown)$ ]] || fail "line 2 is \"${line[1]}\""
[[ ${line[2]} =~ ^spec:\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "line 3 is \"${line[2]}\""
for library in libxl libuv json-c libseccomp; do
    grep -qxE "$library: [0-9]+(\.[0-9]+)+" <<<"$(printf '%s\n' "${line[@]:3}")" || fail "no line for $library"
done

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
expect() { # TREE COMMIT
    local got
    got=$(sh "$1/toolstack/cli/commit.sh" 2>/dev/null || true)
    [[ $got == "$2" ]] || fail "in ${1#"$dir"/} the commit is \"$got\", not \"$2\""
}
mkdir -p "$dir/clone/toolstack/cli"
cp "$top/toolstack/cli/commit.sh" "$dir/clone/toolstack/cli/"
cp "$top/.gitattributes" "$dir/clone/"
git -C "$dir/clone" init -q
git -C "$dir/clone" add .
git -C "$dir/clone" commit -qm one
one=$(git -C "$dir/clone" rev-parse HEAD)
expect "$dir/clone" "$one"
git -C "$dir/clone" commit -qm two --allow-empty
expect "$dir/clone" "$(git -C "$dir/clone" rev-parse HEAD)"
mkdir "$dir/archive" "$dir/clone/vendored"
git -C "$dir/clone" archive "$one" | tar -x -C "$dir/archive"
expect "$dir/archive" "$one"
cp -r "$dir/clone/toolstack" "$dir/clone/vendored/"
expect "$dir/clone/vendored" ""
echo >>"$dir/clone/.gitattributes"
expect "$dir/clone" "$(git -C "$dir/clone" rev-parse HEAD)-dirty"
cp -r "$dir/clone/toolstack" "$dir/"
expect "$dir" ""
