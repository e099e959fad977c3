#!/usr/bin/env bash
# the node plugin's pod is replaced, as in an update: what is mounted stays, and the new pod serves
set -euo pipefail
. e2e/faults.sh

claim work 64Mi
claim later 64Mi
writes_all_the_time worker work
mounted=$(mounts_of work)
before=$(linflow_processes node)
kubectl -n linflow rollout restart daemonset/linflow-node
await 90 "new node plugin" rolled_out daemonset/linflow-node
[ "$(linflow_processes node)" != "$before" ]
[ "$(mounts_of work)" = "$mounted" ]
pod next later 'echo words >/scratch/words'
becomes Succeeded next
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
delete pod worker next
[ -z "$(mounts_of work)" ]
delete pvc work later
