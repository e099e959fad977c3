#!/bin/sh
# collect.sh DIR: makes a root directory of the programs that linflow runs on a node, with the libraries that they load,
# their licences, and the list of their packages for scanners. Runs in the image's Debian stage.
set -eu

# Those of src/node/operation.rs and drbdsetup; xfs_admin is a script around xfs_db.
PROGRAMS="mkfs.ext4 tune2fs e2fsck resize2fs mkfs.xfs xfs_admin xfs_growfs xfs_io drbdsetup xfs_db sh"
# mkfs.ext4's defaults; the CAs by which LINSTOR is known where no other is given.
FILES="/etc/mke2fs.conf /etc/ssl/certs/ca-certificates.crt"
# linflow itself loads it, and no program may.
LIBRARIES="libgcc_s.so.1 libm.so.6"

root=$1
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" "$root/etc" "$root/proc" "$root/sys" \
    "$root/dev" "$root/run" "$root/tmp" "$root/var/lib/dpkg/status.d"
for dir in bin sbin lib lib64; do
    ln -s "usr/$dir" "$root/$dir"
done
ln -s /proc/self/mounts "$root/etc/mtab"
echo 'root:x:0:0:root:/:/sbin/nologin
nobody:x:65532:65532:nobody:/:/sbin/nologin' >"$root/etc/passwd"
echo 'root:x:0:
nobody:x:65532:' >"$root/etc/group"

# The package of a file. Packages name some files by /lib and some by /usr/lib; /bin/sh is a diversion of dash's, and what
# a package's scripts have made belongs to none.
package_of() {
    for name in "$1" "${1#/usr}" "$(readlink -f "$1")"; do
        dpkg-query --search "$name" 2>/dev/null | sed -n '/^diversion/d; s/:.*//p'
    done | head -n 1
}

note_package() {
    package=$(package_of "$1")
    if [ -z "$package" ] || [ -e "$root/var/lib/dpkg/status.d/$package" ]; then
        return
    fi
    dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
    install -D -m 644 "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
}

# take PATH: the file behind it, under its own name, once.
take() {
    to=$(readlink -f "$(dirname "$1")")/$(basename "$1")
    if [ ! -e "$root$to" ]; then
        install -D -m "$(stat -L -c %a "$1")" "$1" "$root$to"
        note_package "$to"
    fi
}

for program in $PROGRAMS; do
    path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$program") || { echo "no $program" >&2; exit 1; }
    take "$path"
    # A script loads nothing.
    for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*' || true); do
        take "$library"
    done
done
for library in $LIBRARIES; do
    take "$(find /lib/*-linux-* -name "$library" | head -n 1)"
done
for file in $FILES; do
    take "$file"
done
