#!/usr/bin/env bash
# the node plugin is killed under a pod's writes: the pod goes on, and the plugin that comes back mounts and unmounts
set -euo pipefail
. e2e/faults.sh

claim work 64Mi
claim later 64Mi
writes_all_the_time worker work
killed=$(linflow_processes node)
before=$(lines worker)
kill -KILL "$killed"
await 30 "more lines without the node plugin" has_more_lines worker "$before"
pod next later 'echo words >/scratch/words'
becomes Succeeded next 120
[ "$(linflow_processes node)" != "$killed" ]
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
await 60 "node plugin" rolled_out daemonset/linflow-node
delete pod worker next
delete pvc work later
