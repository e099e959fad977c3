#!/usr/bin/env bash
# The idle memory of each role, with all that it serves on a cluster, before its first volume and after many at once, and the
# size of the stripped binary, against their limits.
set -euo pipefail
cd "$(dirname "$0")/.."

MAX_BINARY_BYTES=30000000
VOLUMES_AT_ONCE=20
MOUNTS_OF_PODS=400

# shellcheck source=ci/lib.sh
. ci/lib.sh

# resident FIELD: of the driver, in KiB.
resident() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$driver_pid/status"; }

# expect_below WHAT FIELD MIB
expect_below() {
    local kib
    kib=$(resident "$2")
    echo "$1: $((kib / 1024)).$((kib % 1024 * 10 / 1024)) MiB (limit $3 MiB)"
    [ "$kib" -lt $(($3 * 1024)) ] || fail "over its limit: $1"
}

# expect_idle_below ROLE MIB
expect_idle_below() {
    local role=$1
    start_driver "$url" node-1 --admin-listen 127.0.0.1:0 --kubelet-dir "$work/kubelet-$1"
    expect_below "idle memory of linflow $role" VmRSS "$2"
}

# use_volume NUMBER FLAG…: creates, attaches, stages and publishes a volume, and takes it away.
use_volume() {
    csi-sanity -csi.endpoint "unix://$socket" -csi.testvolumesize $((16 << 20)) \
        -csi.mountdir "$work/mount-$1" -csi.stagingdir "$work/stage-$1" -csi.testvolumeparameters "$work/parameters.yaml" \
        --ginkgo.focus 'Node Service should work' --ginkgo.timeout 5m --ginkgo.junit-report "$work/$1.xml" "${@:2}" >"$work/sanity-$1.log" 2>&1 &&
        grep -q 'status="passed"' "$work/$1.xml"
}

# use_volumes_at_once FLAG…
use_volumes_at_once() {
    local number users=()
    echo 'storagePool: pool' >"$work/parameters.yaml"
    for number in $(seq "$VOLUMES_AT_ONCE"); do
        use_volume "$number" "$@" &
        users+=($!)
    done
    for number in "${users[@]}"; do
        wait "$number" || fail "a volume could not be used: $(tail -n 5 "$work"/sanity-*.log)"
    done
}

# expect_idle_after_use_below WHO MIB MIB: what the driver keeps of its own when many volumes have come and gone at once, and with the pages
# of its file, which are the kernel's to take.
expect_idle_after_use_below() {
    expect_below "memory of its own that $1 keeps after $VOLUMES_AT_ONCE volumes at once" RssAnon "$2"
    expect_below "memory of $1 after them, with its file's pages" VmRSS "$3"
}

# start_crowded_driver URL NODE: where hundreds of mounts are, as on a node full of pods; nobody else sees them.
start_crowded_driver() {
    cat >"$work/crowded" <<END
#!/bin/sh
for number in \$(seq $MOUNTS_OF_PODS); do
    mount --bind "$work" "$work/crowd" || exit
done
exec "$linflow" "\$@"
END
    chmod +x "$work/crowded"
    mkdir -p "$work/crowd"
    local linflow=$work/alone
    printf '#!/bin/sh\nexec unshare --mount --propagation private "%s/crowded" "$@"\n' "$work" >"$linflow"
    chmod +x "$linflow"
    start_driver "$@"
}

start_sandbox --bookkeeping
for role in all node controller; do
    mkdir -p "$work/kubelet-$role/plugins_registry"
done
unset role
expect_idle_below all 20
expect_idle_below node 15
expect_idle_below controller 20
stop_all

if [ "$(id -u)" -eq 0 ]; then
    start_sandbox
    start_driver "$url" node-1
    use_volumes_at_once
    expect_idle_after_use_below "linflow all" 8 20
    stop_all
    # What a node does, alone: csi-sanity asks the process that stages for its controller, which then is asked nothing.
    start_sandbox
    role=controller start_driver "$url" node-1
    controller=$socket
    start_crowded_driver "$url" node-1
    use_volumes_at_once -csi.controllerendpoint "unix://$controller"
    expect_idle_after_use_below "a node" 4 18
else
    echo "memory after use was NOT measured: mounting needs root"
fi

binary_bytes=$(stat -c %s "$linflow")
echo "release binary: $((binary_bytes / 1000000)).$((binary_bytes % 1000000 / 100000)) MB (limit $((MAX_BINARY_BYTES / 1000000)) MB)"
[ "$binary_bytes" -lt "$MAX_BINARY_BYTES" ] || fail "the binary is over its limit"

cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
