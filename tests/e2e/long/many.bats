# SPDX-License-Identifier: GPL-2.0-or-later
# Twenty containers at once (in a lab with --memory 6144), and in a row.

# bats file_tags=xen,type

load ../lib
load ../many

bats_require_minimum_version 1.5.0

setup() {
    many_bundle
}

teardown() {
    no_leaks
}

@test "twenty at once" {
    at_once 20
}

@test "twenty in a row" {
    in_a_row 20
}
