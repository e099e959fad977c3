#!/usr/bin/env bash
# fifty pods with a volume each start at once and are deleted: nothing is left, and no log has an error of ours
set -euo pipefail
. e2e/pods.sh
. e2e/logs.sh

count=50
marks=$(mark_logs)
all_run() { [ "$(kubectl -n "$namespace" get pods -l fifty=yes --field-selector=status.phase=Running -o name | wc -l)" -eq "$count" ]; }

for number in $(seq "$count"); do
    claim_manifest "fifty-$number" 64Mi
    echo ---
    pod_manifest "fifty-$number" "fifty-$number" 'echo words >/scratch/words; sleep inf' '.metadata.labels.fifty = "yes"'
done | kubectl apply -f -
if ! await 300 "fifty running pods" all_run; then
    kubectl -n "$namespace" get pods,pvc
    exit 1
fi
kubectl -n "$namespace" delete pods -l fifty=yes --wait --timeout=180s
kubectl -n "$namespace" delete pvc --all --wait --timeout=180s
await 120 "clean state" nothing_is_left
no_errors_since "$marks"
