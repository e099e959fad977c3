# What checks of snapshots and clones share.
# shellcheck shell=bash

# shellcheck source=e2e/pods.sh
. e2e/pods.sh

# is_ready KIND NAME: the snapshot, or the group of them, can be restored.
is_ready() { [ "$(kubectl -n "$namespace" get "$1" "$2" -o jsonpath='{.status.readyToUse}')" = true ]; }

# restored_claim NAME SNAPSHOT SIZE
restored_claim() { claim "$1" "$3" linflow Filesystem "dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: \"$2\"}"; }
