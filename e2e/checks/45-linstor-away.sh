#!/usr/bin/env bash
# LINSTOR is away while a controller starts and a claim waits: both say so, and go on by themselves when it is back
set -euo pipefail
. e2e/faults.sh

told() { kubectl -n "$namespace" describe pvc waiting | grep -E 'Unavailable|DeadlineExceeded'; }
not_ready() { ! kubectl -n linflow wait --for=condition=Available deployment/linflow-controller --timeout=1s; }

stop sandbox
linflow_processes controller | xargs kill -KILL
claim waiting 64Mi
pod waiting waiting 'echo words >/scratch/words'
await 90 "controller that is not ready" not_ready
kubectl -n linflow get pods
restart sandbox
await 120 "controller" rolled_out deployment/linflow-controller
becomes Succeeded waiting 150
delete pod waiting
delete pvc waiting
