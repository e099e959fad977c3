#!/usr/bin/env bash
# the API server takes each of the plain manifests (server-side dry run)
set -euo pipefail
. e2e/lib.sh

kubectl apply --dry-run=server -f deploy/manifests/linflow.yaml
