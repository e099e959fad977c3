#!/usr/bin/env bash
# What the cluster is made of: Debian's packages, and Kubernetes with CSI's sidecars from Go modules (20 minutes on two cores, once).
set -euo pipefail
: "${cache:?}" # run.sh sets it

VERSION=v1.37.2
PACKAGES="containerd runc containernetworking-plugins iptables buildah busybox-static openssl jq curl"

missing=()
for package in $PACKAGES; do
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
    echo "installing ${missing[*]}"
    apt-get update -qq
    # Debian starts what it installs; a containerd of the machine's own has no part in this.
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p "$cache/bin"
stamp=k8s.io/component-base/version
cd e2e
# What the binaries are made of; where that is unchanged they are, too, whether or not Go still has its own cache.
made_of=$(cat binaries.sh go.mod go.sum kube/*.go | sha256sum)
if [ "$(cat "$cache/made-of" 2>/dev/null)" = "$made_of" ]; then
    exit
fi
rm -f "$cache/made-of"
CGO_ENABLED=0 go build -p 1 -trimpath -o "$cache/bin/" -ldflags \
    "-s -w -X $stamp.gitVersion=$VERSION -X $stamp.gitMajor=1 -X $stamp.gitMinor=37" tool ./kube
for name in etcd kubectl kube-apiserver kube-controller-manager kube-scheduler kubelet; do
    ln -sf kube "$cache/bin/$name"
done
cp -r --no-preserve=mode "$(go list -m -f '{{.Dir}}' github.com/kubernetes-csi/external-snapshotter/client/v8)/config/crd" "$cache/crds.new"
rm -rf "$cache/crds"
mv "$cache/crds.new" "$cache/crds"
echo "$made_of" >"$cache/made-of"
