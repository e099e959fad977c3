#!/usr/bin/env bash
# The idle memory of each role, with all that it serves on a cluster, and the size of the stripped binary, against their
# limits.
set -euo pipefail
cd "$(dirname "$0")/.."

MAX_BINARY_BYTES=30000000

# shellcheck source=ci/lib.sh
. ci/lib.sh

# expect_idle_below ROLE MIB
expect_idle_below() {
    local role=$1 limit_kib=$(($2 * 1024)) rss_kib
    start_driver "$url" node-1 --admin-listen 127.0.0.1:0 --kubelet-dir "$work/kubelet-$1"
    rss_kib=$(awk '/^VmRSS:/ { print $2 }' "/proc/$driver_pid/status")
    echo "idle memory of linflow $role: $((rss_kib / 1024)).$((rss_kib % 1024 * 10 / 1024)) MiB RSS (limit $2 MiB)"
    [ "$rss_kib" -lt "$limit_kib" ] || fail "idle memory of linflow $role is over its limit"
}

start_sandbox --bookkeeping
for role in all node controller; do
    mkdir -p "$work/kubelet-$role/plugins_registry"
done
unset role
expect_idle_below all 20
expect_idle_below node 15
expect_idle_below controller 20

binary_bytes=$(stat -c %s "$linflow")
echo "release binary: $((binary_bytes / 1000000)).$((binary_bytes % 1000000 / 100000)) MB (limit $((MAX_BINARY_BYTES / 1000000)) MB)"
[ "$binary_bytes" -lt "$MAX_BINARY_BYTES" ] || fail "the binary is over its limit"

cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
