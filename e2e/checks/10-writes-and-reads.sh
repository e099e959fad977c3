#!/usr/bin/env bash
# a pod as Airflow makes it writes to a new volume, and one made again reads it
set -euo pipefail
. e2e/pods.sh

claim scratch 1Gi
pod first scratch 'id; echo from the first pod >/scratch/words; sync; ls -ln /scratch; mount | grep /scratch'
becomes Succeeded first
delete pod first
pod second scratch 'grep -x "from the first pod" /scratch/words'
becomes Succeeded second
delete pod second
delete pvc scratch
