#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""circles.py BUILD SOURCE_ROOT: no files of one folder use each other in a circle,
and no folders do. A file uses another one when its object file has an undefined
symbol that the other's object file defines."""
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

build, top = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
programs = ("frontend", "guest-init", "toolstack")


def objects():
    """{source: object file}, both as paths; of the tests' own builds of a source none."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        output = build / entry["output"]
        if entry["output"].split("/")[0] in programs and output.exists():
            found.setdefault((build / entry["file"]).resolve(), output)
    return found


def symbols(outputs):
    """{object file: [symbols it defines, symbols it leaves undefined]}"""
    found = {str(output): [set(), set()] for output in outputs}
    lines = subprocess.run(["nm", "-A", "-P", "-g", *found], capture_output=True, text=True, check=True).stdout
    for line in lines.splitlines():
        output, rest = line.split(": ", 1)
        name, kind = rest.split()[:2]
        found[output][kind in "Uvw"].add(name)
    return found


def path_back(graph, start):
    """The shortest way from START to itself along GRAPH, or None."""
    came_from, todo = {}, [start]
    for here in todo:
        for there in sorted(graph[here]):
            if there == start:
                way = [start, here]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if there not in came_from:
                came_from[there] = here
                todo.append(there)
    return None


wrong = []
object_of = objects()
sources = sorted(path for folder in programs for path in (top / folder).rglob("*.c"))
wrong += [f"{path.relative_to(top)} has no object file: build all first" for path in sources if path not in object_of]
of_object = symbols(object_of.values())
names = {str(path.relative_to(top)): of_object[str(output)] for path, output in object_of.items() if path in sources}
owner = {symbol: name for name, (defined, _) in names.items() for symbol in defined}

files, folders = defaultdict(set), defaultdict(set)
because = {}
for name, (_, undefined) in names.items():
    for symbol in sorted(undefined & owner.keys()):
        other = owner[symbol]
        here, there = str(Path(name).parent), str(Path(other).parent)
        if here == there and name != other:
            files[name].add(other)
            because.setdefault((name, other), symbol)
        elif here != there:
            folders[here].add(there)
            because.setdefault((here, there), f"{symbol}, in {Path(name).name}")

for graph in files, folders:
    for name in sorted(graph):
        way = path_back(graph, name)
        if way:
            steps = [f"\n    {a} uses {b} ({because[a, b]})" for a, b in zip(way, way[1:])]
            wrong.append(f"{name} is in a circle:" + "".join(steps))
if len(names) < 50:
    wrong.append(f"only {len(names)} object files were found: this test looks at nothing")

print("\n".join(wrong), file=sys.stderr, end="\n" if wrong else "")
sys.exit(1 if wrong else 0)
