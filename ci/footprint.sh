#!/usr/bin/env bash
# The idle memory of `linflow all` and the size of the stripped binary, against their limits.
set -euo pipefail
cd "$(dirname "$0")/.."

MAX_RSS_KIB=$((20 * 1024))
MAX_BINARY_BYTES=30000000

# shellcheck source=ci/lib.sh
. ci/lib.sh

start_sandbox --bookkeeping
start_driver "$url" node-1
rss_kib=$(awk '/^VmRSS:/ { print $2 }' "/proc/$driver_pid/status")
binary_bytes=$(stat -c %s "$linflow")

echo "idle memory of linflow all: $((rss_kib / 1024)).$((rss_kib % 1024 * 10 / 1024)) MiB RSS (limit $((MAX_RSS_KIB / 1024)) MiB)"
echo "release binary: $((binary_bytes / 1000000)).$((binary_bytes % 1000000 / 100000)) MB (limit $((MAX_BINARY_BYTES / 1000000)) MB)"
[ "$rss_kib" -lt "$MAX_RSS_KIB" ] || fail "idle memory is over its limit"
[ "$binary_bytes" -lt "$MAX_BINARY_BYTES" ] || fail "the binary is over its limit"

cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
