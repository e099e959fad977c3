#!/usr/bin/env bash
# an ext4 volume is grown by the next stage at the latest
set -euo pipefail
. e2e/pods.sh

claim growing 256Mi
pod user growing 'echo kept >/scratch/words; sleep inf'
becomes Running user
volume=$(volume_of growing)
grow growing 512Mi
device_has_grown() { [ "$(kubectl get pv "$volume" -o jsonpath='{.spec.capacity.storage}')" = 512Mi ]; }
await 60 "larger device" device_has_grown
delete pod user
pod again growing 'grep -x kept /scratch/words; sleep inf'
becomes Running again
await 60 "larger filesystem" has_mebibytes again 400
await 60 "larger claim" has_capacity growing 512Mi
delete pod again
delete pvc growing
