#!/usr/bin/env bash
# after all that, the node plugin holds less than 15 MiB and each controller less than 20 MiB
set -euo pipefail
. e2e/faults.sh

# resident ROLE LIMIT: in KiB.
resident() {
    local pid size
    for pid in $(linflow_processes "$1"); do
        size=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
        echo "$1: $size KiB"
        [ "$size" -lt "$2" ]
    done
}
resident node $((15 << 10))
resident controller $((20 << 10))
