#!/usr/bin/env bash
# step.sh TITLE COMMAND…: runs the command under a heading, and says how long it took.
set -euo pipefail

title=$1
shift
bold='' plain=''
if [ -t 1 ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi
printf '%s== %s%s\n' "$bold" "$title" "$plain"
status=0
"$@" || status=$?
outcome=done
if [ "$status" -ne 0 ]; then
    outcome="FAILED with exit $status"
fi
printf '%s== %s: %s in %s s%s\n' "$bold" "$title" "$outcome" "$SECONDS" "$plain"
exit "$status"
