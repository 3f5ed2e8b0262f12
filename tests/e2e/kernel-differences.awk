# SPDX-License-Identifier: GPL-2.0-or-later
#
# awk -v type=pvh|pv -f kernel-differences.awk kernel-differences.txt DEBIAN GUEST
#
# DEBIAN and GUEST are what kernel-answers said. Prints each question with two
# answers that the first file does not have ("unexplained"), and each of its lines
# that explains nothing ("stale"). A question that was not asked there, since it
# is the name of a file, say, has the answer "-".

function pattern_of(text) {
    gsub(/[][(){}.+?^$|\\]/, "\\\\&", text)
    gsub(/\*/, ".*", text)
    return "^" text "$"
}

# A line's question may have stars. Its first word may be "pvh:" or "pv:".
FILENAME == ARGV[1] {
    if ($0 ~ /^(#|$)/)
        next
    line = $0
    if (match(line, /^pvh?: /)) {
        if (substr(line, 1, RLENGTH - 2) != type)
            next
        line = substr(line, RLENGTH + 1)
    }
    if (split(line, field, / \| /) != 3) {
        print "no line of three fields: " $0
        next
    }
    explained[++n] = $0
    exact[n] = field[1] !~ /\*/ ? field[1] : ""
    question[n] = pattern_of(field[1])
    answers[n] = field[2] " | " field[3]
    if (exact[n] != "")
        known[exact[n] " | " answers[n]] = n
    next
}

{
    at = match($0, /: [^:]*$/)
    name = substr($0, 1, at - 1)
    said[FILENAME == ARGV[2] ? 1 : 2, name] = substr($0, at + 2)
    asked[name] = 1
}

END {
    for (name in asked) {
        total++
        one = (1, name) in said ? said[1, name] : "-"
        other = (2, name) in said ? said[2, name] : "-"
        if (one == other)
            continue
        both = one " | " other
        found = (name " | " both) in known ? known[name " | " both] : 0
        for (i = 1; !found && i <= n; i++)
            if (exact[i] == "" && answers[i] == both && name ~ question[i])
                found = i
        if (found)
            used[found] = 1
        else
            print "unexplained: " name " | " both
    }
    for (i = 1; i <= n; i++)
        if (!(i in used))
            print "stale: " explained[i]
    if (total < 1000)
        print "only " total + 0 " questions were asked"
}
