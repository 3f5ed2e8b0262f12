#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
#
#   tests/cli/features.py DOMLET SOURCE_ROOT
#
# The mount options of "domlet features" are those that the guest knows: engines
# leave out what isn't named, as docker does with "rro".
import json
import re
import subprocess
import sys

domlet, top = sys.argv[1:]
text = open(top + "/guest-init/container/mount_options.c").read()
known = set()
for name, recursive in re.findall(r'\{ "(\w+)", \w+, \w+, (true|false) \},', text):
    known.add(name)
    if recursive == "true":
        known.add("r" + name)
known.update(re.findall(r'\{ "(\w+)", MS_\w+(?: \| MS_REC)? \}', text))
known.update(re.findall(r'strcmp\(option, "(\w+)"\)', text))
told = json.loads(subprocess.run([domlet, "features"], check=True, capture_output=True, text=True).stdout)["mountOptions"]
if len(known) < 50 or set(told) != known or told != sorted(told):
    sys.exit(f"features.py: the guest knows {sorted(known - set(told))}, which features lacks; "
             f"features tells of {sorted(set(told) - known)}, which the guest doesn't know; or they aren't sorted")
