#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints the commit of the tree it lies in; meson calls it at each build.
# shellcheck disable=SC2016 # "git archive" puts the commit in the place of this
archived='$Format:%H$'

case $archived in
*Format*) ;;
*) echo "$archived" && exit ;;
esac
here=$(cd "$(dirname "$0")" && pwd -P)
# A tree unpacked inside someone else's repository is not of that one's commit.
[ "$(git -C "$here" rev-parse --show-prefix 2>/dev/null)" = toolstack/cli/ ] || exit 1
exec git -C "$here" describe --always --abbrev=40 --dirty --match=
