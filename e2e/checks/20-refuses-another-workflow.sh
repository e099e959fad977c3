#!/usr/bin/env bash
# a pod of another DAG is refused, and its events say whose the volume is
set -euo pipefail
. e2e/pods.sh

kubectl apply -f - <<END
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: linflow-etl-daily}
provisioner: linflow.csi
volumeBindingMode: WaitForFirstConsumer
parameters: {placementCount: "2", scope: dag, dag-id: etl_daily}
END

# shown POD JQ-FILTER: held back until the node can read its manifest, as it stands in Kubernetes.
shown() {
    pod "$1" etl 'echo done >>/scratch/words' ".spec.schedulingGates = [{name: \"linflow.e2e/manifest\"}] | $2"
    kubectl -n "$namespace" get pod "$1" -o yaml >"$manifests/$1.yaml"
    kubectl -n "$namespace" patch pod "$1" --type=json --patch '[{"op": "remove", "path": "/spec/schedulingGates"}]'
}
refused() { kubectl -n "$namespace" describe pod other | grep -F "dag_id differs"; }

claim etl 64Mi linflow-etl-daily
shown ours .
becomes Succeeded ours
delete pod ours
shown other '.metadata.annotations.dag_id = "billing" | .metadata.labels.dag_id = "billing"'
await 60 "event of the refusal" refused
kubectl -n "$namespace" describe pod other
refused | grep -F etl_daily | grep -F billing
has_phase other Pending
delete pod other
delete pvc etl
rm "$manifests"/*.yaml
