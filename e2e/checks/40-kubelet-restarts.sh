#!/usr/bin/env bash
# kubelet is stopped and started, and a pod goes on writing to its volume
set -euo pipefail
. e2e/faults.sh

mount_of() { grep -F "/$(volume_of work)/mount " /proc/self/mountinfo; }

claim work 64Mi
writes_all_the_time worker work
mounted=$(mount_of)
stop kubelet
[ "$(mount_of)" = "$mounted" ]
file=$(awk '{ print $5; exit }' <<<"$mounted")/lines
before=$(wc -l <"$file")
has_grown() { [ "$(wc -l <"$file")" -gt $((before + 5)) ]; }
await 10 "more lines without a kubelet" has_grown
start_kubelet_again
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
[ "$(mount_of)" = "$mounted" ]
delete pod worker
if mount_of; then
    echo "left mounted"
    exit 1
fi
delete pvc work
