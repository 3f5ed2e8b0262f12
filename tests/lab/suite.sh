# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# `./dev test`, sourced by dev: runs every test, counts, and ends with the line
# "N passed, N failed, N skipped".

passed=0 failed=0 skipped=0
: "${top:?}" "${build:?}" "${build_packages:?}" # of dev

# count TITLE PASSED FAILED SKIPPED
count() {
    printf '%s: %d passed, %d failed, %d skipped\n' "$@"
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
}

test_scripts() {
    local scripts=() file good=0 bad=0
    if ! command -v shellcheck >/dev/null; then
        packages_need shellcheck
    fi
    while IFS= read -r file; do
        if [[ $file == *.sh ]] || head -n 1 "$file" | grep -qE '^#!.*\b(ba)?sh\b'; then
            scripts+=("$file")
        fi
    done < <(git ls-files 2>/dev/null | grep -vE '\.(c|h|md|build|patch|cfg|json|bats)$')
    for file in "${scripts[@]}"; do
        [[ -f $file ]] || continue
        if shellcheck -x "$file"; then good=$((good + 1)); else bad=$((bad + 1)); fi
    done
    count shellcheck "$good" "$bad" 0
}

# test_unit TITLE FOLDER [ENVIRONMENT…] -- [MESON OPTION…]
test_unit() {
    local title=$1 folder=$2 results
    shift
    if ! configure "$@" || ! compile "$folder"; then
        count "$title (build)" 0 1 0
        return
    fi
    if [[ $(meson introspect --tests "$folder" | jq length) == 0 ]]; then
        count "$title (build, no tests)" 1 0 0
        return
    fi
    results=$folder/meson-logs/testlog.json
    rm -f "$results"
    meson test -C "$folder" --no-rebuild --print-errorlogs --timeout-multiplier 4 >"$folder/test.out" 2>&1 ||
        tail -n 120 "$folder/test.out"
    if [[ ! -s $results ]]; then
        count "$title (runner)" 0 1 0
        return
    fi
    # shellcheck disable=SC2046 # three numbers
    count "$title" $(jq -rs '[.[].result] | map(select(. == "OK" or . == "EXPECTEDFAIL")) as $ok
        | map(select(. == "SKIP")) as $skip
        | "\($ok | length) \(length - ($ok | length) - ($skip | length)) \($skip | length)"' "$results")
}

# Numbers of TAP lines in a file: passed, failed, skipped.
count_tap() {
    awk '/^ok .*# skip/ { s++; next } /^ok / { p++ } /^not ok / { f++ } END { print p + 0, f + 0, s + 0 }' "$1"
}

# One boot of the lab for all files. What has not run when it ends has failed.
test_end_to_end() {
    local planned output status=0 good bad not_run
    planned=$(cat tests/e2e/*.bats | grep -c '^@test ')
    [[ $planned -gt 0 ]] || return 0
    mkdir -p "$build"
    output=$build/e2e.tap
    if ! lab_possible; then
        count "end to end (the lab can't run here)" 0 0 "$planned"
        return
    fi
    # shellcheck disable=SC2016 # for the shell in dom0
    tests/lab/lab.sh --build "$build" --dir "$top/tests" --timeout "$1" --log "$build/e2e.log" -- \
        bash -c 'export DOMLET_TEST_LONG=$1; shift; exec bats --tap --timing "$@"' bash "$long" e2e \
        </dev/null > >(tee "$output") || status=$?
    # Let tee finish.
    wait $! 2>/dev/null || true
    # shellcheck disable=SC2046 # three numbers
    read -r good bad not_run < <(count_tap "$output")
    if ((good + bad + not_run < planned)); then
        say "end to end: the lab ended (status $status) after $((good + bad + not_run)) of $planned tests"
        bad=$((planned - good - not_run))
    fi
    count "end to end" "$good" "$bad" "$not_run"
}

# The lab needs this machine's packages, and root to make dom0's image.
lab_possible() {
    [[ $(uname -m) == x86_64 ]] && (images/kernel.sh && tests/lab/dom0-image.sh && packages_need qemu-system-x86) >/dev/null
}

dev_test() {
    long=''
    while (($#)); do
        case $1 in
        --long) long=1 ;;
        *) usage >&2 && exit 2 ;;
        esac
        shift
    done
    export DOMLET_TEST_LONG=$long
    packages_need "${build_packages[@]}" clang libc6-dev
    test_scripts
    test_unit 'unit, gcc' build-gcc CC=gcc --
    test_unit 'unit, clang' build-clang CC=clang --
    test_unit 'unit, sanitizers' build-asan CC=gcc -- -Db_sanitize=address,undefined -Dstatic_init=false
    if compgen -G 'tests/e2e/*.bats' >/dev/null; then
        if dev_build; then
            test_end_to_end "$([[ $long ]] && echo 3600 || echo 1200)"
        else
            count 'end to end (build)' 0 1 0
        fi
    fi
    # The line that counts: alone, and last.
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    ((failed == 0))
}
