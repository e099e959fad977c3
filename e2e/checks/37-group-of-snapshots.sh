#!/usr/bin/env bash
# two volumes of one pod are taken as a group, and each is restored
set -euo pipefail
. e2e/copies.sh

member() {
    kubectl -n "$namespace" get volumesnapshots -o json |
        jq -er --arg claim "$1" '.items[] | select(.spec.source.persistentVolumeClaimName == $claim) | .metadata.name'
}

claim one 64Mi
claim two 64Mi
kubectl -n "$namespace" label pvc one two linflow.e2e/group=both
pod_with_two both one two 'echo 1 >/scratch/words; echo 2 >/second/words; sync; sleep inf'
becomes Running both
kubectl apply -f - <<END
apiVersion: groupsnapshot.storage.k8s.io/v1
kind: VolumeGroupSnapshot
metadata: {name: both, namespace: "$namespace"}
spec:
  volumeGroupSnapshotClassName: linflow
  source: {selector: {matchLabels: {linflow.e2e/group: both}}}
END
await 60 "group" is_ready volumegroupsnapshot both
in_pod both 'echo later >/scratch/words; echo later >/second/words'
restored_claim one-again "$(member one)" 64Mi
restored_claim two-again "$(member two)" 64Mi
pod_with_two reader one-again two-again 'grep -x 1 /scratch/words; grep -x 2 /second/words'
becomes Succeeded reader
delete pod both reader
delete volumegroupsnapshot both
delete pvc one two one-again two-again
await 120 "clean state" nothing_is_left
