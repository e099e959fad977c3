# Claims and pods for the checks, all in the namespace that Airflow would have.
# shellcheck shell=bash

# shellcheck source=e2e/lib.sh
. e2e/lib.sh
export namespace=airflow
[ -e "$work/recorded-pod.json" ] ||
    kubectl create --dry-run=client -o json -f tests/fixtures/airflow-pods/af3_ke_ephemeral_pvc.yaml >"$work/recorded-pod.json"

# storage_class NAME PARAMETERS [BINDING-MODE]
storage_class() {
    kubectl apply -f - <<END
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: "$1"}
provisioner: linflow.csi
volumeBindingMode: ${3:-WaitForFirstConsumer}
parameters: {$2}
END
}

# claim NAME SIZE [CLASS] [VOLUME-MODE] [FIELD]: the field is one more of its spec.
claim() { claim_manifest "$@" | kubectl apply -f -; }
claim_manifest() {
    cat <<END
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "$1", namespace: "$namespace"}
spec:
  storageClassName: ${3:-linflow}
  accessModes: [ReadWriteOnce]
  volumeMode: ${4:-Filesystem}
  resources: {requests: {storage: "$2"}}
  ${5:-}
END
}

# pod NAME CLAIM SCRIPT [JQ-FILTER]: runs the script with the claim at /scratch. The rest, labels, annotations and whom it runs as, is as
# Airflow made it when it was recorded; the filter changes what a check needs otherwise.
pod() { pod_manifest "$@" | kubectl apply -f -; }
pod_manifest() {
    jq --arg name "$1" --arg claim "$2" --arg script "$3" --arg namespace "$namespace" '
        .metadata.name = $name | .metadata.namespace = $namespace
        | .spec |= (del(.imagePullSecrets, .serviceAccount, .serviceAccountName) | .terminationGracePeriodSeconds = 1)
        | .spec.containers[0] |= (del(.args, .env) | .image = "linflow.e2e/busybox:1" | .command = ["sh", "-ec", $script]
            | .volumeMounts = [{name: "scratch", mountPath: "/scratch"}])
        | .spec.volumes = [{name: "scratch", persistentVolumeClaim: {claimName: $claim}}]'"| ${4:-.}" "$work/recorded-pod.json"
}

# pod_with_two NAME ONE TWO SCRIPT: with the second claim at /second.
pod_with_two() {
    pod "$1" "$2" "$4" ".spec.volumes += [{name: \"second\", persistentVolumeClaim: {claimName: \"$3\"}}]
        | .spec.containers[0].volumeMounts += [{name: \"second\", mountPath: \"/second\"}]"
}

has_phase() { kubectl -n "$namespace" get pod "$1" -o jsonpath='{.status.phase}' | grep -qx "$2"; }

# becomes PHASE POD [SECONDS]: Succeeded or Running; what kept it is shown.
becomes() {
    if ! await "${3:-60}" "pod $2 $1" has_phase "$2" "$1"; then
        kubectl -n "$namespace" describe pod "$2"
        kubectl -n "$namespace" logs "$2"
        return 1
    fi
}

in_pod() { kubectl -n "$namespace" exec "$1" -- sh -ec "$2"; }
delete() { kubectl -n "$namespace" delete "$@" --wait --timeout=60s; }

# The PersistentVolume of a claim; LINSTOR's resource has the same name.
volume_of() { kubectl -n "$namespace" get pvc "$1" -o jsonpath='{.spec.volumeName}'; }

# mebibytes POD: of the filesystem at /scratch.
mebibytes() { in_pod "$1" 'df -m /scratch | tail -n 1' | awk '{ print $2 }'; }
has_mebibytes() { [ "$(mebibytes "$1")" -ge "$2" ]; }

grow() { kubectl -n "$namespace" patch pvc "$1" --patch "{\"spec\": {\"resources\": {\"requests\": {\"storage\": \"$2\"}}}}"; }
has_capacity() { [ "$(kubectl -n "$namespace" get pvc "$1" -o jsonpath='{.status.capacity.storage}')" = "$2" ]; }

# Kubernetes's and LINSTOR's objects of volumes, and this machine's: nothing of them is there.
nothing_is_left() {
    local left
    left=$(
        kubectl get pv,volumeattachments,volumesnapshotcontents,volumegroupsnapshotcontents -o name
        curl -fsS "$sandbox_url/v1/resource-definitions" | jq -r '.[] | "definition \(.name)"'
        curl -fsS "$sandbox_url/v1/view/resources" | jq -r '.[] | "resource \(.name)"'
        curl -fsS "$sandbox_url/v1/view/snapshots" | jq -r '.[] | "snapshot \(.name)"'
        # That an owner's volumes were removed, and which name comes next, stays.
        curl -fsS "$sandbox_url/v1/key-value-store" |
            jq -r '.[] | select(.name | test("^lf-[0-9a-f]{32}$") | not) | "key-value instance \(.name)"'
        losetup --list --noheadings --output NAME,BACK-FILE | grep -F " $work/"
        awk '$5 ~ "/kubernetes.io[~/]csi/" { print "mount", $5 }' /proc/self/mountinfo
    )
    echo "left: $left"
    [ -z "$left" ]
}
