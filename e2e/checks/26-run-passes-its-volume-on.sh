#!/usr/bin/env bash
# a run's volume passes from task to task, the claim's event says that the data stays, and another run gets its own
set -euo pipefail
. e2e/tasks.sh

told() { kubectl -n "$namespace" get events -o jsonpath='{range .items[*]}{.message}{"\n"}{end}' | grep -F 'linflow volumes'; }

class run
task extract billing manual-1 extract run 'echo extracted >/scratch/words'
becomes Succeeded extract
delete pod extract
await 60 "event that the data stays" told
task transform billing manual-1 transform run 'grep -x extracted /scratch/words; echo transformed >>/scratch/words'
becomes Succeeded transform
delete pod transform
task elsewhere billing manual-2 extract run 'test ! -e /scratch/words'
becomes Succeeded elsewhere
delete pod elsewhere
task load billing manual-1 load run 'grep -x transformed /scratch/words'
becomes Succeeded load
delete pod load
await 60 "end of the claims" no_claims
let_go billing manual-1
let_go billing manual-2
await 30 "end of the volumes" no_definitions billing
