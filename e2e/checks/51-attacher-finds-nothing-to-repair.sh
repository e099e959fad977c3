#!/usr/bin/env bash
# external-attacher's comparison of its list with LINSTOR's finds nothing to repair
set -euo pipefail
. e2e/pods.sh

attacher_logs() { kubectl -n linflow logs -l app.kubernetes.io/component=controller -c csi-attacher --tail=-1; }
compared() { kubectl -n linflow logs -l app.kubernetes.io/component=controller -c linflow --tail=-1 --since-time="$begun" | grep -F "answered method=ListVolumes code=Ok"; }

claim work 64Mi
pod worker work 'sleep inf'
becomes Running worker
begun=$(date --utc +%FT%TZ)
# It compares once a minute.
await 130 "comparison" compared
if attacher_logs | grep -F "actual state do not match"; then
    exit 1
fi
delete pod worker
delete pvc work
