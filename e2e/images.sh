#!/usr/bin/env bash
# The images that the cluster runs, as archives that containerd imports: there is no registry to pull them from.
# One is made again when what goes into it has changed.
set -euo pipefail
: "${cache:?}" # run.sh sets it

images=$cache/images
mkdir -p "$images"

# Its storage is the cache's, not the machine's.
own_buildah() {
    buildah --root "$cache/storage" --runroot "$cache/storage/run" --storage-driver vfs "$@"
}

# single NAME FILE TARGET ARGUMENTS [LINK…]: an image of one file that needs no other; the links are other names of it.
single() {
    local name=$1 file=$2 target=$3 archive container mounted link
    archive=$images/$(basename "$file").tar
    if sha256sum --check --status "$archive.of" 2>/dev/null; then
        return
    fi
    echo "image $name"
    container=$(own_buildah from scratch)
    mounted=$(own_buildah mount "$container")
    install -D -m 755 "$file" "$mounted$target"
    for link in "${@:5}"; do
        ln -s "$target" "$mounted${target%/*}/$link"
    done
    own_buildah umount "$container" >/dev/null
    own_buildah config --entrypoint "[\"$target\"]" --cmd "$4" "$container"
    own_buildah commit --quiet --rm "$container" "$name" >/dev/null
    rm -f "$archive"
    own_buildah push --quiet "$name" "oci-archive:$archive:$name"
    own_buildah rmi "$name" >/dev/null
    sha256sum "$file" "$archive" "$0" >"$archive.of"
}

sidecar() { single "registry.k8s.io/sig-storage/$1:$2" "$cache/bin/$1" "/$1" ""; }

# It sleeps where nothing else is asked of it: that is what holds a pod's network.
# shellcheck disable=SC2046 # its applets are words
single linflow.e2e/busybox:1 /usr/bin/busybox /bin/busybox "sleep inf" $(/usr/bin/busybox --list | grep -vx busybox)
sidecar csi-provisioner v6.4.0
sidecar csi-attacher v4.13.0
sidecar csi-resizer v2.3.0
sidecar csi-snapshotter v8.6.0
