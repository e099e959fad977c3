#!/usr/bin/env bash
# the controller is killed after a volume was attached and before it is staged, and the pod gets it
set -euo pipefail
. e2e/faults.sh

claim work 64Mi
pod first work 'echo words >/scratch/words'
becomes Succeeded first
delete pod first
# Without a kubelet a pod is scheduled and its volume attached, and there it stays.
stop kubelet
pod second work 'grep -x words /scratch/words'
await 60 "attached volume" is_attached work "$node"
linflow_processes controller | xargs kill -KILL
start_kubelet_again
becomes Succeeded second 120
delete pod second
await 120 "controller" rolled_out deployment/linflow-controller
delete pvc work
