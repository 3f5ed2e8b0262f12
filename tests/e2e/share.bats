#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# Directories and files of dom0 that a container has, too: both see what the other one does.
# shellcheck disable=SC2016 # for shells inside

load lib

setup() {
    bats_require_minimum_version 1.5.0
    SOURCE=$BATS_TEST_TMPDIR/source
    mkdir -p "$SOURCE"
}

teardown() {
    domlet delete --force c1
    domlet delete --force c2
    for mounted in merged ovl; do
        ! mountpoint -q "$BATS_TEST_TMPDIR/$mounted" || umount -l "$BATS_TEST_TMPDIR/$mounted"
    done
    no_leaks
}

programs() { # NAME…: of busybox's
    local name
    for name; do ln -sf busybox "$BUNDLE/rootfs/bin/$name"; done
}

# A bind of SOURCE at /d.
bind() { # [OPTION…]
    local options
    options=$(printf '%s\n' bind "$@" | jq -R . | jq -cs .)
    edit '.mounts += [{destination: "/d", type: "bind", source: $source, options: $options}]' \
        --arg source "$SOURCE" --argjson options "$options"
}

# bats test_tags=xen,type,standin
@test "a directory of dom0's: read, written, made, removed, on both sides" {
    make_bundle sh -c 'cat /d/old && echo new >/d/new && mkdir /d/dir && mv /d/move /d/dir/moved && rm /d/gone && sleep 1000'
    programs mkdir mv rm
    bind
    echo old >"$SOURCE/old"
    touch "$SOURCE"/{move,gone}
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 test -e "$SOURCE/dir/moved" -a ! -e "$SOURCE/gone"
    grep -x old "$BATS_TEST_TMPDIR/out"
    [ "$(cat "$SOURCE/new")" = new ]
    [ "$(ls "$SOURCE")" = $'dir\nnew\nold' ]
    echo "from dom0" >"$SOURCE/later"
    eventually 5 domlet exec c1 grep -x "from dom0" /d/later
    domlet exec c1 sh -c 'echo more >>/d/later'
    [ "$(cat "$SOURCE/later")" = $'from dom0\nmore' ]
    domlet exec c1 rm /d/later
    [ ! -e "$SOURCE/later" ]
}

# bats test_tags=xen,type,standin
@test "the root file system: live, by a copy of what is written, by an image" {
    local way
    for way in live scratch image; do
        make_bundle sh -c 'cat /etc/given && echo new >/made && mv /etc/given /etc/moved'
        programs mv
        echo given >"$BUNDLE/rootfs/etc/given"
        [[ $way == live ]] || edit '.annotations["dev.domlet.root"] = $way' --arg way "$way"
        run -0 domlet run -b "$BUNDLE" c1
        [ "$output" = given ]
        if [[ $way == live ]]; then
            [ "$(cat "$BUNDLE/rootfs/made")" = new ]
            [ "$(cat "$BUNDLE/rootfs/etc/moved")" = given ]
        else
            [ ! -e "$BUNDLE/rootfs/made" ]
            [ "$(cat "$BUNDLE/rootfs/etc/given")" = given ]
        fi
        rm -rf "$BUNDLE/rootfs"
    done
}

@test "a root that is read-only has its mount points, and changes nothing else" {
    make_bundle sh -c 'echo x >/etc/passwd; echo x >/new; echo y >/d/z'
    edit '.root.readonly = true'
    bind
    run domlet run -b "$BUNDLE" c1
    [[ $output == *"/etc/passwd: Read-only file system"*"/new: Read-only file system"* ]]
    [ "$(cat "$SOURCE/z")" = y ]
    [ "$(cat "$BUNDLE/rootfs/etc/passwd")" = root:x:0:0:root:/root:/bin/sh ]
    [ ! -e "$BUNDLE/rootfs/new" ]
}

