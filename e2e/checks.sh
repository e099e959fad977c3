#!/usr/bin/env bash
# checks.sh smoke|all|NUMBERS: starts the cluster, installs linflow and runs the checks in the order of their files; or the smoke check, 10, alone;
# or those whose numbers match, such as 35 or 3[5-8].
# Each check is a program of its own: its second line is its name, a non-zero exit its failure, and what it prints as "measured: …" goes into
# the report.
set -euo pipefail

# shellcheck source=e2e/lib.sh
. e2e/lib.sh
# shellcheck source=e2e/cluster.sh
. e2e/cluster.sh
# shellcheck source=e2e/install.sh
. e2e/install.sh

failed=0 ran=0
report=$work/report.md
: >"$report"
begun_at=$(date --utc +%F) begun=$SECONDS

# step TITLE COMMAND…: of the preparation; nothing can follow a failed one.
step() {
    local title=$1 begun
    shift
    # shellcheck disable=SC2064 # this title
    trap "echo 'FAIL   $title'; kubectl get pods --all-namespaces" EXIT
    begun=$(milliseconds)
    "$@"
    trap - EXIT
    printf 'ready  %-70s %6d ms\n' "$title" $(($(milliseconds) - begun))
}

check() {
    local title log begun took measured outcome=ok status=0
    title=$(sed -n '2s/^# //p' "$1")
    log=$work/logs/check-$(basename "$1" .sh).log
    begun=$(milliseconds)
    bash "$1" >"$log" 2>&1 || status=$?
    took=$(($(milliseconds) - begun))
    ran=$((ran + 1))
    if [ "$status" -ne 0 ]; then
        outcome=FAIL failed=$((failed + 1))
    fi
    printf '%-6s %-70s %6d ms\n' "$outcome" "$title" "$took"
    measured=$(sed -n 's/^measured: //p' "$log" | paste -sd' ' | sed 's/./: &/')
    printf '| %s%s | %s | %d.%d s |\n' "$title" "$measured" "$outcome" $((took / 1000)) $((took % 1000 / 100)) >>"$report"
    if [ "$status" -ne 0 ]; then
        sed 's/^/       /' "$log" | tail -n 30
        mend
    fi
}

# mend: the next check starts with nothing of a failed one's.
mend() {
    local name
    for name in kubelet sandbox; do
        [ -e "$work/run/$name.pid" ] || restart "$name"
    done
    kubectl -n airflow delete pods,pvc,volumegroupsnapshots,volumesnapshots --all --force --timeout=60s >/dev/null 2>&1 || true
}

# write_report: into docs/e2e.md, between its two marks.
write_report() {
    local page=docs/e2e.md
    {
        sed '/^<!-- written by/q' "$page"
        echo
        echo "$begun_at, Kubernetes $(kubectl version -o json | jq -r .serverVersion.gitVersion), kernel $(uname -r), $(nproc) cores: $summary."
        echo
        echo '| check | outcome | time |'
        echo '|---|---|---|'
        cat "$report"
        echo
        sed -n '/^<!-- end -->/,$p' "$page"
    } >"$work/page"
    cat "$work/page" >"$page"
}

step "etcd, API server, controllers, scheduler" start_control_plane
step "containerd, images" start_containerd
step "kubelet, a Ready node" start_kubelet
step "sandbox" start_sandbox
step "snapshots: CRDs and their controller" start_snapshots
step "linflow, installed by Helm" install_linflow

# shellcheck disable=SC2206 # a pattern
case $1 in
all) files=(e2e/checks/*.sh) ;;
smoke) files=(e2e/checks/10-*.sh) ;;
*) files=(e2e/checks/$1-*.sh) ;;
esac
for file in "${files[@]}"; do
    check "$file"
done
summary="$ran checks, $failed failed, $(((SECONDS - begun) / 60)) min $(((SECONDS - begun) % 60)) s"
echo "$summary"
if [ "$1" = all ]; then
    write_report
fi
[ "$failed" -eq 0 ]
