# SPDX-License-Identifier: GPL-2.0-or-later
# The wire between a container's link in dom0 and its guest.

load lib

# bats test_tags=dom0
@test "a vif and an engine's link in one namespace give all that they receive to each other" {
    /usr/lib/domlet/tests/net-splice
}
