# SPDX-License-Identifier: GPL-2.0-or-later
# What programs rely on in directories that they share with dom0 and with others.

# shellcheck disable=SC2016 # for shells inside

load lib

bats_require_minimum_version 1.5.0

teardown() {
    docker rm -f f1 f2 >/dev/null 2>&1 || true
    umount "$BATS_TEST_TMPDIR/d/sub" "$BATS_TEST_TMPDIR/small" 2>/dev/null || true
    end_clean
}

in_f1() { # COMMAND OPTIONS…
    local command=$1
    shift
    docker exec "$@" f1 sh -c "$command"
}

@test "docker: devices, sizes, groups, bits, names, times, owners" {
    local dir=$BATS_TEST_TMPDIR/d small=$BATS_TEST_TMPDIR/small i
    mkdir -p "$dir"/{sub,group,many,ro/sub,other} "$small"
    mount -t tmpfs -o size=2m sub "$dir/sub"
    mount -t tmpfs -o size=8m,nr_inodes=100 small "$small"
    echo inner >"$dir/sub/inner"
    echo outer | tee "$dir/ro/file" >"$dir/ro/sub/file"
    echo other >"$dir/other/file"
    chgrp 2000 "$dir/group"
    chmod 2777 "$dir/group"
    for i in {1..1500}; do : >"$dir/many/name$i"; done
    touch -d '1969-12-31 23:59:58.123456789 UTC' "$dir/old"
    install -m 600 -o 501 -g 20 /dev/null "$dir/owned"
    install -m 6777 -o 1000 /dev/null "$dir/group/bits"
    docker run -d --name f1 --runtime "$RUNTIME" --network none -v "$dir:/d" -v "$small:/small" -v "$dir/ro:/ro:ro" -v "$dir/other:/ro/sub" \
        -e TZ=UTC busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.2; done' >"$out"

    echo "what is mounted below"
    [ "$(in_f1 'cat /d/sub/inner; df -k /d/sub | tail -n 1 | tr -s " " | cut -d " " -f 2; [ "$(stat -c %d /d)" = "$(stat -c %d /d/sub)" ] || echo another')" = $'inner\n2048\nanother' ]
    [ "$(in_f1 'cat /ro/file /ro/sub/file; echo x >/ro/file; echo new >/ro/sub/file; mv /d/other/file /small/moved && cat /small/moved' 2>/dev/null)" = $'outer\nother\nnew' ]
    [ "$(cat "$dir/ro/file")" = outer ]
    in_f1 'rm /small/moved'

    echo "sizes"
    [ "$(in_f1 'df -k /small | tail -n 1 | tr -s " " | cut -d " " -f 2; stat -f -c %c /small; dd if=/dev/zero of=/small/big bs=1M count=3 2>/dev/null; df -k /small | tail -n 1 | tr -s " " | cut -d " " -f 3')" = $'8192\n100\n3072' ]
    rm "$small/big"
    eventually 5 eval '[ "$(in_f1 "df -k /small | tail -n 1 | tr -s \" \" | cut -d \" \" -f 3")" = 0 ]'

    echo "groups and bits"
    [ "$(in_f1 'umask 022; echo x >/d/group/f; mkdir /d/group/g; chmod 2755 /d/group/f; stat -c "%g %a" /d/group/f /d/group/g; echo x >>/d/group/bits; stat -c %a /d/group/bits' -u 1000)" = $'2000 755\n2000 2755\n777' ]
    [ "$(stat -c '%u:%g %a' "$dir/group/f" "$dir/group/bits" | tr '\n' ' ')" = '1000:2000 755 1000:2000 777 ' ]

    echo "names"
    [ "$(in_f1 'ls /d/many | wc -l; rm -r /d/many; ls /d/many 2>&1 | grep -c "No such"')" = $'1500\n1' ]
    [ ! -e "$dir/many" ]

    echo "times"
    [ "$(in_f1 'stat -c %Y /d/old; touch -d "1969-12-31 23:59:50" /d/older; [ /d/old -nt /d/older ] && echo newer')" = $'-2\nnewer' ]
    [ "$(stat -c %Y "$dir/older")" = -10 ]

    echo "a file that is removed while it is open"
    [ "$(in_f1 'exec 3<>/d/open; rm /d/open; echo text >&3; stat -L -c "%h %s" /proc/self/fd/3; ls -A /d | grep -v "^[a-z]*$" | wc -l')" = $'0 5\n0' ]

    echo "owners"
    in_f1 'cat /d/owned' -u 501
    run ! docker exec -u 999 f1 cat /d/owned
    chown 999 "$dir/owned"
    eventually 5 docker exec -u 999 f1 cat /d/owned

    docker rm -f f1 >"$out"
    umount "$dir/sub" "$small"
}
