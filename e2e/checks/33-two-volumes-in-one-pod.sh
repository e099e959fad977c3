#!/usr/bin/env bash
# one pod uses two volumes
set -euo pipefail
. e2e/pods.sh

claim one 64Mi
claim two 320Mi linflow-xfs
pod_with_two both one two 'echo 1 >/scratch/words; echo 2 >/second/words; sleep inf'
becomes Running both
in_pod both 'grep -x 1 /scratch/words; grep -x 2 /second/words; mount | grep -q " /scratch type ext4 "; mount | grep -q " /second type xfs "'
delete pod both
delete pvc one two
