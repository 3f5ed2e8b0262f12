# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Bash completion for domlet(8). It asks domlet's own --help, so that it can
# offer nothing that domlet doesn't know.

# _domlet_options DOMLET [VERB]: a line "OPTION VALUE" for each option; VALUE as
# the help names it, empty when the option takes none.
_domlet_options() {
    "$@" --help 2>/dev/null | awk '
        /^ +-/ {
            sub(/^ +/, "")
            sub(/  .*/, "")
            value = $NF ~ /^-/ ? "" : $NF
            for (i = 1; i <= NF && $i ~ /^-/; i++) {
                sub(/,$/, "", $i)
                print $i, value
            }
        }'
    echo --help
}

# _domlet_offer VALUE: completes the current word as VALUE says.
_domlet_offer() {
    case $1 in
    DIR)
        compopt -o filenames 2>/dev/null || true # fails outside a completion
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        ;;
    FILE | SOCKET)
        compopt -o filenames 2>/dev/null || true # fails outside a completion
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    ID) mapfile -t COMPREPLY < <(compgen -W "$("$domlet" "${root[@]}" list -q 2>/dev/null)" -- "$cur") ;;
    SIGNAL) mapfile -t COMPREPLY < <(compgen -A signal -- "${cur:-SIG}" | grep '^SIG') ;;
    VERB) mapfile -t COMPREPLY < <(compgen -W "$("$domlet" --help | awk '/^Verbs:/ { v = 1; next } /^$/ { v = 0 } v { print $1 }')" -- "$cur") ;;
    *\|*) mapfile -t COMPREPLY < <(compgen -W "${1//|/ }" -- "$cur") ;;
    esac
}

_domlet() {
    local domlet=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} verb='' root=() arguments=() pending='' option value word i
    local -A takes=()
    COMPREPLY=()
    while read -r option value; do takes[$option]=$value; done < <(_domlet_options "$domlet")
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $pending ]]; then
            [[ $word == = ]] && continue
            [[ $pending != --root ]] || root=(--root "$word")
            pending=''
        elif [[ $word == -* ]]; then
            [[ ! ${takes[$word]-} ]] || pending=$word
        elif [[ ! $verb ]]; then
            verb=$word
            takes=()
            while read -r option value; do takes[$option]=$value; done < <(_domlet_options "$domlet" "$verb")
        else
            arguments+=("$word")
        fi
    done
    [[ $cur != = ]] || cur=''
    if [[ $pending ]]; then
        _domlet_offer "${takes[$pending]}"
    elif [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "${!takes[*]}" -- "$cur")
    elif [[ ! $verb || $verb == help ]]; then
        _domlet_offer VERB
    elif [[ ! $verb =~ ^(run|create)$ ]]; then # these make a new id
        read -r -a word < <("$domlet" "$verb" --help 2>/dev/null | sed -n 's/^Usage: domlet [^ ]* *//p' | sed 's/\[-[^]]*\]//g; s/\[OPTIONS\]//; s/[][]//g') || true
        _domlet_offer "${word[${#arguments[@]}]-}"
    fi
}

complete -F _domlet domlet
