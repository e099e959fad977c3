#!/usr/bin/env bash
# kubelet is stopped and started, and a pod goes on writing to its volume
set -euo pipefail
. e2e/faults.sh

claim work 64Mi
writes_all_the_time worker work
mounted=$(mounts_of work)
stop kubelet
[ "$(mounts_of work)" = "$mounted" ]
file=$(awk '$2 ~ "/mount$" { print $2 }' <<<"$mounted")/lines
before=$(wc -l <"$file")
has_grown() { [ "$(wc -l <"$file")" -gt $((before + 5)) ]; }
await 10 "more lines without a kubelet" has_grown
start_kubelet_again
await 60 "kubelet that knows its pods" in_pod worker true
await 30 "more lines" has_more_lines worker "$(lines worker)"
[ "$(restarts_of worker)" -eq 0 ]
[ "$(mounts_of work)" = "$mounted" ]
delete pod worker
[ -z "$(mounts_of work)" ]
delete pvc work
