# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input, and hosts that can't: one clear sentence, the right exit status,
# and no domain was ever made.

load lib

bats_require_minimum_version 1.5.0

setup() {
    make_bundle true
    log=$BATS_TEST_TMPDIR/log.json said=$BATS_TEST_TMPDIR/stderr
    : >"$log" >"$said"
}

teardown() {
    [[ ! ${watcher-} ]] || kill "$watcher" 2>/dev/null || true
    pkill -CONT -x xenconsoled || true
    rm -f /etc/domlet/e2e-*.cfg
    no_leaks
}

# The command fails with status 1, prints nothing, and says WORDS in one line
# on stderr.
refused_as() { # WORDS COMMAND…
    (
        trap - DEBUG # bats' own: slow
        local words=$1 status=0 line
        shift
        line=$(timeout -k 5 60 "$@" 2>&1 >"$BATS_TEST_TMPDIR/stdout") || status=$?
        echo "status $status: $line"
        echo "$line" >>"$said"
        [[ $status -eq 1 && ! -s $BATS_TEST_TMPDIR/stdout && $line == 'domlet: '*"$words"* && $line != *$'\n'* ]] || exit 1
        line=${line,,}
        [[ $line != *'no such file or directory'* && $line != *'permission denied'* ]]
    )
}

refused() { # WORDS VERB ARGUMENTS…
    local words=$1
    shift
    refused_as "$words" domlet --log "$log" --log-format json "$@"
}

# The log holds what stderr showed: one JSON object for each error.
logged() {
    [ "$(jq -r '"domlet: \(select(.level == "error" and (.time | test("^20[0-9-]+T[0-9:.]+Z$"))).msg)"' "$log")" = "$(<"$said")" ]
}

@test "config.json that can't be read" {
    rm "$BUNDLE/config.json"
    refused "$BUNDLE/config.json can't be read" run -b "$BUNDLE" c1
    mkdir "$BUNDLE/config.json"
    refused "$BUNDLE/config.json can't be read" run -b "$BUNDLE" c1
    rmdir "$BUNDLE/config.json"
    mkfifo "$BUNDLE/config.json"
    refused "$BUNDLE/config.json can't be read" run -b "$BUNDLE" c1
    ln -sf config.json "$BUNDLE/config.json"
    refused "$BUNDLE/config.json can't be read" run -b "$BUNDLE" c1
    refused 'can' run -b "$BATS_TEST_TMPDIR/nowhere" c1
    logged
}

@test "config.json that is no JSON" {
    local whole
    whole=$(<"$BUNDLE/config.json")
    : >"$BUNDLE/config.json"
    refused 'is empty' run -b "$BUNDLE" c1
    printf '%s' "${whole:0:${#whole}/2}" >"$BUNDLE/config.json"
    refused 'is cut off' run -b "$BUNDLE" c1
    printf '%s{}' "$whole" >"$BUNDLE/config.json"
    refused "isn't valid JSON at byte" run -b "$BUNDLE" c1
    { echo x && head -c 4096 /dev/urandom; } >"$BUNDLE/config.json"
    refused "isn't valid JSON" run -b "$BUNDLE" c1
    printf '%s' "${whole/\"linux\"/$'\xff\xfe'}" >"$BUNDLE/config.json"
    refused "isn't valid JSON" run -b "$BUNDLE" c1
    printf '[%.0s' {1..100000} >"$BUNDLE/config.json"
    refused 'levels deep' run -b "$BUNDLE" c1
    logged
}

@test "config.json of 50 MB" {
    head -c 52428800 /dev/zero | tr '\0' ' ' >"$BUNDLE/config.json"
    refused 'too large' run -b "$BUNDLE" c1
    logged
}

@test "config.json with wrong types and values" {
    local i good
    local -a wrong=('.process = 1' '.process.args = "true"' '.process.args = [1]' '.process.args = []'
        '.process.args = ["a\u0000b"]' '.process.env = {}' '.process.cwd = 5' '.process.cwd = "relative"' '.root = []'
        '.root.path = {}' '.mounts = {}' '.mounts = ["/"]' '.linux = "x"' '.linux.namespaces = {}' '.hostname = []'
        '.process.user.uid = "root"' '.process.user.uid = -1' '.process.user.uid = 4294967296' '.ociVersion = 1'
        '.ociVersion = "9.0.0"' '.ociVersion = "new"' 'del(.ociVersion)' 'del(.root)' 'del(.process)'
        '.annotations = []' '.annotations = {"a": 1}' '.linux.seccomp = 3' '.process.rlimits = [{}]'
        '.linux.resources.memory.limit = "much"' '.hooks.prestart = {}')
    good=$(<"$BUNDLE/config.json")
    for i in "${wrong[@]}"; do
        echo "$i"
        jq "$i" <<<"$good" >"$BUNDLE/config.json"
        refused '' run -b "$BUNDLE" c1
    done
    logged
}

@test "a root file system that is missing or no directory" {
    edit '.root.path = "/nowhere"'
    refused '/nowhere' run -b "$BUNDLE" c1
    edit '.root.path = "config.json"'
    refused 'config.json' run -b "$BUNDLE" c1
    edit '.root.path = "'"$(printf 'x%.0s' {1..5000})"'"'
    refused '' create -b "$BUNDLE" c1
    logged
}

@test "ids that are no names" {
    local id
    for id in ../x /x x/y . .. '' ' ' $'a\nb' $'\e[2J' 'a b' 'ü' '*' "$(printf 'x%.0s' {1..256})" "$(printf 'x%.0s' {1..5000})"; do
        refused 'invalid container ID format' create -b "$BUNDLE" -- "$id"
    done
    [ ! -e /run/x ]
    run -255 domlet exec -- ../x true
    [[ $output == *'invalid container ID format'* ]]
    for id in start state kill delete ps; do
        refused 'invalid container ID format' "$id" -- ../x
        refused 'container does not exist' "$id" -- c1
    done
    logged
}

