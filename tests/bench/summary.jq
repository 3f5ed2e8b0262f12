# SPDX-License-Identifier: GPL-2.0-or-later
# jq -s -f summary.jq SAMPLES: one object a measured value,
# {name, type, unit, side: "ours"|"peer", value}, in the order of measuring, to
# one object a figure and type. Ratios are of neighbours: the n-th of ours by
# the peer's n-th, which was measured right before or after it.
def median: sort | if length == 0 then null
  elif length % 2 == 1 then .[(length - 1) / 2]
  else (.[length / 2 - 1] + .[length / 2]) / 2 end;
def spread: { min: min, median: median, max: max };

reduce .[] as $s ([]; (map([.name, .type]) | index([[$s.name, $s.type]])) as $at
  | if $at then . else . + [$s | { name, type, unit, ours: [], peer: [] }] end
  | .[$at // -1][$s.side] += [$s.value])
| map(. + { ratio: ([.ours, .peer] | transpose
    | map(select(all(. != null) and .[1] != 0) | .[0] / .[1]) | spread) })
