#!/usr/bin/env bash
# Installs what `make test` needs and the machine lacks: Debian packages where we are root, two tools into .tools/.
set -euo pipefail
cd "$(dirname "$0")/.."

CSI_SANITY=v5.6.0
CARGO_DENY=0.20.2

# A command, and the Debian package that brings it. aws-lc-sys needs the compiler and cmake.
COMMANDS="mkfs.xfs:xfsprogs mkfs.ext4:e2fsprogs losetup:util-linux mount:mount cc:gcc cmake:cmake"

PATH="$PWD/.tools/bin:$PATH:/usr/sbin:/sbin"

install_packages() {
    local missing=() pair
    for pair in $COMMANDS; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "missing: ${missing[*]}; install these packages, or run as root on Debian" >&2
        return 1
    fi
    echo "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

has_csi_sanity() {
    local path
    path=$(command -v csi-sanity) && go version -m "$path" | grep -q "csi-test/v5[[:space:]]*$CSI_SANITY"
}

install_csi_sanity() {
    if ! command -v go >/dev/null; then
        echo "missing: go, which builds csi-sanity; install Go 1.26 or newer" >&2
        return 1
    fi
    has_csi_sanity && return
    echo "installing csi-sanity $CSI_SANITY"
    GOBIN="$PWD/.tools/bin" go install "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity@$CSI_SANITY"
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

install_packages
install_components
install_csi_sanity
install_cargo_deny
