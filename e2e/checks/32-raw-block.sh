#!/usr/bin/env bash
# a raw block volume is written and read by two pods after each other
set -euo pipefail
. e2e/pods.sh

raw='del(.spec.containers[0].volumeMounts) | .spec.containers[0].volumeDevices = [{name: "scratch", devicePath: "/dev/scratch"}]
    | .spec.securityContext = {}'
claim raw 64Mi linflow Block
pod writer raw 'test -b /dev/scratch; echo raw words | dd of=/dev/scratch bs=512 count=1 conv=sync,fsync' "$raw"
becomes Succeeded writer
delete pod writer
pod reader raw 'head -c 9 /dev/scratch | grep -x "raw words"' "$raw"
becomes Succeeded reader
delete pod reader
delete pvc raw
