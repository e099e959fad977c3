# What checks do to the cluster's processes.
# shellcheck shell=bash

# shellcheck source=e2e/pods.sh
. e2e/pods.sh

# linflow_processes ROLE: the process numbers of the role's containers, of this cluster alone: other processes are not seen from here.
linflow_processes() { pgrep --full "^/usr/bin/linflow $1 "; }

start_kubelet_again() {
    restart kubelet
    await 60 "kubelet" curl -fsS --max-time 2 http://127.0.0.1:10248/healthz
}

rolled_out() { kubectl -n linflow rollout status "$1" --timeout=1s; }

# is_attached CLAIM NODE: as the attacher has it.
is_attached() {
    kubectl get volumeattachments -o jsonpath='{range .items[?(@.status.attached==true)]}{.spec.source.persistentVolumeName} {.spec.nodeName}{"\n"}{end}' |
        grep -x "$(volume_of "$1") $2"
}

restarts_of() { kubectl -n "$namespace" get pod "$1" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }

# A pod that writes a line ten times a second, and ends with an error when a write fails.
writes_all_the_time() {
    pod "$1" "$2" 'while echo line >>/scratch/lines; do sync; sleep 0.1; done; exit 1'
    becomes Running "$1"
}
lines() { in_pod "$1" 'wc -l </scratch/lines'; }
has_more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

# mounts_of CLAIM: where its device is mounted, staged and for its pods.
mounts_of() {
    local volume numbers
    volume=$(volume_of "$1")
    numbers=$(losetup --list --noheadings --output MAJ:MIN,BACK-FILE | awk -v file="/${volume}_" 'index($2, file) { print $1 }')
    [ -n "$numbers" ] && awk -v numbers="$numbers" 'index("\n" numbers "\n", "\n" $3 "\n") { print $1, $5 }' /proc/self/mountinfo
}

# node_without_kubelet NAME [TAINTS]: all that Kubernetes has of a node is what stands here. It is like this one, labels included, and has the
# driver with the same topology; its status is true for the minute that the node controller waits for a sign of life.
node_without_kubelet() {
    kubectl get "node/$node" -o json | jq --arg name "$1" --arg this "$node" --argjson taints "${2:-[]}" '
        {apiVersion, kind, metadata: {name: $name, labels: (.metadata.labels | map_values(if . == $this then $name else . end)),
            annotations: {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}}, spec: {taints: $taints}}' | kubectl apply -f -
    kubectl get "csinode/$node" -o json |
        jq --arg name "$1" --arg uid "$(kubectl get "node/$1" -o jsonpath='{.metadata.uid}')" '
            {apiVersion, kind, metadata: {name: $name, ownerReferences: [{apiVersion: "v1", kind: "Node", name: $name, uid: $uid}]},
            spec: {drivers: [.spec.drivers[] | .nodeID = $name]}}' | kubectl apply -f -
    kubectl get "node/$node" -o json | jq '{status: {capacity: .status.capacity, allocatable: .status.allocatable,
        conditions: [.status.conditions[] | .lastHeartbeatTime = (now | todate)]}}' >"$work/status.json"
    kubectl patch "node/$1" --subresource=status --type=merge --patch-file "$work/status.json"
}
