# SPDX-License-Identifier: GPL-2.0-or-later
# What large limits promise, too (in a lab with --memory 6144).

# bats file_tags=xen,type

load ../lib
load ../memory

bats_require_minimum_version 1.5.0

teardown() {
    domlet delete --force c1
    no_leaks
}

@test "memory: a limit of 1 GiB, and 1014 MiB of it used" {
    memory_is_used 1024 1014
}

@test "memory: a limit of 2 GiB, and 2034 MiB of it used" {
    memory_is_used 2048 2034
}
