#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""includes.py BUILD SOURCE_ROOT: each folder includes what the table "Folders" of
docs/architecture.md says it needs, nothing else, and nothing less.

In the table's second column are names with commas between them: of a folder the
last part of its name, or the whole of it; of a library one of those below; or
"nothing". What stands in brackets is for people. A folder needs none that
stands below it. A header that says "Only FOLDER/ includes this" is included
there alone, and so is one that is called internal.h."""
import re
import sys
from pathlib import Path

top = Path(sys.argv[2]).resolve()
table = top / "docs/architecture.md"
programs = ("frontend", "guest-init", "toolstack")
libraries = {
    "json-c": r"json-c/.*",
    "libcap": r"sys/capability\.h",
    "libmnl": r"libmnl/.*",
    "libseccomp": r"seccomp\.h",
    "libuv": r"uv\.h",
    "libxengnttab": r"xengnttab\.h",
    "libxenevtchn": r"xenevtchn\.h",
    "libxenstore": r"xenstore(_lib)?\.h",
    "libxenctrl": r"xenctrl\.h",
    "libxentoollog": r"xentoollog\.h",
    "libxl": r"libxl(_\w+)?\.h",
    "libxlutil": r"libxlutil\.h",
    "Xen's headers": r"xen/.*",
}
# What everything may include: the C library's and the kernel's.
system = re.compile(
    r"(arpa|asm|linux|net|netinet|sys)/.*|(assert|ctype|dirent|dlfcn|endian|err|errno|fcntl|fnmatch|fts|getopt|glob|grp|ifaddrs"
    r"|inttypes|libgen|limits|locale|math|poll|pthread|pwd|regex|sched|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool"
    r"|stddef|stdint|stdio|stdlib|string|strings|syslog|termios|threads|time|unistd|wchar)\.h"
)
wrong = []


def read_table():
    """{folder: what it needs} in the table's order, folders by their paths."""
    found, paths = {}, {}
    section = table.read_text().split("\n## Folders\n")[1].split("\n## ")[0]
    for path, cell in re.findall(r"^\| `([\w./-]+)/` \| ([^|]*) \|", section, re.M):
        found[path] = set()
        for need in re.sub(r"\([^)]*\)", "", cell).split(","):
            need = need.strip()
            if need in libraries:
                found[path].add(need)
            elif need in paths and paths[need]:
                found[path].add(paths[need])
            elif need in paths:
                wrong.append(f"{path}/ needs {need}, as the table says, but two folders have that name: write the whole path")
            elif need != "nothing":
                wrong.append(f"{path}/ needs {need}, as the table says, but that is no library and no folder above it")
        paths[path] = path
        last = path.rsplit("/", 1)[-1]
        if last != path:
            paths[last] = None if last in paths else path
    return found


def find(file, name):
    """The file that FILE includes as "NAME"; a generated one is beside its template."""
    path = file.parent / name
    return path.resolve() if path.exists() or path.with_name(path.name + ".in").exists() else None


def is_private(header):
    text = re.sub(r"\s+\*?\s*", " ", header.read_text()) if header.exists() else ""
    return header.name == "internal.h" or re.search(r"\bOnly \S+/ includes this\b", text)


def target(file, kind, name):
    """What FILE needs for its #include of NAME: a folder, a library, or None."""
    where = file.relative_to(top)
    if kind == '"':
        header = find(file, name)
        if not header or top not in header.parents:
            wrong.append(f"{where} includes {name}, which is not found")
            return None
        if header.parent != file.parent and is_private(header):
            wrong.append(f"{where} includes {header.relative_to(top)}, which is for its own folder only")
        return str(header.parent.relative_to(top))
    for library, pattern in libraries.items():
        if re.fullmatch(pattern, name):
            return library
    if not system.fullmatch(name):
        wrong.append(f"{where} includes <{name}>, which is of no library that this test knows")
    return None


needs = read_table()
used = {folder: {} for folder in needs}
includes = 0
for file in sorted(path for folder in programs for path in (top / folder).rglob("*.[ch]")):
    folder = str(file.parent.relative_to(top))
    if folder not in used:
        wrong.append(f"{folder}/ is not in the table of {table.relative_to(top)}")
        used[folder] = {}
        needs[folder] = set()
    for kind, name in re.findall(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', file.read_text(), re.M):
        includes += 1
        need = target(file, kind, name)
        if need and need != folder:
            used[folder].setdefault(need, f"{file.name} includes {name}")

for folder in needs:
    if not used[folder] and not any((top / folder).glob("*.[ch]")):
        wrong.append(f"{folder}/ is in the table, but has no source")
    for need in sorted(used[folder].keys() - needs[folder]):
        wrong.append(f"{folder}/ may not include {need}, as the table says, but {used[folder][need]}")
    for need in sorted(needs[folder] - used[folder].keys()):
        wrong.append(f"{folder}/ needs {need}, as the table says, but includes nothing of it")
if includes < 500:
    wrong.append(f"only {includes} includes were found: this test looks at nothing")

print("\n".join(sorted(set(wrong))), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
