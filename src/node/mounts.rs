//! The mount table, as `/proc/self/mountinfo` writes it (proc_pid_mountinfo(5)).

use std::{
    ffi::OsString,
    io::{self, BufRead},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use super::host::DeviceNumber;

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountEntry {
    /// Its id, unique while it lasts.
    pub id: u64,
    /// The mount that it is mounted on.
    pub parent: u64,
    /// The device of its files.
    pub device: DeviceNumber,
    /// The part of the filesystem that is visible: `/`, or what a bind mount shows.
    pub root: PathBuf,
    /// Where it is mounted.
    pub mount_point: PathBuf,
    /// Options of this mount.
    pub options: Vec<String>,
    /// Does what is mounted below it appear in other namespaces as well (`shared:N`)?
    pub is_shared: bool,
    /// The filesystem's type.
    pub fs_type: String,
    /// The device node that it was mounted from, or what the filesystem says instead.
    pub source: PathBuf,
    /// Options of the filesystem as a whole.
    pub super_options: Vec<String>,
}

impl MountEntry {
    /// Whether the filesystem was mounted for writing and takes no more writes, which ext4 does after an I/O error.
    pub fn went_read_only(&self) -> bool {
        self.has_read_only_superblock() && self.options.iter().any(|option| option == "rw")
    }

    /// Whether the filesystem as a whole takes no writes.
    pub fn has_read_only_superblock(&self) -> bool {
        self.super_options.iter().any(|option| option == "ro" || option == "emergency_ro")
    }

    /// Whether this mount takes no writes while the filesystem as a whole does.
    pub fn takes_writes_elsewhere(&self) -> bool {
        let has = |options: &[String], wanted| options.iter().any(|option| option == wanted);
        has(&self.options, "ro") && has(&self.super_options, "rw")
    }
}

/// All mounts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MountTable(pub Vec<MountEntry>);

/// A line that is not of mountinfo's form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mount table line {0:?} is not of the form that proc_pid_mountinfo(5) describes")]
pub struct UnknownLine(String);

impl MountTable {
    /// Parses the file; a line of an unknown form is an error, since an overlooked mount could be overwritten.
    pub fn parse(text: &[u8]) -> Result<Self, UnknownLine> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(parse_line).collect::<Result<_, _>>().map(Self)
    }

    /// Reads the file and keeps what is wanted. A node with many pods has hundreds of mounts, and many volumes are
    /// worked on at once: whole tables would be megabytes, and stay with the process as idle memory.
    pub fn select(file: impl BufRead, is_wanted: impl Fn(&MountEntry) -> bool) -> io::Result<Self> {
        let mut wanted = Vec::new();
        for line in file.split(b'\n') {
            let entry = parse_line(&line?).map_err(io::Error::other)?;
            if is_wanted(&entry) {
                wanted.push(entry);
            }
        }
        Ok(Self(wanted))
    }

    /// The mount that one sees at a path, where several are stacked.
    pub fn top_at(&self, path: &Path) -> Option<&MountEntry> {
        let stack = || self.0.iter().filter(|entry| entry.mount_point == path);
        stack().rfind(|entry| !stack().any(|above| above.parent == entry.id))
    }

    /// The mount that a path is in.
    pub fn holding(&self, path: &Path) -> Option<&MountEntry> {
        path.ancestors().find_map(|ancestor| self.top_at(ancestor))
    }

    /// All mounts of a device's filesystem, bind mounts included.
    pub fn of_device(&self, device: DeviceNumber) -> impl Iterator<Item = &MountEntry> {
        self.0.iter().filter(move |entry| entry.device == device)
    }
}

/// Wants what is mounted at a path.
pub fn at(path: &Path) -> impl Fn(&MountEntry) -> bool + Send + use<> {
    let path = path.to_owned();
    move |entry| entry.mount_point == path
}

/// Wants what is mounted at a path, and a device wherever it is mounted.
pub fn at_or_of(path: &Path, device: DeviceNumber) -> impl Fn(&MountEntry) -> bool + Send + use<> {
    let is_at_path = at(path);
    move |entry| entry.device == device || is_at_path(entry)
}

fn parse_line(line: &[u8]) -> Result<MountEntry, UnknownLine> {
    parse_fields(line).ok_or_else(|| UnknownLine(String::from_utf8_lossy(line).into_owned()))
}

