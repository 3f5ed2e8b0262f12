#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs.py DOMLET SOURCE_ROOT: the documents name files and functions that are
there. `toolstack/xen/store.c: put` means the function put in that file;
`toolstack/xen/` a folder, `NEWS.md` a file at the top, NAME any name; [text](file) a file
beside the document."""
import re
import sys
from pathlib import Path

top = Path(sys.argv[2])
folders = "toolstack|frontend|guest-init|images|tests|xen-configs|docs"
wrong = []

for document in [*sorted(top.glob("*.md")), top / "frontend/proto/PROTOCOL.md", *sorted((top / "docs").glob("*.md"))]:
    text = document.read_text()
    for span in re.findall(r"`([^`]+)`", text):
        place = re.fullmatch(rf"((?:{folders})/[\w./-]*|[A-Z]+\.md|COPYING)(?:: (\w+))?", span)
        if not place or "NAME" in place[1]:
            continue
        path, name = top / place[1], place[2]
        if not path.exists():
            wrong.append(f"{document.name}: there is no {place[1]}")
        elif name and not re.search(rf"\b{name}\b", path.read_text()):
            wrong.append(f"{document.name}: {place[1]} has no {name}")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        if not (document.parent / target).exists():
            wrong.append(f"{document.name}: the link to {target} leads nowhere")

print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