# bats test_tags=xen,standin
@test "each bind is a file system of its own, and so is the root" {
    local i
    make_bundle sh -c 'stat -c %d / /d0 /d1 /d2 /f && mv /d0/a /d1/a; cat /d*/a /f'
    programs stat mv
    for i in 0 1 2; do
        mkdir "$BATS_TEST_TMPDIR/source$i"
        echo "$i" >"$BATS_TEST_TMPDIR/source$i/a"
        edit '.mounts += [{destination: "/d\($i)", type: "bind", source: $from, options: ["bind"]}]' \
            --arg i "$i" --arg from "$BATS_TEST_TMPDIR/source$i"
    done
    edit '.mounts += [{destination: "/f", type: "bind", source: $from, options: ["bind"]}]' \
        --arg from "$BATS_TEST_TMPDIR/source2/a"
    run -0 domlet run -b "$BUNDLE" c1
    [ "$(head -n 5 <<<"$output" | sort -u | wc -l)" = 5 ]
    [ "$(tail -n 3 <<<"$output")" = $'0\n2\n2' ] # between file systems it is copied
}

@test "owners, modes and kinds of what a container makes" {
    make_bundle sh -c 'umask 022; cd /d && echo x >file && mkdir dir && ln -s file link && ln file hard && mknod null c 1 3 && mkfifo fifo && chmod 4711 file'
    programs ln mkdir mknod mkfifo chmod
    edit '.process.user = {uid: 1000, gid: 2000} | .process.capabilities.bounding += ["CAP_MKNOD"]'
    bind
    chmod 1777 "$SOURCE"
    run domlet run -b "$BUNDLE" c1
    [ "$(stat -c '%n %F %a %u:%g' "$SOURCE"/{file,dir} | sed "s|$SOURCE/||")" = $'file regular file 644 1000:2000\ndir directory 755 1000:2000' ]
    [ "$(readlink "$SOURCE/link")" = file ]
    [ "$SOURCE/hard" -ef "$SOURCE/file" ]
}

@test "one that is read-only is that, whatever the guest does" {
    make_bundle sh -c 'echo x >/d/new; cat /d/old'
    bind ro
    echo old >"$SOURCE/old"
    run domlet run -b "$BUNDLE" c1
    [[ $output == *"Read-only file system"*old ]]
    [ "$(ls "$SOURCE")" = old ]
}

@test "a single file, edited in place" {
    SOURCE=$BATS_TEST_TMPDIR/one
    echo first >"$SOURCE"
    make_bundle sh -c 'cat /d; while ! grep -q second /d; do sleep 0.2; done; echo third >/d'
    bind
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 grep first "$BATS_TEST_TMPDIR/out"
    echo second >"$SOURCE"
    eventually 20 grep third "$SOURCE"
}

@test "a tmpfs that copies up has what it hides, and keeps its own; one that is too small is refused" {
    make_bundle sh -c 'cat /etc/word /etc/deep/word; stat -c "%a %u" /etc/word; echo changed >/etc/word; ls /new'
    programs stat
    mkdir "$BUNDLE/rootfs/etc/deep"
    echo given | tee "$BUNDLE/rootfs/etc/word" "$BUNDLE/rootfs/etc/deep/word" >/dev/null
    chmod 4751 "$BUNDLE/rootfs/etc/word"
    chown 7 "$BUNDLE/rootfs/etc/deep"
    edit '.mounts += [{destination: "/etc", type: "tmpfs", options: ["tmpcopyup", "size=1m"]},
        {destination: "/new", type: "tmpfs", options: ["tmpcopyup"]}]'
    run -0 domlet run -b "$BUNDLE" c1
    [ "$output" = $'given\ngiven\n4751 0' ]
    [ "$(cat "$BUNDLE/rootfs/etc/word")" = given ]
    head -c 2M /dev/zero >"$BUNDLE/rootfs/etc/large"
    run -1 domlet run -b "$BUNDLE" c1
    [[ $output == *"mount of /etc: what is there can't be copied into the tmpfs: ENOSPC; its size= must be larger"* ]]
}

