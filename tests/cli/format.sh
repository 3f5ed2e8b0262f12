#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The C code is laid out as .clang-format says. Arguments: the domlet command,
# the source tree. To lay it out: git ls-files '*.c' '*.h' | xargs clang-format -i
set -euo pipefail
cd "$2"

files=$(git ls-files '*.c' '*.h' 2>/dev/null || find frontend guest-init tests toolstack -name '*.[ch]')
[[ -n $files ]] || { echo "found no C file in $2" >&2 && exit 1; }
bad=$(xargs clang-format --dry-run -Werror <<<"$files" 2>&1 | grep -E 'error:' | cut -d: -f1-2 | sort -u) || true
[[ -z $bad ]] || { printf 'laid out differently than .clang-format says (run clang-format -i):\n%s\n' "$bad" >&2 && exit 1; }
