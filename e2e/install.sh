# Installs linflow as an administrator would.
# shellcheck shell=bash

: "${work:?}" "${repo:?}" "${node:?}" "${sandbox_url:?}"

install_linflow() {
    kubectl create namespace airflow
    helm upgrade --install linflow "$repo/deploy/helm/linflow" --namespace linflow --create-namespace \
        --set linstor.url="$sandbox_url" --values e2e/values.yaml >"$work/logs/helm.log"
    await 120 "controller" kubectl -n linflow rollout status deployment/linflow-controller --timeout=1s
    await 60 "node plugin" kubectl -n linflow rollout status daemonset/linflow-node --timeout=1s
    await 60 "driver on the node" driver_on_node
}

driver_on_node() { kubectl get "csinode/$node" -o jsonpath='{.spec.drivers[*].name}' | grep -qw linflow.csi; }