@test "guest kernel, initrd or template that are missing" {
    mkdir -p /etc/domlet
    refused "no template e2e-none.cfg, neither in /etc/domlet nor in /usr/share/domlet/xen-configs" --template e2e-none run -b "$BUNDLE" c1
    printf 'type = "%s"\nkernel = "/nowhere/vmlinux"\n' "$DOMLET_TYPE" >/etc/domlet/e2e-kernel.cfg
    refused "can't read the guest kernel /nowhere/vmlinux" --template e2e-kernel run -b "$BUNDLE" c1
    printf 'type = "%s"\nkernel = "/usr/lib/domlet/vmlinux"\nramdisk = "/nowhere/initrd"\n' "$DOMLET_TYPE" >/etc/domlet/e2e-ramdisk.cfg
    refused "can't read the guest ramdisk /nowhere/initrd" --template e2e-ramdisk run -b "$BUNDLE" c1
    printf 'type = "hvm"\n' >/etc/domlet/e2e-type.cfg
    refused 'type = "hvm" is not supported' --template e2e-type run -b "$BUNDLE" c1
    printf 'kernel = "unfinished\n' >/etc/domlet/e2e-syntax.cfg
    refused 'is no valid template' --template e2e-syntax run -b "$BUNDLE" c1
    refused '--template is "../../../etc/passwd"' --template ../../../etc/passwd run -b "$BUNDLE" c1
    logged
}

console_is_there() {
    xenstore-ls -f /local/domain | grep -q '^/local/domain/[1-9][0-9]*/console/tty = "/dev'
}

# bats test_tags=xen,type
@test "guest kernels that don't boot: the stage they reached, and the console's end" {
    local text
    mkdir -p /etc/domlet
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/garbage"
    head -c 1000000 /usr/lib/domlet/vmlinux >"$BATS_TEST_TMPDIR/half"
    for text in garbage half; do
        printf 'type = "%s"\nkernel = "%s"\n' "$DOMLET_TYPE" "$BATS_TEST_TMPDIR/$text" >/etc/domlet/e2e-kernel.cfg
        refused "can't build the domain" --template e2e-kernel run -b "$BUNDLE" c1
    done
    sed "s#^ramdisk = .*#ramdisk = \"$BATS_TEST_TMPDIR/garbage\"#" "/usr/share/domlet/xen-configs/$DOMLET_TYPE.cfg" \
        >/etc/domlet/e2e-kernel.cfg
    # The words are in the guest's ring, whether or not xenconsoled comes to read them.
    (eventually 30 console_is_there && pkill -STOP -x xenconsoled) 3>&- &
    watcher=$!
    refused 'while booting the guest kernel' --template e2e-kernel run -b "$BUNDLE" c1
    wait "$watcher" || echo "# xenconsoled was not stopped in time" >&3
    [[ $(<"$said") == *"the guest's last words: "*'Kernel panic'* ]]
    [[ $(<"$said") != *ACPI* ]]
    logged
}

# bats test_tags=xen
@test "xenconsoled stands still" {
    pkill -STOP -x xenconsoled
    refused "can't build the domain" run -b "$BUNDLE" c1
    [[ $(<"$said") == *'xenconsoled does not run or does not answer'* ]]
    logged
}

# bats test_tags=xen,type
@test "more memory than Xen has" {
    edit '.linux.resources.memory.limit = 1099511627776'
    refused 'not enough memory in Xen' run -b "$BUNDLE" c1
    logged
}

without() { # FILE WORDS VERB ARGUMENTS…: as if there were nothing in FILE
    local file=$1 words=$2
    shift 2
    refused_as "$words" unshare -m sh -c ': >/run/e2e-empty && mount --bind /run/e2e-empty "$0" && rm /run/e2e-empty && exec "$@"' \
        "$file" domlet --log "$log" --log-format json "$@"
}

# bats test_tags=xen
@test "a host that is no dom0" {
    without /proc/xen/capabilities 'this is not a Xen dom0' run -b "$BUNDLE" c1
    without /proc/xen/capabilities 'this is not a Xen dom0' create -b "$BUNDLE" c1
    logged
}

@test "xenstored does not run" {
    mkdir -p /run/e2e-empty/nothing
    : >/run/e2e-empty/file
    refused_as "xenstored doesn't answer" unshare -m sh -c 'mount --bind /run/e2e-empty/nothing /run/xenstored &&
        mount --bind /run/e2e-empty/file /dev/xen/xenbus && exec "$@"' sh \
        domlet --log "$log" --log-format json run -b "$BUNDLE" c1
    rm -r /run/e2e-empty
    logged
}

@test "a full disk" {
    mkdir -p /run/e2e-full
    mount -t tmpfs -o size=64k full /run/e2e-full
    head -c 65536 /dev/zero >/run/e2e-full/filler || true
    refused /run/e2e-full --root /run/e2e-full/root run -b "$BUNDLE" c1
    refused "can't write the pid file" create --pid-file /run/e2e-full/pid -b "$BUNDLE" c1
    [ "$(find /run/e2e-full -type f)" = /run/e2e-full/filler ]
    rm /run/e2e-full/filler
    on_disk
    date +%s%N >"$BUNDLE/rootfs/etc/new" # an image that is not in the cache
    refused_as 'mkfs.erofs failed' unshare -m sh -c 'mount --bind /run/e2e-full /var/cache/domlet && exec "$@"' sh \
        domlet --log "$log" --log-format json run -b "$BUNDLE" c1
    [ -z "$(find /run/e2e-full -type f)" ]
    umount /run/e2e-full
    logged
}
