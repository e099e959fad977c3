#!/usr/bin/env bash
# inside.sh smoke|all|NUMBERS: process 1 of the run's namespaces. Lays out the machine that kubelet will see, then runs the checks.
set -euo pipefail
: "${work:?}" "${repo:?}" # run.sh sets them
cd "$repo"

# shellcheck source=e2e/outlive.sh
. e2e/outlive.sh

# Version 2 lets no group have both processes and groups that are accounted for.
own_cgroups() {
    local at type options
    awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/mounts >"$work/hierarchies"
    while read -r at type options; do
        options=$(tr ',' '\n' <<<"$options" | grep -vxE 'rw|ro|relatime|nosuid|nodev|noexec' | paste -sd, || true)
        [[ $options != name=* ]] || options=none,$options
        umount "$at"
        mount -t "$type" ${options:+-o "$options"} cgroup "$at"
        if [ "$type" = cgroup2 ]; then
            mkdir -p "$at/checks"
            echo $$ >"$at/checks/cgroup.procs"
        fi
    done <"$work/hierarchies"
}

# Kubelet writes these, and they are the whole machine's: here it writes copies.
own_sysctls() {
    local name copy
    for name in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
        copy=$work/sysctl/$name
        mkdir -p "${copy%/*}"
        cat "/proc/sys/$name" >"$copy"
        mount --bind "$copy" "/proc/sys/$name"
    done
}

# kubelet, containerd and the network plugins keep their state in these places, some of them unasked.
own_folders() {
    mkdir -p "$work"/{var-lib,var-log,logs,kept}
    mount --bind "$work/var-lib" /var/lib
    mount --bind "$work/var-log" /var/log
    mount -t tmpfs -o mode=755 run /run
    mkdir -p /run/lock /var/lib/kubelet
}

own_cgroups
own_sysctls
own_folders
# As on any machine with systemd; not before, or a mount below /var/lib would show below $work too.
mount --make-rshared /
ip link set lo up
# Pods reach the API server at the address that Kubernetes tells them: it listens there itself, so no kube-proxy is needed.
ip address add 10.96.0.1/32 dev lo
# The node's own.
ip address add 10.77.0.1/32 dev lo

# In the background, so that bash reaps orphans and hears signals meanwhile.
e2e/checks.sh "$1" &
checks=$!
trap 'kill -TERM "$checks"' INT TERM
outlive "$checks"
