#!/usr/bin/env bash
# a node is lost with a volume attached to it, and the volume is attached and read elsewhere
set -euo pipefail
. e2e/faults.sh

lost="node-2"
# A node without a kubelet: all that Kubernetes has of a node is what stands here.
kubectl apply -f - <<END
apiVersion: v1
kind: Node
metadata:
  name: $lost
  labels: {kubernetes.io/hostname: $lost, kubernetes.io/os: linux}
  annotations: {volumes.kubernetes.io/controller-managed-attach-detach: "true"}
spec: {taints: [{key: linflow.e2e/no-kubelet, effect: NoSchedule}]}
END
kubectl get "csinode/$node" -o json |
    jq --arg lost "$lost" --arg uid "$(kubectl get "node/$lost" -o jsonpath='{.metadata.uid}')" '
        {apiVersion, kind, metadata: {name: $lost, ownerReferences: [{apiVersion: "v1", kind: "Node", name: $lost, uid: $uid}]},
        spec: {drivers: [.spec.drivers[] | .nodeID = $lost]}}' | kubectl apply -f -

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
