# Pods of Airflow's tasks, each with a claim of its own, as `volumes` with an ephemeral volume gives them.
# shellcheck shell=bash

# shellcheck source=e2e/pods.sh
. e2e/pods.sh

# class SCOPE: a StorageClass of that scope, without an id in it: the pods themselves say whose the volume is.
class() { storage_class "linflow-$1" "placementCount: \"2\", scope: \"$1\""; }

# task POD DAG RUN TASK SCOPE SCRIPT [JQ-FILTER]: a pod of the task with a claim of its own, <POD>-scratch, mounted at /scratch. The ids are such
# that Airflow's labels are the ids themselves.
task() {
    pod "$1" none "$6" "
        .metadata.labels |= (del(.map_index) | .dag_id = \"$2\" | .run_id = \"$3\" | .task_id = \"$4\")
        | .metadata.annotations |= (del(.map_index) | .dag_id = \"$2\" | .run_id = \"$3\" | .task_id = \"$4\")
        | .spec.volumes = [{name: \"scratch\", ephemeral: {volumeClaimTemplate: {spec: {
            storageClassName: \"linflow-$5\", accessModes: [\"ReadWriteOnce\"], resources: {requests: {storage: \"64Mi\"}}}}}}]
        | ${7:-.}"
}

# definitions: the LINSTOR volumes of an owner, by the names of their resources.
definitions() {
    curl -fsS --get "$sandbox_url/v1/resource-definitions" --data-urlencode "props=Aux/airflow/dag_id=$1" | jq -r '.[].name'
}

# let_go DAG [RUN]: what a person does with data that nobody needs any more.
let_go() {
    "$repo/target/release/linflow" volumes delete --linstor-url "$sandbox_url" --instance "$namespace" --dag "$1" ${2:+--run "$2"} --yes
}

no_claims() { [ -z "$(kubectl -n "$namespace" get pvc -o name)" ] && [ -z "$(kubectl get pv -o name)" ]; }
no_definitions() { [ -z "$(definitions "$1")" ]; }
is_on() { [ "$(kubectl -n "$namespace" get pod "$1" -o jsonpath='{.spec.nodeName}')" = "$2" ]; }
