#!/usr/bin/env bash
# The Helm chart: lint, what it renders with each set of values in its ci/ directory, what its schema refuses, and
# whether deploy/manifests is what it renders. `chart.sh --render` writes deploy/manifests.
set -euo pipefail
cd "$(dirname "$0")/.."

chart=deploy/helm/linflow
manifests=deploy/manifests/linflow.yaml
# A helm from `go install` takes itself for one of Kubernetes 1.20.
KUBERNETES=1.37.2
PATH="$PWD/.tools/bin:$PATH"

failed=0
fail() {
    echo "FAILED: $*" >&2
    failed=1
}

render() { helm template linflow "$chart" --namespace linflow --kube-version "$KUBERNETES" "$@"; }

plain_manifests() {
    echo "# Rendered from $chart by \`make manifests\`; see deploy/README.md for what to set."
    render --values "$chart/ci/plain.yaml"
}

# refuses WORD VALUE…: the schema refuses the values and says WORD.
refuses() {
    local word=$1 said
    shift
    if said=$(render "$@" 2>&1 >/dev/null); then
        fail "the schema takes $*"
    elif [[ $said != *"$word"* ]]; then
        fail "the refusal of $* says nothing of $word: $said"
    fi
}

if [ "${1:-}" = --render ]; then
    plain_manifests >"$manifests.new"
    mv "$manifests.new" "$manifests"
    exit
fi

sets=0
for values in "" "$chart"/ci/*.yaml; do
    helm lint --strict --quiet "$chart" ${values:+--values "$values"} || fail "helm lint with ${values:-the defaults}"
    rendered=$(render ${values:+--values "$values"}) || fail "helm template with ${values:-the defaults}"
    if grep -nE '[[:space:]]$|<no value>|<nil>' <<<"$rendered"; then
        fail "rendered with ${values:-the defaults}: these lines"
    fi
    sets=$((sets + 1))
done

# Where Airflow's side tells of runs, linflow listens at the port that its container names and its Service leads to.
told=$(render --set lifetime.runs.enabled=true --set lifetime.runs.port=9999)
for line in '- --runs-listen=0.0.0.0:9999' '- name: runs' 'containerPort: 9999' 'name: linflow-runs' 'port: 9999' 'targetPort: runs'; do
    grep -qxE "[[:space:]]*$line" <<<"$told" || fail "with lifetime.runs.enabled nothing says $line"
done

refusals=0
while IFS='|' read -r word set; do
    refuses "$word" --set "$set"
    refusals=$((refusals + 1))
done <<'CASES'
controler|controler.replicas=3
secretname|linstor.tls.ca.secretname=ca
/linstor/url|linstor.url=ftp://linstor
/linstor/url|linstor.url=http://user:password@linstor
/linstor/url|linstor.url=
/controller/replicas|controller.replicas=0
/controller/replicas|controller.replicas=two
/sidecars/attacher/workerThreads|sidecars.attacher.workerThreads=0
/sidecars/timeout|sidecars.timeout=60
/snapshots/enabled|snapshots.enabled=yes
/driverName|driverName=Linflow.CSI
/kubeletDir|kubeletDir=var/lib/kubelet
/node/maxUnavailable|node.maxUnavailable=0
/csiDriver/nodeAllocatableUpdatePeriodSeconds|csiDriver.nodeAllocatableUpdatePeriodSeconds=5
/storageClasses/0/fsType|storageClasses[0].fsType=btrfs
/airflow/instances/prod|airflow.instances.prod=airflow
CASES

cmp <(plain_manifests) "$manifests" || fail "$manifests is not what the chart renders: make manifests"

if [ "$failed" -ne 0 ]; then
    exit 1
fi
echo "$sets sets of values rendered, $refusals refused, $manifests is up to date"
