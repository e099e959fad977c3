#!/usr/bin/env bash
# idle, before its first volume, the node plugin holds less than 15 MiB and each controller less than 20 MiB
set -euo pipefail
. e2e/faults.sh

# holds ROLE LIMIT: in KiB.
holds() {
    local pid size
    for pid in $(linflow_processes "$1"); do
        size=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
        echo "measured: $1 $((size / 1024)).$((size % 1024 * 10 / 1024)) MiB"
        [ "$size" -lt "$2" ]
    done
}
holds node $((15 << 10))
holds controller $((20 << 10))
