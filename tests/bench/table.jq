# SPDX-License-Identifier: GPL-2.0-or-later
# jq -r --slurpfile limits limits.json -f table.jq: the summary as lines of
# tab-separated columns. A limit holds for the median.
def median: sort | if length == 0 then null
  elif length % 2 == 1 then .[(length - 1) / 2]
  else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def short: if . == null then "-" elif . >= 100 then round else . * 1000 | round / 1000 end | tostring;
def spread: if length == 0 then "-" else "\(min | short) \(median | short) \(max | short)" end;

["figure", "type", "unit", "ours min/med/max", "peer min/med/max", "ratio min/med/max", "limit", "met"],
(.[] | . as $f | ($limits[0][.name] // {}) as $l
  | (if $l.of == "ours" then (.ours | median) else .ratio.median end) as $value
  | ($l.most[.type]? // null) as $most | ($l.least[.type]? // null) as $least
  | [.name, .type, .unit, (.ours | spread), (.peer | spread),
     (if .ratio.median == null then "-" else [.ratio.min, .ratio.median, .ratio.max] | map(short) | join(" ") end),
     (if $most then "\($l.of) ≤ \($most)" elif $least then "\($l.of) ≥ \($least)" else "-" end),
     (if $value == null or ($most == null and $least == null) then "-"
      elif ($most == null or $value <= $most) and ($least == null or $value >= $least) then "yes" else "NO" end)])
| @tsv
