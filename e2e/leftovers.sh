# What a run leaves outside its namespaces, and how that is taken away: processes (where a run was killed), its cgroup, loop devices, its folder.
# shellcheck shell=bash

: "${work:?}" "${cache:?}" # run.sh sets them

# Where each cgroup hierarchy is mounted: one with version 2, several with version 1.
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts; }

# join_cgroup: this process, with all that it starts, moves into a cgroup of its own in each hierarchy.
join_cgroup() {
    local at ours
    for at in $(hierarchies); do
        ours=$at/linflow-e2e
        mkdir -p "$ours"
        # A new cpuset is empty, and takes no process before it is filled.
        if [ -e "$at/cpuset.mems" ] && [ -e "$ours/cpuset.mems" ]; then
            cat "$at/cpuset.cpus" >"$ours/cpuset.cpus"
            cat "$at/cpuset.mems" >"$ours/cpuset.mems"
        fi
        echo "$BASHPID" >"$ours/cgroup.procs"
    done
}

our_cgroups() { hierarchies | xargs -I {} find {} -depth -type d -path '{}/linflow-e2e*'; }
our_processes() { our_cgroups | while read -r group; do cat "$group/cgroup.procs"; done | sort -un; }
our_loops() { losetup --list --noheadings --output NAME,BACK-FILE | awk -v under="$work/" 'index($2, under) == 1 { print $1 }'; }

remove_cgroups() {
    local group
    our_cgroups | while read -r group; do rmdir "$group" || return 1; done
}

# attempt SECONDS COMMAND…: until it succeeds; the last attempt's word counts.
attempt() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            "$@"
            return
        fi
        sleep 0.2
    done
}

remove_leftovers() {
    local pid device
    for pid in $(our_processes); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    attempt 10 remove_cgroups || echo "left: the cgroups $(our_cgroups | tr '\n' ' ')" >&2
    for device in $(our_loops); do
        losetup --detach "$device"
    done
    rm -rf --one-file-system "$work"
}

keep_logs() {
    rm -rf "$cache/logs"
    cp -r "$work/logs" "$cache/logs"
    cp -r "$work/var-log/pods" "$cache/logs/pods"
}
