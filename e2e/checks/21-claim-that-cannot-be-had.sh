#!/usr/bin/env bash
# a claim whose class has a typing error, and one that asks for too much, wait with an event that says why, and a mended class serves
set -euo pipefail
. e2e/pods.sh

class() { storage_class linflow-mended "$1: \"2\"" Immediate; }
told() { kubectl -n "$namespace" describe pvc "$1" | grep -F "$2"; }
is_bound() { [ "$(kubectl -n "$namespace" get pvc "$1" -o jsonpath='{.status.phase}')" = Bound ]; }

class placementCuont
claim misspelt 64Mi linflow-mended
await 60 "event about the typing error" told misspelt placementCuont
told misspelt placementCount
claim huge 100Ti linflow-mended
kubectl delete storageclass linflow-mended
class placementCount
await 90 "event about the size" told huge ResourceExhausted
await 90 "bound claim" is_bound misspelt
kubectl -n "$namespace" describe pvc
delete pvc misspelt huge
kubectl delete storageclass linflow-mended
