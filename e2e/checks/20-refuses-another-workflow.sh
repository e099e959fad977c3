#!/usr/bin/env bash
# a pod of another DAG is refused, and its events say whose the volume is
set -euo pipefail
. e2e/tasks.sh

storage_class linflow-etl-daily 'placementCount: "2", scope: dag, dag-id: etl_daily'

refused() { kubectl -n "$namespace" describe pod other | grep -F "dag_id differs"; }

claim etl 64Mi linflow-etl-daily
pod ours etl 'echo done >>/scratch/words'
becomes Succeeded ours
delete pod ours
pod other etl 'echo done >>/scratch/words' '.metadata.annotations.dag_id = "billing" | .metadata.labels.dag_id = "billing"'
await 60 "event of the refusal" refused
kubectl -n "$namespace" describe pod other
refused | grep -F etl_daily | grep -F billing
has_phase other Pending
delete pod other
delete pvc etl
await 60 "end of the claims" no_claims
let_go etl_daily
await 30 "end of the volume" no_definitions etl_daily
