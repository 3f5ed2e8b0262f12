# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
setup_suite() {
    BATS_TEST_TMPDIR=$BATS_SUITE_TMPDIR
    # shellcheck source=tests/e2e-engines/lib.bash
    . "$BATS_TEST_DIRNAME/lib.bash"
    # The policy of ../e2e, where both run in one boot.
    rm -f /etc/domlet/policy.cfg
    choose_type "${DOMLET_TYPE:-pvh}"
}
