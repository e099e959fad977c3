#!/usr/bin/env bash
# csi-sanity against `linflow all`, for mount and for block volumes, on a fresh sandbox each.
#
# Specs skip in silence when a capability is missing, so the counts are exact: a lost capability fails the run.
#
# With LINFLOW_LINSTOR_URL and LINFLOW_LINSTOR_POOL it runs on a real LINSTOR instead, as the only linflow there (csi-sanity counts
# volumes), on the satellite of this machine. LINFLOW_NODE_NAME names that satellite where neither the pool nor the host's name tells;
# LINFLOW_LAYER_LIST ("drbd storage" or "storage") is taken from what the satellite can do where it isn't given. What stays there
# afterwards is one generated resource group.
set -euo pipefail
cd "$(dirname "$0")/.."

# Passed and skipped, for each access type. Pending is what csi-sanity itself leaves out, for every driver: in 5.6.0 one spec, which it
# doesn't run (paging while volumes come and go; tests/controller/paging.rs has that).
MOUNT_EXPECTED="102 0"
BLOCK_EXPECTED="102 0"
PENDING_EXPECTED=1

# One spec attaches as many volumes as a node may have, and one more; all others two at most.
MAX_VOLUMES_PER_NODE=4

VOLUME_BYTES=$((16 << 20))
EXPANDED_BYTES=$((32 << 20))
fs_type=ext4
# Linux lets a mounted ext4 grow with CAP_SYS_RESOURCE (bit 24) alone, and csi-sanity grows what it has published. xfs needs 300 MiB.
if [ $((0x$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status) >> 24 & 1)) -eq 0 ]; then
    fs_type=xfs VOLUME_BYTES=$((320 << 20)) EXPANDED_BYTES=$((640 << 20))
fi

if [ "$(id -u)" -ne 0 ]; then
    echo "csi-sanity was NOT run: mounting needs root"
    exit 0
fi

# shellcheck source=ci/lib.sh
. ci/lib.sh

# ask PATH: LINSTOR's answer, on one line.
ask() { curl -fsS --max-time 60 "${url%%,*}/v1/$1" | tr -d '\n'; }

# look_at_linstor: sets $node and, where the defaults don't do there, $layers and $count.
look_at_linstor() {
    local pool=${LINFLOW_LINSTOR_POOL:?names the storage pool} pools with_pool number node_info
    command -v curl >/dev/null || die "missing: curl, which asks LINSTOR"
    pools=$(ask "view/storage-pools?storage_pools=$pool&cached=true")
    with_pool=$(grep -oE '"node_name" ?: ?"[^"]*"' <<<"$pools" | cut -d '"' -f 4) || die "no node has the pool $pool"
    number=$(wc -w <<<"$with_pool")
    if [ -n "${LINFLOW_NODE_NAME:-}" ]; then
        node=$LINFLOW_NODE_NAME
    elif [ "$number" -eq 1 ]; then
        node=$with_pool
    else
        node=$(uname -n)
    fi
    grep -qixF -- "$node" <<<"$with_pool" ||
        die "node $node has no pool $pool, and these have it: ${with_pool//$'\n'/ }; set LINFLOW_NODE_NAME"
    node_info=$(ask "nodes?nodes=$node")
    if [ -z "$layers" ] && ! grep -qE '"resource_layers" ?: ?\[[^]]*"DRBD"' <<<"$node_info"; then
        layers=storage
    fi
    if [ "$number" -eq 1 ]; then
        count=1
    elif [ "$layers" = storage ]; then
        # csi-sanity does not say where it wants its volumes, and without DRBD they are reached nowhere else.
        die "without DRBD the pool must exist on $node only; these have $pool: ${with_pool//$'\n'/ }"
    fi
    echo "on LINSTOR at $url: node $node, pool $pool, layers ${layers:-drbd storage}"
}

die() {
    echo "$*" >&2
    exit 1
}

write_parameters() {
    echo "storagePool: ${LINFLOW_LINSTOR_POOL:-pool}"
    echo "fsType: $fs_type"
    if [ -n "$layers" ]; then
        echo "layerList: $layers"
    fi
    if [ -n "$count" ]; then
        echo "placementCount: \"$count\""
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
        -csi.testvolumemutableparameters "$work/mutable.yaml" -csi.testnodevolumeattachlimit \
        --ginkgo.no-color --ginkgo.timeout "$timeout" --ginkgo.junit-report "$report" >"$work/sanity-$type.log" 2>&1
}

total_passed=0
total_failed=0

# check_report TYPE EXPECTED STATUS: the counts of a report against what they must be.
check_report() {
    local type=$1 expected=$2 status=$3 report="$work/$1.xml" tests failures skipped pending passed
    if [ ! -s "$report" ]; then
        tail -n 40 "$work/sanity-$type.log"
        fail "csi-sanity for $type wrote no report (exit $status)"
        return
    fi
    tests=$(attribute tests "$report")
    failures=$(($(attribute failures "$report") + $(attribute errors "$report")))
    skipped=$(attribute skipped "$report")
    # JUnit's word for pending.
    pending=$(attribute disabled "$report")
    passed=$((tests - failures - skipped - pending))
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failures))
    echo "$type: $passed passed, $failures failed, $skipped skipped, $pending pending in csi-sanity itself"
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
    if [ "$pending" -ne "$PENDING_EXPECTED" ]; then
        sed -n 's/.*<testcase name="\([^"]*\)".* status="pending".*/  pending: \1/p' "$report"
        fail "$type: $pending pending, expected $PENDING_EXPECTED; is it another csi-sanity?"
    fi
}

# check_type TYPE EXPECTED: one run on fresh state.
check_type() {
    local status=0
    if [ -z "${LINFLOW_LINSTOR_URL:-}" ]; then
        start_sandbox
    fi
    start_driver "$url" "$node" --max-volumes-per-node "$MAX_VOLUMES_PER_NODE"
    run_csi_sanity "$1" "$work/$1.xml" || status=$?
    check_report "$1" "$2" "$status"
    stop_all
    remove_leftovers
}

url=${LINFLOW_LINSTOR_URL:-} node=node-1 layers=${LINFLOW_LAYER_LIST:-} count='' timeout=10m
if [ "$layers" = storage ]; then
    sandbox_nodes=node-1
fi
if [ -n "$url" ]; then
    look_at_linstor
    # A DRBD volume takes most of a minute on slow nodes.
    timeout=2h
fi
write_parameters >"$work/parameters.yaml"
# With and without DRBD.
echo 'qosReadIops: "1000"' >"$work/mutable.yaml"
check_type mount "$MOUNT_EXPECTED"
check_type block "$BLOCK_EXPECTED"

cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
echo "$total_passed passed, $total_failed failed"
