# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016,SC2154 # the container's shell expands; $output is bats'
# Many containers. For many.bats and long/many.bats.

many_bundle() {
    make_bundle sh -c 'read -r line; echo "$line"; exit 7'
    edit '.linux.resources.memory.limit = 67108864'
}

# N containers with a line of its own each; all end right.
at_once() { # N
    local i pids=() status
    for ((i = 1; i <= $1; i++)); do
        (
            trap - DEBUG
            domlet run -b "$BUNDLE" "c$i" <<<"line $i" >"$BATS_TEST_TMPDIR/out.$i" 2>&1
        ) 3>&- &
        pids+=($!)
    done
    for ((i = 1; i <= $1; i++)); do
        status=0
        wait "${pids[i - 1]}" || status=$?
        echo "c$i: status $status: $(<"$BATS_TEST_TMPDIR/out.$i")"
        [ "$status" -eq 7 ]
        [ "$(<"$BATS_TEST_TMPDIR/out.$i")" = "line $i" ]
    done
}

in_a_row() { # N
    local nth # bats' run changes i
    for ((nth = 1; nth <= $1; nth++)); do
        run -7 domlet run -b "$BUNDLE" c1 <<<"line $nth"
        [ "$output" = "line $nth" ]
        no_leaks
    done
}
