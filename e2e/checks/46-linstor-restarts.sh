#!/usr/bin/env bash
# LINSTOR restarts while a volume is mounted, and the volume is unmounted, mounted again and deleted
set -euo pipefail
. e2e/faults.sh

claim work 64Mi
writes_all_the_time worker work
stop sandbox
restart sandbox
await 20 "sandbox" curl -fsS "$sandbox_url/v1/controller/version"
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
delete pod worker
pod again work 'grep -x -m 1 line /scratch/lines'
becomes Succeeded again
delete pod again
delete pvc work
await 60 "clean state" nothing_is_left
