# What checks do to the cluster's processes.
# shellcheck shell=bash

# shellcheck source=e2e/pods.sh
. e2e/pods.sh

# linflow_processes ROLE: the process numbers of the role's containers, of this cluster alone: other processes are not seen from here.
linflow_processes() { pgrep --full "^/usr/bin/linflow $1 "; }

start_kubelet_again() {
    restart kubelet
    await 60 "kubelet" curl -fsS --max-time 2 http://127.0.0.1:10248/healthz
}

rolled_out() { kubectl -n linflow rollout status "$1" --timeout=1s; }

# is_attached CLAIM NODE: as the attacher has it.
is_attached() {
    kubectl get volumeattachments -o jsonpath='{range .items[?(@.status.attached==true)]}{.spec.source.persistentVolumeName} {.spec.nodeName}{"\n"}{end}' |
        grep -x "$(volume_of "$1") $2"
}

restarts_of() { kubectl -n "$namespace" get pod "$1" -o jsonpath='{.status.containerStatuses[0].restartCount}'; }

# A pod that writes a line ten times a second, and ends with an error when a write fails.
writes_all_the_time() {
    pod "$1" "$2" 'while echo line >>/scratch/lines; do sync; sleep 0.1; done; exit 1'
    becomes Running "$1"
}
lines() { in_pod "$1" 'wc -l </scratch/lines'; }
has_more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

# mounts_of CLAIM: where its device is mounted, staged and for its pods.
mounts_of() {
    local volume numbers
    volume=$(volume_of "$1")
    numbers=$(losetup --list --noheadings --output MAJ:MIN,BACK-FILE | awk -v file="/${volume}_" 'index($2, file) { print $1 }')
    [ -n "$numbers" ] && awk -v numbers="$numbers" 'index("\n" numbers "\n", "\n" $3 "\n") { print $1, $5 }' /proc/self/mountinfo
}
