#!/usr/bin/env bash
# csi-sanity against `linflow all`, for mount and for block volumes, on a fresh sandbox each.
#
# Specs skip in silence when a capability is missing, so the counts are exact: a lost capability fails the run.
# With LINFLOW_LINSTOR_URL, LINFLOW_LINSTOR_POOL and LINFLOW_NODE_NAME it runs on a real LINSTOR instead, alone on it (csi-sanity counts
# volumes); LINFLOW_LAYER_LIST=storage where there is no DRBD.
set -euo pipefail
cd "$(dirname "$0")/.."

# passed and skipped, for each access type
MOUNT_EXPECTED="49 54"
BLOCK_EXPECTED="49 54"

VOLUME_BYTES=$((16 << 20))
EXPANDED_BYTES=$((32 << 20))

if [ "$(id -u)" -ne 0 ]; then
    echo "csi-sanity was NOT run: mounting needs root"
    exit 0
fi

# shellcheck source=ci/lib.sh
. ci/lib.sh

write_parameters() {
    echo "storagePool: ${LINFLOW_LINSTOR_POOL:-pool}"
    if [ -n "${LINFLOW_LAYER_LIST:-}" ]; then
        echo "layerList: $LINFLOW_LAYER_LIST"
    fi
}

# attribute NAME FILE: a count of the report's <testsuite> element.
attribute() { sed -n "s/.*<testsuite .* $1=\"\([0-9]*\)\".*/\1/p" "$2" | head -n 1; }

run_csi_sanity() {
    local type=$1 report=$2
    csi-sanity \
        -csi.endpoint "unix://$socket" \
        -csi.mountdir "$work/mount-$type" -csi.stagingdir "$work/stage-$type" \
        -csi.testvolumesize "$VOLUME_BYTES" -csi.testvolumeexpandsize "$EXPANDED_BYTES" \
        -csi.testvolumeaccesstype "$type" -csi.testvolumeparameters "$work/parameters.yaml" \
        --ginkgo.no-color --ginkgo.timeout 10m --ginkgo.junit-report "$report" >"$work/sanity-$type.log" 2>&1
}

total_passed=0
total_failed=0

# check_report TYPE EXPECTED STATUS: the counts of a report against what they must be.
check_report() {
    local type=$1 expected=$2 status=$3 report="$work/$1.xml" tests failures skipped passed
    if [ ! -s "$report" ]; then
        tail -n 40 "$work/sanity-$type.log"
        fail "csi-sanity for $type wrote no report (exit $status)"
        return
    fi
    tests=$(attribute tests "$report")
    failures=$(($(attribute failures "$report") + $(attribute errors "$report")))
    skipped=$(($(attribute skipped "$report") + $(attribute disabled "$report")))
    passed=$((tests - failures - skipped))
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failures))
    echo "$type: $passed passed, $skipped skipped, $failures failed"
    if [ "$failures" -ne 0 ] || [ "$status" -ne 0 ]; then
        sed -n '/Summarizing/,$p' "$work/sanity-$type.log"
        echo "--- the driver's last lines"
        tail -n 20 "$work/driver.log"
        fail "csi-sanity for $type (exit $status)"
    fi
    if [ "$passed $skipped" != "$expected" ]; then
        sed -n 's/.*<testcase name="\([^"]*\)".* status="skipped".*/  skipped: \1/p' "$report"
        fail "$type: '$passed $skipped' passed and skipped, expected '$expected'; was a capability lost?"
    fi
}

# check_type TYPE EXPECTED: one run on fresh state.
check_type() {
    local status=0
    if [ -n "${LINFLOW_LINSTOR_URL:-}" ]; then
        : "${LINFLOW_LINSTOR_POOL:?names the storage pool}" "${LINFLOW_NODE_NAME:?names this node}"
        url=$LINFLOW_LINSTOR_URL
    else
        start_sandbox
    fi
    start_driver "$url" "${LINFLOW_NODE_NAME:-node-1}"
    run_csi_sanity "$1" "$work/$1.xml" || status=$?
    check_report "$1" "$2" "$status"
    stop_all
    remove_leftovers
}

write_parameters >"$work/parameters.yaml"
check_type mount "$MOUNT_EXPECTED"
check_type block "$BLOCK_EXPECTED"

cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
echo "$total_passed passed, $total_failed failed"
