# What the logs say of linflow's part since a mark.
# shellcheck shell=bash

: "${work:?}"

# kubelet, the controllers, and every container of the driver's namespace.
watched_logs() { find "$work/logs/kubelet.log" "$work/logs/kube-controller-manager.log" /var/log/pods/linflow_* -name '*.log'; }

# mark_logs: how long each log is now.
mark_logs() { watched_logs | xargs wc -c | grep -v ' total$'; }

# no_errors_since MARKS: neither kubelet nor the controllers nor the sidecars told of a CSI call that ended in an error (what they say of each
# other's changes to Kubernetes' objects, and of containers, is theirs), and linflow said nothing at ERROR.
no_errors_since() {
    local log begun errors
    errors=$(
        watched_logs | while read -r log; do
            begun=$(awk -v name="$log" '$2 == name { print $1 }' <<<"$1")
            tail -c "+$((${begun:-0} + 1))" "$log" |
                grep -E '^E[0-9]{4} .*linflow[.]csi.*rpc error|^[^ ]+ std(out|err) F (E[0-9]{4} .*rpc error|[^ ]+ +ERROR )' |
                sed "s|^|${log##*/pods/}: |"
        done
    ) || true
    if [ -n "$errors" ]; then
        printf '%s\n' "$errors" | head -n 40
        return 1
    fi
}
