#!/usr/bin/env bash
# the next try of a task, a new pod with a new claim, reads what the first wrote, and another task doesn't get it
set -euo pipefail
. e2e/tasks.sh

class task
task first sales manual-1 load task 'echo from the first try >/scratch/words; sync; exit 1'
becomes Failed first
task second sales manual-1 load task 'grep -x "from the first try" /scratch/words'
becomes Succeeded second
task other sales manual-1 report task 'test ! -e /scratch/words'
becomes Succeeded other
[ "$(definitions sales | wc -l)" -eq 2 ]
delete pod first second other
await 60 "end of the claims" no_claims
[ "$(definitions sales | wc -l)" -eq 2 ]
let_go sales manual-1
await 30 "end of the volumes" no_definitions sales
