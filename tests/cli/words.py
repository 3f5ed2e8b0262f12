#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""words.py DOMLET SOURCE_ROOT: docker and podman take certain texts of the C
library for a missing command (toolstack/base/error.h). Only sentences about the
container's command may have them, and one about a file mounted on a directory;
everything else words errors by domlet_strerror(), domlet_error_reword() or the
name of the errno."""
import re
import sys
from pathlib import Path

top = Path(sys.argv[2])
allowed = {"toolstack/base/error.c", "guest-init/container/command.c"}
allowed_once = {"guest-init/container/paths.c": '"not a directory"'}
calls = re.compile(r"(?<![\w])(?:strerror(?:_r|desc_np)?|perror|uv_strerror(?:_r)?|gai_strerror)\s*\(|%m\b")
texts = re.compile(r'"[^"\n]*(?:no such file or directory|permission denied|operation not permitted|not a directory)', re.I)
wrong, seen = [], 0

for path in sorted(path for folder in ("toolstack", "guest-init", "frontend") for path in (top / folder).rglob("*.c")):
    name = str(path.relative_to(top))
    seen += 1
    if name in allowed:
        continue
    code = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), path.read_text(), flags=re.S)
    if name in allowed_once:
        if allowed_once[name] not in code:
            wrong.append(f"{name}: a mount of the wrong kind is not called {allowed_once[name]}")
        code = code.replace(allowed_once[name], "", 1)
    for number, line in enumerate(code.splitlines(), 1):
        if "strftime(" not in line and calls.search(line) or texts.search(line):
            wrong.append(f"{name}:{number}: callers take these words for a missing command: {line.strip()}")

if seen < 40:
    wrong.append(f"only {seen} sources found below {top}")
print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
