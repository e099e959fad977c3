#!/usr/bin/env bash
# run.sh smoke|all|NUMBERS: a Kubernetes of its own on this machine, linflow on it as deploy/ installs it, and named checks.
#
# All of it runs in namespaces of its own (processes, mounts, network, cgroups): when this script ends, however it ends, the kernel takes them
# away with all that is in them. What they don't hold, loop devices and the cgroup itself, is taken away here, or by the next run if this one
# was killed.
set -euo pipefail
cd "$(dirname "$0")/.."

scope=${1:?smoke, all or numbers of checks}
work=$(realpath -- "${TMPDIR:-/tmp}")/linflow-e2e
# Binaries, images and the last run's logs stay here between runs.
cache=${LINFLOW_E2E_CACHE:-$PWD/.tools/e2e}
export work cache repo=$PWD

# shellcheck source=e2e/leftovers.sh
. e2e/leftovers.sh
# shellcheck source=e2e/outlive.sh
. e2e/outlive.sh

if [ "$(id -u)" -ne 0 ]; then
    echo "a kubelet mounts and starts containers: run this as root" >&2
    exit 1
fi
mkdir -p "$cache"
e2e/binaries.sh
e2e/images.sh

exec 9>"$work.lock"
if ! flock --nonblock 9; then
    echo "another run is under way (it holds $work.lock)" >&2
    exit 1
fi
remove_leftovers
mkdir -p "$work"
trap 'keep_logs; remove_leftovers; rm -f "$work.lock"' EXIT

# If this script is killed, so is everything in the namespaces.
(
    join_cgroup
    exec 9>&- setpriv --pdeathsig KILL \
        unshare --mount --net --pid --cgroup --fork --kill-child --mount-proc e2e/inside.sh "$scope"
) &
inside=$!
# The terminal's Ctrl-C reaches the checks by itself, and so does what is sent to the process group; a signal to this process alone is passed on.
trap 'pkill -TERM --parent "$inside" || true' INT TERM
outlive "$inside"
