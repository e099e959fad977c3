#!/usr/bin/env bash
# Builds the image of the Dockerfile with buildah, and starts it.
#
# The base is assembled here with debootstrap under the name that the Dockerfile uses, so that no registry is asked; linflow
# itself is the release binary of this tree (the Dockerfile's stage `prebuilt`), since the machine has built it already. So
# every stage is built but `build`, which is an ordinary cargo build. The image is left as target/image/linflow.tar (an
# oci-archive), for containerd to import. Times, on two cores: 2 minutes with a new base, 40 s with the one of last time.
set -euo pipefail
cd "$(dirname "$0")/.."

MAX_IMAGE_BYTES=40000000
DEBIAN=bookworm
base=.tools/image/$DEBIAN.tar
archive=target/image/linflow.tar

if [ "$(id -u)" -ne 0 ]; then
    echo "the image was NOT built: buildah and debootstrap need root here"
    exit 0
fi
ci/packages.sh buildah:buildah debootstrap:debootstrap
PATH="$PWD/.tools/bin:$PATH"

# shellcheck source=ci/lib.sh
. ci/lib.sh

# Layers as plain directories, and no user namespaces: it works in a container too.
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs
images() { buildah --root "$work/images" --runroot "$work/images.run" "$@"; }

remove_images() {
    images rm --all >/dev/null || fail "containers are left"
    images rmi --all --force >/dev/null || fail "images are left"
}
trap 'remove_images; cleanup' EXIT

# The base is kept for a month: the image's own packages are fetched each time.
make_base() {
    if [ -n "$(find "$base" -mtime -30 2>/dev/null)" ]; then
        return
    fi
    mkdir -p "$(dirname "$base")"
    debootstrap --variant=minbase "$DEBIAN" "$work/debian" >"$work/debootstrap.log" 2>&1 ||
        { tail -n 20 "$work/debootstrap.log" >&2; return 1; }
    tar -C "$work/debian" --exclude='./dev/*' --exclude='./var/cache/apt/archives/*.deb' -cf "$base.new" .
    mv "$base.new" "$base"
    rm -rf "$work/debian"
}

build() {
    local container
    make_base
    container=$(images from scratch)
    images add --quiet "$container" "$base" / >/dev/null
    images commit --quiet --rm "$container" "docker.io/library/debian:$DEBIAN-slim" >/dev/null
    images bud --pull=never --build-arg LINFLOW=prebuilt --tag linflow . >"$work/build.log" 2>&1 ||
        { tail -n 40 "$work/build.log" >&2; return 1; }
}

# in_image USER PROGRAM ARGUMENT…: runs it with $work/data at /data, without capabilities.
in_image() {
    images run --user "$1" --cap-drop all --volume "$work/data:/data" "$container" -- "${@:2}"
}

check_content() {
    local root bytes
    root=$(images mount "$container")
    # tests/deploy compares the same list with what src/node runs.
    diff <(find "$root/usr/bin" "$root/usr/sbin" -mindepth 1 -printf '%f\n' | sort) \
        <(sed -n 's/^PROGRAMS="\(.*\)"$/\1 linflow/p' deploy/image/collect.sh | tr ' ' '\n' | sort) ||
        fail "the image's programs are not those that linflow runs (< is there, > is expected)"
    find "$root" -xdev -perm /6000 -type f | grep . && fail "files that change the user"
    find "$root" -xdev -type f -perm -o+w | grep . && fail "files that anyone may write"
    bytes=$(du -s --bytes "$root" | cut -f 1)
    echo "the image has $((bytes / 1000000)).$((bytes % 1000000 / 100000)) MB (limit $((MAX_IMAGE_BYTES / 1000000)) MB)"
    [ "$bytes" -lt "$MAX_IMAGE_BYTES" ] || fail "the image is over its limit"
}

# Each program loads, and does to a file what it does to a device.
check_programs() {
    truncate -s 64M "$work/data/ext4"
    truncate -s 320M "$work/data/xfs"
    in_image 0:0 /usr/bin/sh -ec '
        mkfs.ext4 -q /data/ext4
        tune2fs -L linflow /data/ext4
        e2fsck -fp /data/ext4
        resize2fs /data/ext4 32M
        mkfs.xfs -q /data/xfs
        xfs_admin -L linflow /data/xfs
        xfs_io -c stat /data/xfs
        xfs_growfs -V' >"$work/programs.log" 2>&1 || { cat "$work/programs.log" >&2; fail "a program of the image"; }
    # It has no command that needs no DRBD, and ends with 20 after its help.
    in_image 0:0 /usr/sbin/drbdsetup help >"$work/drbd.log" 2>&1 || true
    grep -q '^USAGE: drbdsetup' "$work/drbd.log" || { cat "$work/drbd.log" >&2; fail "drbdsetup of the image"; }
}

# The process in the container: buildah's own are above it, and end it by force.
process_in() {
    local pid=$1 child
    while child=$(pgrep --parent "$pid" | head -n 1) && [ -n "$child" ]; do
        pid=$child
    done
    [ "$(cat "/proc/$pid/comm")" = linflow ] && echo "$pid"
}

# The controller as in its pod: nobody, without capabilities, on an image that it can't write to. It serves CSI and ends
# well when it is told to.
check_controller() {
    local buildah_pid pid
    start_sandbox --bookkeeping
    mkdir "$work/data/csi"
    chown 65532:65532 "$work/data/csi"
    in_image 65532:65532 /usr/bin/linflow controller --csi-endpoint unix:///data/csi/csi.sock --linstor-url "$url" \
        >"$work/controller.log" 2>&1 &
    buildah_pid=$!
    await 20 "CSI socket of the container" test -S "$work/data/csi/csi.sock"
    pid=$(process_in "$buildah_pid")
    grep -qE '^Uid:[[:space:]]+65532' "/proc/$pid/status" || fail "linflow does not run as 65532"
    grep -qE '^CapEff:[[:space:]]+0+$' "/proc/$pid/status" || fail "linflow has capabilities"
    grep -q 'LINSTOR answers' "$work/controller.log" || fail "the container's linflow does not reach LINSTOR"
    csi-sanity -csi.endpoint "unix://$work/data/csi/csi.sock" --ginkgo.focus 'Identity Service' --ginkgo.no-color \
        --ginkgo.fail-on-empty >"$work/sanity.log" 2>&1 || { tail -n 20 "$work/sanity.log"; fail "csi-sanity's identity"; }
    kill -TERM "$pid"
    wait "$buildah_pid" || { cat "$work/controller.log" >&2; fail "the container ended with status $?"; }
    [ -z "$(find "$(images mount "$container")" -xdev -newer "$work/started" -type f)" ] || fail "something wrote to the image"
}

build
container=$(images from localhost/linflow)
mkdir "$work/data"
check_content
check_programs
touch "$work/started"
check_controller
mkdir -p "$(dirname "$archive")"
rm -f "$archive"
images push --quiet localhost/linflow "oci-archive:$archive:localhost/linflow:$(cargo pkgid | sed 's/.*[#@]//')"
echo "$archive is ready to import"

remove_images
cleanup
trap - EXIT
if [ "$failed" -ne 0 ]; then
    exit 1
fi
