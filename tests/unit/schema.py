#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""schema.py DIRECTORY >schema.txt: of the JSON schema of the OCI's runtime
specification, which is in DIRECTORY, each property of config.json, a line:
its path, its type, and the values where it has a list of them. "[]" is each
element, "{}" each value. Of other platforms' sections only the name."""
import json
import sys
from pathlib import Path

directory = Path(sys.argv[1])
files, seen = {}, {}


def load(name):
    return files.setdefault(name, json.loads((directory / name).read_text()))


def resolve(schema, base):
    """What SCHEMA refers to, and the file that this is in."""
    while "$ref" in schema:
        name, path = schema["$ref"].split("#")
        base = name or base
        schema = load(base)
        for key in path.strip("/").split("/"):
            schema = schema[key]
    return schema, base


def walk(schema, base, path):
    schema, base = resolve(schema, base)
    for part in schema.get("allOf", []) + schema.get("anyOf", []):
        walk(part, base, path)
    kind = schema.get("type")
    if path and kind and path not in seen:
        seen[path] = [kind] + [str(value) for value in schema.get("enum", [])]
    if path in ("windows", "solaris", "zos", "freebsd"):
        return
    for key, value in schema.get("properties", {}).items():
        walk(value, base, f"{path}.{key}" if path else key)
    items = schema.get("items", [])
    for item in items if isinstance(items, list) else [items]:
        walk(item, base, path + "[]")
    values = list(schema.get("patternProperties", {}).values())
    if isinstance(schema.get("additionalProperties"), dict):
        values.append(schema["additionalProperties"])
    for value in values:
        walk(value, base, path + "{}")


walk(load("config-schema.json"), "config-schema.json", "")
for path, rest in seen.items():
    print(path, *rest)
