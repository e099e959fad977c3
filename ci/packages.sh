#!/usr/bin/env bash
# packages.sh COMMAND:PACKAGE…: installs the Debian packages of the commands that are missing, where we are root.
set -euo pipefail

PATH="$PATH:/usr/sbin:/sbin"
missing=()
for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}; install these packages, or run as root on Debian" >&2
    exit 1
fi
echo "installing ${missing[*]}"
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
