#!/usr/bin/env bash
# while a run's volume is held on one node, the real scheduler places the run's next pod there, though the pod prefers another
set -euo pipefail
. e2e/tasks.sh
. e2e/faults.sh

prefers_other=".spec.affinity = {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
    {weight: 100, preference: {matchExpressions: [{key: \"kubernetes.io/hostname\", operator: \"In\", values: [\"node-2\"]}]}}]}}"

class run
task holder stock manual-1 extract run 'echo held >/scratch/words; sleep inf'
becomes Running holder
node_without_kubelet node-2
# Without the volume the scheduler would go where the pod wants to.
pod wisher none true ".spec.volumes = [] | .spec.containers[0].volumeMounts = [] | $prefers_other"
await 30 "a pod placed on node-2" is_on wisher node-2
task follower stock manual-1 transform run 'grep -x held /scratch/words' "$prefers_other"
becomes Succeeded follower 120
is_on follower "$node"
kubectl -n "$namespace" delete pod wisher --force --grace-period=0
delete pod follower holder
kubectl delete node/node-2
await 60 "end of the claims" no_claims
let_go stock manual-1
await 30 "end of the volumes" no_definitions stock
