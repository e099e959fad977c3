#!/usr/bin/env bash
# an xfs volume grows while it is mounted
set -euo pipefail
. e2e/pods.sh

claim growing 512Mi linflow-xfs
pod user growing 'echo kept >/scratch/words; sleep inf'
becomes Running user
[ "$(mebibytes user)" -lt 512 ]
grow growing 1Gi
await 90 "larger filesystem" has_mebibytes user 900
await 30 "larger claim" has_capacity growing 1Gi
in_pod user 'grep -x kept /scratch/words; dd if=/dev/zero of=/scratch/more bs=1M count=600'
delete pod user
delete pvc growing
