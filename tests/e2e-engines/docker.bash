# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034 # for who loads this
# What the tests and the bench (../bench/dom0.sh) both do with docker, in a dom0.

# The engines know no annotations (docker has no option for them), so the type
# is the administrator's choice: the template that is the default.
choose_type() { # pvh|pv
    mkdir -p /etc/domlet
    rm -f /etc/domlet/pvh.cfg
    [[ $1 == pvh ]] || cp "/usr/share/domlet/xen-configs/$1.cfg" /etc/domlet/pvh.cfg
}

# docker without a network; the runtime comes behind it. As an array, so that $!
# can be docker's own pid.
docker_run=(docker run --network none --runtime)
