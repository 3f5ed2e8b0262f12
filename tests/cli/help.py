#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""help.py DOMLET SOURCE_ROOT: the code, --help, the man page and the bash
completion know the same verbs and options, and the man page is well-formed."""
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

domlet, top = sys.argv[1], Path(sys.argv[2])
page = top / "docs/domlet.8"
failed = False


def say(text):
    global failed
    failed = True
    print(text, file=sys.stderr)


def same(what, one_name, one, other_name, other):
    for name in sorted(set(one) - set(other)):
        say(f"{what}: {name} is in {one_name}, but not in {other_name}")
    for name in sorted(set(other) - set(one)):
        say(f"{what}: {name} is in {other_name}, but not in {one_name}")


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, **more).stdout


def help_options(text):
    """The options that lines of the help start with."""
    lines = re.findall(r"^ +(-.*?)(?:  .*)?$", text, re.M)
    return set(re.findall(r"--[a-z][a-z0-9-]*", " ".join(lines))) - {"--help"}


def code_options(source):
    """The options that getopt_long() is given."""
    found = re.findall(r'\{\s*"([a-z0-9-]+)",\s*(?:no|required|optional)_argument', source.read_text())
    return {"--" + name for name in found} - {"--help"}


def page_options(lines):
    items = [line for line in lines if line.startswith(".It Fl")]
    return set("-" + name for name in re.findall(r"Fl (-[a-z0-9-]+)", " ".join(items))) - {"--help"}


def page_sections():
    """{".Sh GLOBAL": lines, ".Ss run": lines, …}"""
    sections, lines = {}, []
    for line in page.read_text().splitlines():
        if line.startswith((".Sh ", ".Ss ")):
            lines = sections[" ".join(line.split()[:2])] = []
        lines.append(line)
    return sections


def completions(cases):
    """What the completion offers after each list of words. Starting domlet
    again and again takes long on a busy machine, so a function gives its helps."""
    script = f'. "{top}/toolstack/cli/completion.bash"\ndomlet() {{ printf "%s\\n" "${{helps[$1]}}"; }}\ndeclare -A helps\n'
    for name, text in helps.items():
        script += f"helps[{name}]={shlex.quote(text)}\n"
    for words in cases:
        script += f"COMP_WORDS=(domlet {words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _domlet; echo \"${{COMPREPLY[*]}}\"\n"
    return [set(line.split()) - {"--help"} for line in run("bash", "-c", script).splitlines()]


def check_page_form():
    checked = False
    if shutil.which("mandoc"):
        checked = True
        if subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], stdout=sys.stderr).returncode:
            say("mandoc warns about docs/domlet.8")
    if shutil.which("man") and "--warnings" in run("man", "--help"):
        checked = True
        warnings = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Z", page], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stderr
        if warnings:
            say("man warns about docs/domlet.8:\n" + warnings)
    return checked


general = run(domlet, "--help")
verbs = re.findall(r"^  ([a-z-]+) ", general.split("Verbs:\n")[1].split("\n\n")[0], re.M)
if len(verbs) < 10:
    say(f"--help lists too few verbs: {verbs}")
helps = {"--help": general, **{verb: run(domlet, verb, "--help") for verb in verbs}}
sections = page_sections()
offered = completions(["''", "--"] + [f"{verb} --" for verb in verbs])
sources = {}
for path in (top / "toolstack/cli").glob("*.c"):
    for name in re.findall(r'^\s*\.name = "([a-z-]+)"', path.read_text(), re.M):
        sources[name] = path

same("verbs", "domlet --help", verbs, "docs/domlet.8", [name[4:] for name in sections if name.startswith(".Ss ")])
same("verbs", "domlet --help", verbs, "the completion", offered[0])
known = help_options(general)
same("global options", "main.c", code_options(top / "toolstack/cli/main.c"), "domlet --help", known)
same("global options", "domlet --help", known, "docs/domlet.8", page_options(sections[".Sh GLOBAL"]))
same("global options", "domlet --help", known, "the completion", offered[1])
for verb, completed in zip(verbs, offered[2:]):
    what, told = f"options of {verb}", f"domlet {verb} --help"
    known = help_options(helps[verb])
    same(what, sources[verb].name, code_options(sources[verb]), told, known)
    same(what, told, known, "docs/domlet.8", page_options(sections.get(f".Ss {verb}", [])))
    same(what, told, known, "the completion", completed)
checked = check_page_form()
sys.exit(1 if failed else 0 if checked else 77)