@test "links that lead out lead nowhere in dom0" {
    echo secret >"$BATS_TEST_TMPDIR/canary"
    make_bundle sh -c 'cat /d/out; ln -s ../canary /d/up; cat /d/up; echo x >/d/up; cat /d/../canary'
    bind
    programs ln
    ln -s "$BATS_TEST_TMPDIR/canary" "$SOURCE/out"
    run domlet run -b "$BUNDLE" c1
    [[ $output != *secret* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/canary")" = secret ]
}

# bats test_tags=xen,standin
@test "8 MiB both ways, byte by byte" {
    head -c 8388608 /dev/urandom >"$SOURCE/in"
    make_bundle sh -c 'cat /d/in >/d/out && sleep 1000'
    bind
    domlet create -b "$BUNDLE" c1 </dev/null >/dev/null 2>&1 3>&-
    domlet start c1
    eventually 60 cmp "$SOURCE/in" "$SOURCE/out"
}

@test "two containers and dom0 in one directory" {
    make_bundle sh -c 'while ! cat /d/word 2>/dev/null; do sleep 0.2; done; sleep 1000'
    bind
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    edit '.process.args = ["sh", "-c", "echo hello >/d/word"]'
    domlet run -b "$BUNDLE" c2 </dev/null
    eventually 20 grep -x hello "$BATS_TEST_TMPDIR/out"
}

@test "what can't be bound is refused by name" {
    make_bundle true
    bind
    rmdir "$SOURCE"
    run ! domlet run -b "$BUNDLE" c1
    [[ $output == *"bind mount of $SOURCE on /d can't be done"* ]]
    mkfifo "$SOURCE"
    run ! domlet run -b "$BUNDLE" c1
    [[ $output == *"a FIFO of the host can't be reached"* ]]
}

# What the guest waits for, each once it was looked at, and what dom0 does: a day would pass without a word of dom0's.
CHANGES=(
    'rewritten' '[ "$(cat /d/f)" = two ]' 'echo two >f'
    'appended' '{ read -r a; read -r b; } </d/f; [ "$b" = more ]' 'echo more >>f'
    'chmod' '[ "$(stat -c %a /d/f)" = 751 ]' 'chmod 751 f'
    'made where there was none' '[ -e /d/new ]' 'touch new'
    'renamed over' '[ "$(cat /d/f)" = replaced ]' 'echo replaced >other; mv other f'
    'removed' '[ ! -e /d/f ]' 'rm f'
    'a directory renamed' '[ -e /d/moved/in ] && [ ! -e /d/dir ]' 'mv dir moved'
    'made in it' '[ -e /d/moved/more ]' 'touch moved/more'
)

watch_changes() { # fills SOURCE, and measures how long each takes until the container has seen it
    local i script="" since took
    mkdir "$SOURCE/dir"
    echo one >"$SOURCE/f"
    touch "$SOURCE/dir/in"
    for ((i = 0; i < ${#CHANGES[@]}; i += 3)); do
        script+="b=; if ${CHANGES[i + 1]}; then exit 1; fi; echo $i >/d/waits; until ${CHANGES[i + 1]}; do :; done; echo $i >/d/seen;"
    done
    make_bundle sh -c "$script sleep 1000"
    programs stat
    bind
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    for ((i = 0; i < ${#CHANGES[@]}; i += 3)); do
        eventually 20 grep -sqx "$i" "$SOURCE/waits"
        sleep 0.3
        since=${EPOCHREALTIME/./}
        (cd "$SOURCE" && eval "${CHANGES[i + 2]}")
        until [[ -e $SOURCE/seen && $(<"$SOURCE/seen") == "$i" ]]; do
            ((${EPOCHREALTIME/./} - since < 20000000)) || { echo "not seen: ${CHANGES[i]}"; return 1; }
            sleep 0.002
        done
        took=$(((${EPOCHREALTIME/./} - since) / 1000))
        echo "# ${CHANGES[i]}: seen by the container and answered after $took ms" >&3
    done
}

# bats test_tags=standin
@test "what dom0 changes is seen at once" {
    watch_changes
}

# bats test_tags=standin
@test "what dom0 changes through an overlay is seen at once" {
    mkdir "$BATS_TEST_TMPDIR"/{ovl,merged}
    mount -t tmpfs ovl "$BATS_TEST_TMPDIR/ovl"
    mkdir "$BATS_TEST_TMPDIR"/ovl/{lower,upper,work}
    mount -t overlay -o "lowerdir=$BATS_TEST_TMPDIR/ovl/lower,upperdir=$BATS_TEST_TMPDIR/ovl/upper,workdir=$BATS_TEST_TMPDIR/ovl/work" \
        ovl "$BATS_TEST_TMPDIR/merged"
    SOURCE=$BATS_TEST_TMPDIR/merged
    watch_changes
}

# bats test_tags=standin
@test "dom0 changes many files while a container reads and writes there" {
    make_bundle sh -c 'i=0; while [ ! -e /d/stop ]; do i=$((i + 1)); read -r x </d/f$((i % 100)); echo $i >/d/own$((i % 9)); done 2>/dev/null; echo $i >/d/rounds; sleep 1000'
    bind
    domlet create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    for ((i = 0; i < 1000; i++)); do
        echo "$i" >"$SOURCE/f$((i % 300))"
        ((i % 100)) || rm -f "$SOURCE"/f*7
    done
    touch "$SOURCE/stop"
    eventually 5 test -s "$SOURCE/rounds"
    echo "# rounds of the container meanwhile: $(<"$SOURCE/rounds")" >&3
    [ "$(domlet exec c1 sh -c 'cat /d/f*')" = "$(cat "$SOURCE"/f*)" ]
}

# bats test_tags=xen,standin
@test "the process that serves the files is killed: the container ends, and says why" {
    make_bundle sh -c 'cat /d/old; while :; do sleep 0.2; cat /d/old >/dev/null || exit 3; done'
    bind
    echo old >"$SOURCE/old"
    domlet --log "$BATS_TEST_TMPDIR/log" create -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-
    domlet start c1
    eventually 20 grep old "$BATS_TEST_TMPDIR/out"
    pkill -9 -x domlet-share
    wait_for_status stopped
    grep "has lost its files" "$BATS_TEST_TMPDIR/log"
}

# The programs of a share's unit test, in a domain: what they need of dom0's they have as a share themselves.
# bats test_tags=xen
@test "the guest's kernel reads all of what dom0 has just written" {
    make_bundle /tests/share-notify
    mkdir "$BUNDLE"/rootfs/{usr,tests}
    ln -sfn usr/lib64 "$BUNDLE/rootfs/lib64"
    ln -sfn usr/lib "$BUNDLE/rootfs/lib"
    edit '.process.env += ["DOMLET_GUEST_KERNEL=1", "LD_LIBRARY_PATH=/tests:/usr/lib/x86_64-linux-gnu"]
        | .process.capabilities = ({} | .[("bounding", "effective", "permitted")] =
            ["CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_SYS_CHROOT"])
        | .linux.devices += [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]
        | .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "rwm"}]
        | .mounts += [
            {destination: "/usr", type: "bind", source: "/usr", options: ["bind", "ro"]},
            {destination: "/tests", type: "bind", source: "/usr/lib/domlet/tests", options: ["bind", "ro"]},
            {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: []}]'
    domlet run -b "$BUNDLE" c1 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || {
        cat "$BATS_TEST_TMPDIR/out"
        return 1
    }
    grep -a '^# ' "$BATS_TEST_TMPDIR/out" >&3
}