/// `36 35 98:0 /root /mount/point rw,noatime master:1 - ext4 /dev/x rw,errors=continue`
fn parse_fields(line: &[u8]) -> Option<MountEntry> {
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let separator = 6 + fields.get(6..)?.iter().position(|field| *field == b"-")?;
    let [id, parent, device, root, mount_point, options, ..] = fields.as_slice() else { return None };
    // Some filesystems show options with spaces that they do not escape.
    let [fs_type, source, super_options @ ..] = fields.get(separator + 1..)? else { return None };
    let (major, minor) = text(device)?.split_once(':')?;
    Some(MountEntry {
        id: text(id)?.parse().ok()?,
        parent: text(parent)?.parse().ok()?,
        device: DeviceNumber { major: major.parse().ok()?, minor: minor.parse().ok()? },
        root: path(root),
        mount_point: path(mount_point),
        options: split_options(options),
        is_shared: fields[6..separator].iter().any(|field| field.starts_with(b"shared:")),
        fs_type: String::from_utf8_lossy(&unescape(fs_type)).into_owned(),
        source: path(source),
        super_options: split_options(&super_options.join(&b' ')),
    })
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

fn path(field: &[u8]) -> PathBuf {
    OsString::from_vec(unescape(field)).into()
}

/// Splits at commas, but not within the double quotes that SELinux labels with categories have.
fn split_options(field: &[u8]) -> Vec<String> {
    let mut is_quoted = false;
    let text = String::from_utf8_lossy(&unescape(field)).into_owned();
    let parts = text.split(|c| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    parts.map(str::to_owned).collect()
}

/// Undoes the kernel's escapes: `\` and three octal digits for space, tab, newline, backslash and `#`.
fn unescape(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                plain.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                plain.push(*first);
                rest = tail;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStrExt;

    /// The kernel's mangle_path() with the set that mountinfo uses.
    fn escape(plain: &[u8]) -> Vec<u8> {
        let escaped = |byte: &u8| match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
            _ => vec![*byte],
        };
        plain.iter().flat_map(escaped).collect()
    }

    proptest! {
        #[test]
        fn any_mount_point_comes_back_as_it_was(plain in prop::collection::vec(1u8..=255, 1..64)) {
            let line = [b"7 1 8:1 / ".as_slice(), &escape(&plain), b" rw - ext4 /dev/sda1 rw\n"].concat();
            let table = MountTable::parse(&line).unwrap();
            prop_assert_eq!(table.0[0].mount_point.as_os_str().as_bytes(), plain.as_slice());
        }

        #[test]
        fn no_input_makes_the_parser_panic(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = MountTable::parse(&noise);
        }
    }

    #[test]
    fn every_field_is_read_with_and_without_optional_ones() {
        let text = b"36 35 98:0 /a\\040b /mnt/x rw,noatime master:1 shared:2 - xfs /dev/drbd1000 rw,context=\"u:r:t:s0:c1,c2\",nouuid\n\
            27 1 254:0 / / rw - ext4 /dev/vda ro\n\
            28 1 0:9 / /tmp rw - tmpfs  rw,label=a b\n";
        let table = MountTable::parse(text).unwrap();
        let first = &table.0[0];
        assert_eq!((first.id, first.parent, first.device), (36, 35, DeviceNumber { major: 98, minor: 0 }));
        assert_eq!((first.root.to_str(), first.mount_point.to_str()), (Some("/a b"), Some("/mnt/x")));
        assert_eq!(first.options, ["rw", "noatime"]);
        assert_eq!((first.fs_type.as_str(), first.source.to_str()), ("xfs", Some("/dev/drbd1000")));
        assert_eq!(first.super_options, ["rw", "context=\"u:r:t:s0:c1,c2\"", "nouuid"]);
        assert_eq!(table.0[1].super_options, ["ro"]);
        assert_eq!((table.0[2].source.to_str(), &table.0[2].super_options[1][..]), (Some(""), "label=a b"));
        assert_eq!((first.is_shared, table.0[1].is_shared), (true, false));
        assert_eq!(table.holding(Path::new("/mnt/x/y")).map(|mount| mount.id), Some(36));
        assert_eq!(table.holding(Path::new("/mnt")).map(|mount| mount.id), Some(27));
        assert_eq!((first.went_read_only(), table.0[1].went_read_only()), (false, true));
    }

    #[test]
    fn of_a_file_what_is_wanted_is_kept_and_every_line_is_understood() {
        let file = "40 27 8:0 / /mnt rw - ext4 /dev/a rw\n\
            41 27 0:9 / /mnt/tmp rw - tmpfs x rw\n\
            42 27 8:0 / /elsewhere rw - ext4 /dev/a rw\n";
        let ids = |table: MountTable| table.0.iter().map(|entry| entry.id).collect::<Vec<_>>();
        let select = |is_wanted: &dyn Fn(&MountEntry) -> bool| MountTable::select(file.as_bytes(), is_wanted).unwrap();
        assert_eq!(ids(select(&at(Path::new("/mnt")))), [40]);
        let device = DeviceNumber { major: 8, minor: 0 };
        assert_eq!(ids(select(&at_or_of(Path::new("/mnt/tmp"), device))), [40, 41, 42]);
        assert_eq!(ids(select(&at_or_of(Path::new("/other"), device))), [40, 42]);
        assert!(MountTable::select(&b"40 27\n"[..], at(Path::new("/mnt"))).is_err());
    }

    #[test]
    fn a_line_of_another_form_is_an_error() {
        for bad in ["36 35 98:0 / /mnt rw master:1 ext4 /dev/x rw", "x", "36 35 98 / /mnt rw - ext4 /dev/x rw"] {
            assert!(MountTable::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_topmost_of_stacked_mounts_is_found_whatever_their_order() {
        let lower = "40 27 8:0 / /mnt rw - ext4 /dev/a rw\n";
        let upper = "39 40 8:1 / /mnt rw - ext4 /dev/b rw\n";
        for text in [[lower, upper].concat(), [upper, lower].concat()] {
            let table = MountTable::parse(text.as_bytes()).unwrap();
            assert_eq!(table.top_at(Path::new("/mnt")).unwrap().id, 39);
            assert_eq!(table.top_at(Path::new("/other")), None);
        }
    }
}
