#!/usr/bin/env bash
# a pod with a new 1 GiB volume starts within 3 s of the same pod without one (the median of five)
set -euo pipefail
. e2e/pods.sh

# start_time POD: from its creation until it runs, in milliseconds.
start_time() {
    local begun
    begun=$(milliseconds)
    kubectl apply -f "$work/$1.yaml" >&2
    kubectl -n "$namespace" wait --for=jsonpath='{.status.phase}'=Running "pod/$1" --timeout=60s >&2
    echo $(($(milliseconds) - begun))
}
median() { sort -n | sed -n 3p; }

for round in 1 2 3 4 5; do
    pod_manifest "bare-$round" none 'sleep inf' 'del(.spec.volumes, .spec.containers[0].volumeMounts)' >"$work/bare-$round.yaml"
    {
        claim_manifest "new-$round" 1Gi
        echo ---
        pod_manifest "new-$round" "new-$round" 'sleep inf'
    } >"$work/new-$round.yaml"
    start_time "bare-$round" >>"$work/bare.times"
    start_time "new-$round" >>"$work/new.times"
    delete pod "bare-$round" "new-$round"
    delete pvc "new-$round"
done
echo "measured: without $(paste -sd' ' "$work/bare.times") ms, with $(paste -sd' ' "$work/new.times") ms"
[ $(($(median <"$work/new.times") - $(median <"$work/bare.times"))) -lt 3000 ]
