#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's dom0 where it runs systemd: lab.service, which runs the one command and
# has the machine shut down. /lab is the folder of this run on the host (see lab.sh),
# over 9P.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$(/usr/lib/xen-common/bin/xen-dir)/bin
export PATH HOME=/root LANG=C.UTF-8
# shellcheck source=/dev/null
. /lab/settings
: "${engines?}"
# shellcheck source=tests/lab/dom0-command.sh
. /lab/dom0-command.sh

prepare() {
    systemctl is-active xen.service || return
    [[ ! $engines ]] || bash /lab/dom0-engines.sh || return
    enter_dir
}

prepare || exit
# The command's environment is a login's, and not a unit's.
unset INVOCATION_ID JOURNAL_STREAM MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE SYSTEMD_EXEC_PID
run_command
journalctl -b -o short-monotonic --no-pager >/lab/journal.log 2>/dev/null
systemctl --no-block poweroff
