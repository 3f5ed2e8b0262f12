# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The lab's command in dom0: where it runs, what its streams are, and what is left
# of it at /lab. To be sourced where /lab/settings was.
: "${dir?}" "${tty?}" "${term?}" "${size?}"

# port NAME: the device of the virtio-serial port called so.
port() {
    local file
    for file in /sys/class/virtio-ports/*/name; do
        if [[ $(<"$file") == "$1" ]]; then
            file=${file%/name}
            echo "/dev/${file##*/}"
            return
        fi
    done
}

# Ports can be opened once only, and programs open /dev/stdout again, so give
# them pipes.
run_piped() {
    local status in out err
    in=$(port stdin) out=$(port stdout) err=$(port stderr)
    mkfifo /run/lab.in /run/lab.out /run/lab.err
    cat "$in" >/run/lab.in 2>/dev/null &
    cat /run/lab.out >"$out" &
    local out_pid=$!
    cat /run/lab.err >"$err" &
    local err_pid=$!
    setsid -w "$@" </run/lab.in >/run/lab.out 2>/run/lab.err
    status=$?
    # A daemon that the command left behind may hold its output open for ever.
    timeout 60 tail -s 0.1 --pid="$out_pid" -f /dev/null
    timeout 60 tail -s 0.1 --pid="$err_pid" -f /dev/null
    return "$status"
}

run_on_tty() {
    [[ ! $size ]] || stty -F /dev/hvc1 rows "${size% *}" cols "${size#* }"
    export TERM=$term
    setsid -c -w "$@" <>/dev/hvc1 >&0 2>&0
}

enter_dir() {
    if [[ $dir ]]; then
        mkdir -p /mnt/dir
        mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,access=any dir /mnt/dir && cd /mnt/dir || return
    else
        cd /root || return
    fi
}

run_command() {
    local command status
    mapfile -d '' -t command </lab/command
    cut -d ' ' -f 1 /proc/uptime >/lab/ready
    if [[ $tty ]]; then
        run_on_tty "${command[@]}"
    else
        run_piped "${command[@]}"
    fi
    status=$?
    {
        xl dmesg -c >/lab/xl-dmesg.log
        dmesg >/lab/dmesg.log
    } 2>/dev/null
    echo "$status" >/lab/status
}
