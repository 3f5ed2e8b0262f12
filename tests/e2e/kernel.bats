# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's kernel against a distribution's, as a container sees it.

# bats file_tags=xen,type

load lib

bats_require_minimum_version 1.5.0

capabilities=(CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
    NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
    SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
    MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE)
tests=/usr/lib/domlet/tests

teardown() {
    domlet delete --force c1 # when a test failed half-way
    runc delete --force c2 2>/dev/null || true
    no_leaks
}

# With all capabilities and no filter, the answers are the kernel's and no runtime's.
@test "the kernel answers as Debian's does, but for what kernel-differences.txt explains" {
    [ -x "$tests/kernel-answers" ] || skip "no $tests/kernel-answers (the build has no tests)"
    make_bundle /bin/kernel-answers
    cp "$tests/kernel-answers" "$BUNDLE/rootfs/bin/"
    # shellcheck disable=SC2016 # jq's variables
    edit '.process.capabilities = ({} | .[("bounding", "effective", "permitted")] = $caps)
        | .process.noNewPrivileges = false | del(.linux.maskedPaths, .linux.readonlyPaths, .linux.seccomp)' \
        --argjson caps "$(printf '%s\n' "${capabilities[@]/#/CAP_}" | jq -R . | jq -s .)"
    runc run -b "$BUNDLE" c2 </dev/null >"$BATS_TEST_TMPDIR/debian"
    domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/guest"
    for side in debian guest; do
        [ "$(tail -n 1 "$BATS_TEST_TMPDIR/$side")" = 'end: yes' ]
    done
    run awk -v "type=$DOMLET_TYPE" -f "$BATS_TEST_DIRNAME/kernel-differences.awk" \
        "$BATS_TEST_DIRNAME/kernel-differences.txt" "$BATS_TEST_TMPDIR/debian" "$BATS_TEST_TMPDIR/guest"
    # A line that explains nothing is said and no failure: Debian's kernels of one release differ.
    echo "$output" | grep '^stale: ' | sed 's/^/# /' >&3 || true
    unexplained=$(grep -v '^stale: ' <<<"$output" || true)
    [ -z "$unexplained" ] || { echo "$unexplained"; false; }
}
