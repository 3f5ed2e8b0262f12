#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs a command in the dom0 of a real Xen, booted on this ordinary machine:
# QEMU emulates a processor with AMD SVM and nested paging, so no KVM is needed
# (and none used: KVM can't run Xen with PVH guests everywhere).
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=images/cache.sh
. "$here/../../images/cache.sh"
# shellcheck source=tests/lab/debian.sh
. "$here/debian.sh"

usage() {
    cat <<'USAGE'
usage: ./dev lab [OPTION…] [-- COMMAND [ARGUMENT…]]

Boots Xen and a Debian dom0 with the current build of domlet in it, and runs
COMMAND there: its standard input, output and error and its exit status are the
command's. Without COMMAND: a shell on this terminal. Nothing persists.

  --dir DIR       DIR of this machine, at /mnt/dir in dom0 (also the working
                  folder); changes are seen on both sides at once
  --memory MIB    memory of the whole machine (4096); dom0 takes half of it
  --cpus N        processors (2)
  --timeout S     end it after S seconds, with exit status 124
  --tty           give COMMAND this terminal, instead of three streams
  --debian RELEASE
                  dom0 of Debian 12, 13 or sid (12); one later than 12 runs
                  systemd and udev, and domlet is built for it, in a root of
                  that release
  --engines       dom0 with docker, containerd and podman ready, domlet
                  registered in each, and an image called busybox
  --xen ARGS      more arguments for Xen's command line
  --log FILE      keep the console's and dom0's logs in FILE
  --no-build      don't build and install domlet
  --build DIR     the meson build folder to install from (build; build-deb13 for
                  --debian 13, where it is built first)

Environment: DOMLET_LAB_XENSTORED=xenstored takes the C xenstored (Debian's
default is oxenstored); DOMLET_CACHE is where images are kept.
Exit status 125: the lab itself failed.
USAGE
}

dir='' memory=4096 cpus=2 timeout='' tty='' engines='' xen_args='' log='' build_dir=default debian=12
top=$(readlink -f "$here/../..")
while (($#)); do
    case $1 in
    --dir) dir=$(readlink -e "${2:?}") || die "lab: no folder $2" && shift ;;
    --memory) memory=${2:?} && shift ;;
    --cpus) cpus=${2:?} && shift ;;
    --timeout) timeout=${2:?} && shift ;;
    --xen) xen_args=${2:?} && shift ;;
    --log) log=${2:?} && shift ;;
    --build) build_dir=${2:?} && shift ;;
    --debian) debian=${2:?} && shift ;;
    --no-build) build_dir='' ;;
    --tty) tty=1 ;;
    --engines) engines=--engines ;;
    -h | --help) usage && exit ;;
    --) shift && break ;;
    -*) usage >&2 && exit 2 ;;
    *) break ;;
    esac
    shift
