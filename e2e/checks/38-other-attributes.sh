#!/usr/bin/env bash
# the VolumeAttributesClass of a claim in use is changed: limits and replicas follow, a mistake is told, and the pod goes on
set -euo pipefail
. e2e/faults.sh

attributes_class() {
    kubectl apply -f - <<END
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: {name: "$1"}
driverName: linflow.csi
parameters: {$2: "$3"}
END
}
wish() { kubectl -n "$namespace" patch pvc work --patch "{\"spec\": {\"volumeAttributesClassName\": \"$1\"}}"; }
status() { kubectl -n "$namespace" get pvc work -o jsonpath="{.status.$1}"; }
has_class() { [ "$(status currentVolumeAttributesClassName)" = "$1" ] && [ -z "$(status modifyVolumeStatus)" ]; }
is_refused() { [ "$(status modifyVolumeStatus.status)" = Infeasible ]; }
is_told() { kubectl -n "$namespace" describe pvc work | grep -F placementCuont; }
limit() { curl -fsS "$sandbox_url/v1/resource-definitions/$volume" | jq -r '.props["sys/fs/blkio_throttle_write_iops"]'; }
disks() {
    curl -fsS "$sandbox_url/v1/resource-definitions/$volume/resources" |
        jq '[.[] | select((.flags // []) | any(. == "DISKLESS" or . == "TIE_BREAKER") | not)] | length'
}

attributes_class linflow-three placementCount 3
attributes_class linflow-two placementCount 2
attributes_class linflow-misspelt placementCuont 3
claim work 64Mi linflow Filesystem 'volumeAttributesClassName: linflow-throttled'
writes_all_the_time worker work
volume=$(volume_of work)
has_class linflow-throttled
[ "$(limit)" = 1000 ]
wish linflow-unthrottled
await 60 "lifted limit" has_class linflow-unthrottled
[ "$(limit)" = 0 ]
[ "$(disks)" -eq 2 ]
wish linflow-three
await 60 "third replica" has_class linflow-three
[ "$(disks)" -eq 3 ]
wish linflow-misspelt
await 60 "refusal" is_refused
await 10 "event about the typing error" is_told
wish linflow-two
await 60 "removed replica" has_class linflow-two
[ "$(disks)" -eq 2 ]
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
delete pod worker
delete pvc work
await 60 "clean state" nothing_is_left
kubectl delete volumeattributesclass linflow-three linflow-two linflow-misspelt --timeout=60s
