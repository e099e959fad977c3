#!/usr/bin/env bash
# a node is lost with a volume attached to it, and the volume is attached and read elsewhere
set -euo pipefail
. e2e/faults.sh

lost="node-2"
node_without_kubelet "$lost" '[{"key": "linflow.e2e/no-kubelet", "effect": "NoSchedule"}]'

claim work 64Mi
pod first work 'echo words >/scratch/words'
becomes Succeeded first
delete pod first
pod away work 'sleep inf' ".spec.nodeName = \"$lost\""
await 60 "volume attached to $lost" is_attached work "$lost"
curl -fsS -X POST "$sandbox_url/sandbox/nodes/$lost/crash"
kubectl -n "$namespace" delete pod away --force --grace-period=0
# What an administrator says when a machine is known to be off.
kubectl taint node "$lost" node.kubernetes.io/out-of-service=nodeshutdown:NoExecute
pod back work 'grep -x words /scratch/words'
becomes Succeeded back 120
is_attached work "$node"
delete pod back
curl -fsS -X POST "$sandbox_url/sandbox/nodes/$lost/restore"
kubectl delete "node/$lost"
delete pvc work
