#!/bin/sh
# Simulate every scenario fleet (seed $1, default 1) and ask the cases that belong to them. Further arguments go to llo11ypop eval.
set -eu
seed="${1:-1}"
[ $# -eq 0 ] || shift
here="$(cd "$(dirname "$0")" && pwd)"
fleets="${FLEETS:-.llo11ypop/scenarios}"
mkdir -p "$fleets"
given=""
for story in "$here"/*.yaml; do
    fleet="$fleets/$(basename "$story" .yaml)-$seed.duckdb"
    [ -f "$fleet" ] || llo11ypop simulate --seed "$seed" --gpus 128 --days 4 --scenario "$story" --out "$fleet" >/dev/null
    given="$given --fleet $fleet"
done
# shellcheck disable=SC2086 - one argument per word
exec llo11ypop eval --cases "$here/.." --only scenario $given "$@"
