#!/usr/bin/env bash
# a clone of an xfs volume is used beside its source, on the same node, and outlives it
set -euo pipefail
. e2e/copies.sh

claim work 320Mi linflow-xfs
pod writer work 'echo words >/scratch/words; sync; sleep inf'
becomes Running writer
claim copy 320Mi linflow-xfs Filesystem 'dataSource: {kind: PersistentVolumeClaim, name: work}'
pod beside copy 'grep -x words /scratch/words; echo of the copy >/scratch/words; sleep inf'
becomes Running beside
in_pod writer 'grep -x words /scratch/words; mount | grep -q " /scratch type xfs "'
in_pod beside 'mount | grep -q " /scratch type xfs "'
delete pod writer beside
delete pvc work
pod again copy 'grep -x "of the copy" /scratch/words'
becomes Succeeded again
delete pod again
delete pvc copy
await 120 "clean state" nothing_is_left
