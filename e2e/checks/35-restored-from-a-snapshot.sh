#!/usr/bin/env bash
# a snapshot of a volume that a pod writes to is restored into a larger one, and outlives its source's claim
set -euo pipefail
. e2e/copies.sh

claim work 64Mi
pod writer work 'echo before >/scratch/words; sync; sleep inf'
becomes Running writer
kubectl apply -f - <<END
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: before, namespace: "$namespace"}
spec: {volumeSnapshotClassName: linflow, source: {persistentVolumeClaimName: work}}
END
await 60 "snapshot" is_ready volumesnapshot before
in_pod writer 'echo after >/scratch/words'
restored_claim restored before 128Mi
pod reader restored 'grep -x before /scratch/words; echo of the copy >/scratch/words; sleep inf'
becomes Running reader
await 60 "larger filesystem" has_mebibytes reader 100
in_pod writer 'grep -x after /scratch/words'
delete pod writer reader
delete pvc work
restored_claim late before 64Mi
pod late late 'grep -x before /scratch/words'
becomes Succeeded late
delete pod late
delete pvc restored late
delete volumesnapshot before
await 120 "clean state" nothing_is_left