done
command=("$@")
if ((!${#command[@]})); then
    [[ -t 0 && -t 1 ]] && tty=1
    command=(bash)
fi
[[ $memory =~ ^[0-9]+$ && $cpus =~ ^[0-9]+$ && $timeout =~ ^[0-9]*$ ]] || die "lab: --memory, --cpus and --timeout take numbers"
[[ ! $tty || (-t 0 && -t 1) ]] || die "lab: --tty needs a terminal"

[[ $debian == 12 ]] || debian_suite "$debian" >/dev/null
if [[ $build_dir == default ]]; then
    build_dir=build
    [[ $debian == 12 ]] || build_dir=build-deb$debian
fi

# Commas separate QEMU's options; doubled they are themselves.
quote() { printf '%s' "${1//,/,,}"; }

# The lock is ./dev's: meson knows no waiting for one that configures the folder.
locked() { # COMMAND…, quiet unless it fails; under the lock of the build folder
    (cd "$top" && flock "$build_dir/.dev-lock" "$@" >"$run/install.log" 2>&1) || { cat "$run/install.log" >&2 && return 1; }
}

# For this machine's release it was built by the caller.
build_domlet() {
    [[ $build_dir && $debian != 12 ]] || return 0
    [[ ! -t 2 && -e $top/$build_dir/build.ninja ]] || say "lab: building domlet for Debian $debian"
    mkdir -p "$top/$build_dir"
    # shellcheck disable=SC2016 # for the shell inside
    locked "$here/build-root.sh" "$debian" "$build_dir" sh -ec '[ -e "$1/build.ninja" ] || meson setup "$1"; ninja -C "$1"' sh "$build_dir"
}

# Its files end in $run/stage.
install_domlet() {
    if [[ $debian == 12 ]]; then
        locked meson install -C "$build_dir" --no-rebuild --quiet --destdir "$run/stage"
    else
        # shellcheck disable=SC2016 # for the shell inside
        locked bash -ec 'rm -rf "$1/stage" && "$2" "$3" "$1" meson install -C "$1" --no-rebuild --quiet --destdir stage && cp -a "$1/stage" "$4/"' \
            bash "$build_dir" "$here/build-root.sh" "$debian" "$run"
    fi
}

# What dom0 finds at /lab: the command, the settings, domlet to be installed;
# and what it leaves there: status, logs.
fill_run_dir() {
    local vmlinux
    cp "$here"/*.sh "$run/"
    printf '%s\0' "${command[@]}" >"$run/command"
    printf '%s=%q\n' xenstored "${DOMLET_LAB_XENSTORED:-oxenstored}" dir "$dir" tty "$tty" term "${TERM-dumb}" \
        engines "$engines" size "$([[ ! $tty ]] || stty size)" >"$run/settings"
    : >"$run/stdout"
    : >"$run/stderr"
    : >"$run/console.log"
    [[ $build_dir ]] || return 0
    install_domlet || return
    mkdir -p "$run/stage/usr/lib/domlet"
    vmlinux=$("$top/images/kernel.sh")
    cp "$vmlinux" "$run/stage/usr/lib/domlet/vmlinux"
    if [[ -e $run/stage/usr/lib/domlet/domlet-init ]]; then
        "$top/images/initrd.sh" "$run/stage/usr/lib/domlet/domlet-init" "$run/stage/usr/lib/domlet/initrd.cpio"
    fi
    [[ -e $build_dir/tests/e2e/hostile-init ]] || return 0
    mkdir -p "$run/stage/usr/lib/domlet/tests"
    cp "$image/vmlinuz" "$run/stage/usr/lib/domlet/tests/"
    cp "$build_dir"/tests/e2e/{recvtty,kernel-answers,name-server,unix-talk} "$run/stage/usr/lib/domlet/tests/"
    cp "$build_dir/tests/unit/share_notify_test" "$run/stage/usr/lib/domlet/tests/share-notify"
    cp "$(ldd "$build_dir/tests/unit/share_notify_test" | awk '/libcmocka/ { print $3 }')" "$run/stage/usr/lib/domlet/tests/"
    "$top/images/initrd.sh" "$build_dir/tests/e2e/hostile-init" "$run/stage/usr/lib/domlet/tests/hostile.cpio"
}

# shellcheck disable=SC2054 # QEMU's commas
qemu_arguments() {
    local dom0_memory=$((memory / 2)) path
    path=$(quote "$run")
    ((dom0_memory <= 2048)) || dom0_memory=2048
    qemu=(qemu-system-x86_64 -name domlet-lab -nodefaults -no-user-config -display none -monitor none -no-reboot
        -accel tcg,thread=multi -smp "$cpus" -m "$memory"
        # Without rdrand and rdseed dom0's random pool is not ready for its first
        # 20 seconds, and libxl and Go programs sleep on it.
        -cpu qemu64,+svm,+npt,+rdrand,+rdseed
        -kernel "$image/xen"
        -append "console=com1 com1=115200,8n1 loglvl=warning guest_loglvl=warning dom0_mem=${dom0_memory}M $xen_args"
        -initrd "$image/vmlinuz console=hvc0 quiet panic=1,$image/initrd.cpio"
        -drive "file=$(quote "$image/root.img"),if=none,id=root,format=raw,snapshot=on"
        -device virtio-blk-pci,drive=root
        -virtfs "local,path=$path,mount_tag=lab,security_model=none,multidevs=remap"
        -serial "file:$path/console.log"
        -device virtio-serial-pci)
    [[ ! $dir ]] || qemu+=(-virtfs "local,path=$(quote "$dir"),mount_tag=dir,security_model=passthrough,multidevs=remap")
    if [[ $tty ]]; then
        qemu+=(-chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty)
    else
        # The output goes through files: a reader that is slow or gone can't
        # hold the machine up, nor lose what QEMU has not written at power-off.
        qemu+=(-chardev stdio,id=stdin,signal=off -device virtserialport,chardev=stdin,name=stdin
            -chardev "file,id=stdout,path=$path/stdout" -device virtserialport,chardev=stdout,name=stdout
            -chardev "file,id=stderr,path=$path/stderr" -device virtserialport,chardev=stderr,name=stderr)
    fi
    [[ ! $timeout ]] || qemu=(timeout --foreground -k 5 "$timeout" "${qemu[@]}")
}

pids=()
# shellcheck disable=SC2317 # called by a trap
cleanup() {
    local pid
    trap - EXIT INT TERM HUP
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "${run:?}"
}

show_logs() {
    local file
    for file in qemu.log console.log dom0.log xl-dmesg.log dmesg.log journal.log; do
        [[ ! -s $run/$file ]] || { echo "--- $file" && cat "$run/$file"; }
    done | tr -d '\r'
}

run_piped() {
    local qemu_pid tails=() status=0
    # cat stands between, so that QEMU's non-blocking mode stays off the caller's
    # standard input.
    "${qemu[@]}" < <(exec cat <&3) 3<&- >"$run/qemu.log" 2>&1 &
    qemu_pid=$!
    pids+=("$qemu_pid")
    tail -s 0.1 --pid="$qemu_pid" -c +1 -f "$run/stdout" 3<&- 2>/dev/null &
    tails+=($!)
    tail -s 0.1 --pid="$qemu_pid" -c +1 -f "$run/stderr" 3<&- >&2 2>/dev/null &
    tails+=($!)
    pids+=("${tails[@]}")
    wait "$qemu_pid" || status=$?
    wait "${tails[@]}" || true
    return "$status"
}

# Side by side: the kernel takes the processors' time, dom0's image the network's.
make_images() {
    local other
    local make=("$here/dom0-image.sh")
    [[ $debian == 12 ]] || make=("$here/systemd-image.sh" "$debian")
    { "${make[@]}" $engines && packages_need qemu-system-x86 procps; } >"$run/image" 2> >(exec cat >&2) &
    other=$!
    pids+=("$other")
    [[ ! $build_dir ]] || "$top/images/kernel.sh" >/dev/null
    build_domlet
    wait "$other"
    pids=()
    image=$(<"$run/image")
}

run=$(mktemp -d "${TMPDIR:-/tmp}/domlet-lab.XXXXXX")
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
make_images
fill_run_dir
qemu_arguments
[[ ! -t 2 ]] || say "lab: booting Xen, about ten seconds"
status=0
if [[ $tty ]]; then
    "${qemu[@]}" 2>"$run/qemu.log" || status=$?
else
    exec 3<&0
    run_piped || status=$?
fi
[[ ! $log ]] || show_logs >"$log"
if [[ -s $run/status ]]; then
    exit "$(<"$run/status")"
elif [[ $timeout ]] && ((status == 124 || status == 137)); then
    say "lab: ended after $timeout s (--timeout)"
    [[ -s $run/ready ]] || show_logs | tail -n 40 >&2
    exit 124
fi
say "lab: the machine stopped before the command ended (QEMU's status $status); its logs end with:"
show_logs | tail -n 60 >&2
exit 125
