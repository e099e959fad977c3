#!/usr/bin/env bash
# Installs what `make test` needs and the machine lacks: Debian packages where we are root, three tools into .tools/.
set -euo pipefail
cd "$(dirname "$0")/.."

CSI_SANITY=v5.6.0
HELM=v3.22.0
CARGO_DENY=0.20.2

PATH="$PWD/.tools/bin:$PATH:/usr/sbin:/sbin"

# go_tool MODULE VERSION PACKAGE: installs the command unless it is there in that version.
go_tool() {
    local module=$1 version=$2 package=$3 path
    if ! command -v go >/dev/null; then
        echo "missing: go, which builds ${package##*/}; install Go 1.26 or newer" >&2
        return 1
    fi
    if path=$(command -v "${package##*/}") && go version -m "$path" | grep -q "mod[[:space:]]*${module}[[:space:]]*$version"; then
        return
    fi
    echo "installing ${package##*/} $version (about 90 s)"
    GOBIN="$PWD/.tools/bin" go install "$package@$version"
}

install_cargo_deny() {
    [ "$(cargo-deny --version 2>/dev/null)" = "cargo-deny $CARGO_DENY" ] && return
    echo "installing cargo-deny $CARGO_DENY (about 4 minutes on two cores)"
    env -u CARGO_TARGET_DIR cargo install cargo-deny --version "$CARGO_DENY" --locked --quiet --root .tools
}

install_components() {
    local part
    for part in fmt clippy; do
        cargo "$part" --version >/dev/null 2>&1 || rustup component add "${part/#fmt/rustfmt}"
    done
}

# aws-lc-sys needs the compiler and cmake.
ci/packages.sh mkfs.xfs:xfsprogs mkfs.ext4:e2fsprogs losetup:util-linux mount:mount cc:gcc cmake:cmake
install_components
go_tool github.com/kubernetes-csi/csi-test/v5 "$CSI_SANITY" github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity
go_tool helm.sh/helm/v3 "$HELM" helm.sh/helm/v3/cmd/helm
install_cargo_deny
