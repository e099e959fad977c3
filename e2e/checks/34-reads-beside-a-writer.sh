#!/usr/bin/env bash
# a pod with a read-only mount reads what another writes, and can't write
set -euo pipefail
. e2e/pods.sh

claim shared 64Mi
pod writer shared 'echo shared words >/scratch/words; sleep inf'
becomes Running writer
pod reader shared 'sleep inf' '.spec.volumes[0].persistentVolumeClaim.readOnly = true'
becomes Running reader
in_pod reader 'grep -x "shared words" /scratch/words'
in_pod writer 'echo later words >>/scratch/words'
in_pod reader 'grep -x "later words" /scratch/words'
in_pod reader 'mount | grep " /scratch " | grep "[(,]ro[,)]"'
if in_pod reader 'echo no >/scratch/more'; then
    echo "the reader could write"
    exit 1
fi
in_pod writer 'test ! -e /scratch/more; echo still >/scratch/more'
delete pod writer reader
delete pvc shared
