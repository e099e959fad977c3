//! Real loop devices, filesystems and mounts. Without root each test says that it was skipped.

mod lifetime;

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
};

use nix::{
    fcntl::OFlag,
    mount::{MsFlags, mount, umount},
};
use tempfile::TempDir;

use super::{command::run, loop_device::await_condition, *};

const SIZE_KIB: u64 = 16 << 10;

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        // Not by eprintln!, which the test runner keeps to itself.
        std::io::stderr().write_all(b"SKIPPED a test of loop devices: they need root\n").unwrap();
    }
    is_root
}

fn key(node: &str) -> ReplicaKey {
    ReplicaKey { node: node.to_owned(), resource: "Pvc-1".to_owned(), volume: 0 }
}

fn state() -> (TempDir, LoopBacking) {
    let folder = tempfile::tempdir().unwrap();
    let backing = LoopBacking::open(folder.path()).unwrap();
    (folder, backing)
}

/// The loop devices of the machine that stand, or stood, on files of `state`.
fn devices_of(state: &Path) -> Vec<String> {
    let state = state.canonicalize().unwrap();
    LoopDevice::list()
        .unwrap()
        .iter()
        .filter(|device| device.file().starts_with(&state))
        .map(LoopDevice::node)
        .collect()
}

fn size_of(device: &str) -> u64 {
    File::open(device).unwrap().seek(SeekFrom::End(0)).unwrap()
}

fn first_bytes(device: &str) -> Vec<u8> {
    let mut bytes = vec![0; 5];
    File::open(device).unwrap().read_exact(&mut bytes).unwrap();
    bytes
}

fn mkfs(device: &str) {
    run("mkfs.ext4", ["-q", device]).unwrap();
}

/// A mount that goes with its guard.
struct Mounted {
    device: String,
    target: TempDir,
}

impl Mounted {
    fn try_new(device: &str) -> nix::Result<Self> {
        let target = tempfile::tempdir().unwrap();
        mount(Some(device), target.path(), Some("ext4"), MsFlags::empty(), None::<&str>)?;
        Ok(Self { device: device.to_owned(), target })
    }

    fn new(device: &str) -> Self {
        Self::try_new(device).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.target.path().join("file")
    }
}

impl Drop for Mounted {
    /// Other tests run beside this one: a child that is just being started has copies of open files (EBUSY), and the
    /// test with a mount namespace of its own has a copy of this mount for a while.
    fn drop(&mut self) {
        await_condition(|| match umount(self.target.path()) {
            Err(nix::errno::Errno::EBUSY) => Ok(false),
            outcome => Ok(outcome.map(|()| true)?),
        })
        .unwrap();
        await_condition(|| match open_exclusively(&self.device) {
            Err(error) if error.kind() == ErrorKind::ResourceBusy => Ok(false),
            outcome => outcome.map(|_| true),
        })
        .unwrap();
    }
}

fn open_exclusively(path: impl AsRef<Path>) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlag::O_EXCL.bits()).open(path)
}

#[test]
fn a_replica_carries_a_filesystem_and_its_copy_reads_the_same() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let (one, two) =
        (backing.create(&key("node-1"), SIZE_KIB).unwrap(), backing.create(&key("node-2"), SIZE_KIB).unwrap());
    let inode = fs::metadata(backing.file(&key("node-2")).unwrap()).unwrap().ino();
    // Fills the target's cache with what the copy replaces.
    assert_eq!(first_bytes(&two), [0; 5]);
    mkfs(&one);
    let mounted = Mounted::new(&one);
    fs::write(mounted.file(), "kept").unwrap();
    drop(mounted);

    backing.copy(&key("node-1"), &key("node-2")).unwrap();

    let file = backing.file(&key("node-2")).unwrap();
    assert!(file.ends_with("node-2/Pvc-1_00000.img"));
    assert_eq!(fs::metadata(&file).unwrap().ino(), inode);
    let copied = Mounted::new(&two);
    assert_eq!(fs::read_to_string(copied.file()).unwrap(), "kept");
}

#[test]
fn a_copy_has_what_is_still_in_the_source_devices_cache() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let (one, two) =
        (backing.create(&key("node-1"), SIZE_KIB).unwrap(), backing.create(&key("node-2"), SIZE_KIB).unwrap());
    // Held open, so that no last close writes the cache back or drops it.
    let writer = OpenOptions::new().read(true).write(true).open(&one).unwrap();
    let reader = File::open(&two).unwrap();
    let mut bytes = [0; 5];
    reader.read_exact_at(&mut bytes, 4096).unwrap();
    writer.write_all_at(b"bytes", 4096).unwrap();

    backing.copy(&key("node-1"), &key("node-2")).unwrap();

    reader.read_exact_at(&mut bytes, 4096).unwrap();
    assert_eq!(&bytes, b"bytes");
    let allocated = fs::metadata(backing.file(&key("node-2")).unwrap()).unwrap().blocks() * 512;
    assert!(allocated < 1 << 20, "the copy is not sparse: {allocated} bytes");
}

#[test]
fn a_copy_on_a_replica_in_use_is_refused() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let two = backing.create(&key("node-2"), SIZE_KIB).unwrap();
    backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&two);
    let _mounted = Mounted::new(&two);
    assert_eq!(backing.copy(&key("node-1"), &key("node-2")).unwrap_err().kind(), ErrorKind::ResourceBusy);
}

#[test]
fn a_device_is_open_while_mounted_or_held_exclusively() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    assert!(!backing.is_open(&key("node-1")).unwrap());
    mkfs(&device);
    let mounted = Mounted::new(&device);
    assert!(backing.is_open(&key("node-1")).unwrap());
    drop(mounted);
    let held = open_exclusively(&device).unwrap();
    assert!(backing.is_open(&key("node-1")).unwrap());
    drop(held);
    assert!(!backing.is_open(&key("node-1")).unwrap());
    assert!(!backing.is_open(&key("node-9")).unwrap());
    assert_eq!(backing.set_open(&key("node-1"), true).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_mount_in_another_namespace_counts_as_open() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&device);
    let (target, ready, go) = (folder.path().join("target"), folder.path().join("ready"), folder.path().join("go"));
    fs::create_dir(&target).unwrap();
    for fifo in [&ready, &go] {
        nix::unistd::mkfifo(fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    let script = "mount \"$0\" \"$1\" && echo mounted > \"$2\" && read -r _ < \"$3\"";
    let args = [device.clone().into(), target.into_os_string(), ready.clone().into(), go.clone().into()];
    let namespace = std::thread::spawn(move || {
        let head = ["-m", "sh", "-c", script].map(std::ffi::OsString::from);
        run("unshare", head.into_iter().chain(args))
    });
    assert_eq!(fs::read_to_string(&ready).unwrap(), "mounted\n");
    assert!(!fs::read_to_string("/proc/self/mounts").unwrap().contains(&device), "the mount is not in this namespace");
    assert!(backing.is_open(&key("node-1")).unwrap());
    fs::write(&go, "go\n").unwrap();
    namespace.join().unwrap().unwrap();
}

#[test]
fn a_bind_mount_of_the_device_node_alone_is_not_seen() {
    if !is_root() {
        return;
    }
    let (folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let target = folder.path().join("raw");
    File::create(&target).unwrap();
    mount(Some(device.as_str()), &target, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    let seen = backing.is_open(&key("node-1")).unwrap();
    let held = open_exclusively(&target).unwrap();
    let seen_held = backing.is_open(&key("node-1")).unwrap();
    drop(held);
    umount(&target).unwrap();
    assert_eq!((seen, seen_held), (false, true));
}

#[test]
fn a_device_that_may_not_be_written_refuses_writes_and_mounts() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let device = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    mkfs(&device);
    backing.set_writable(&key("node-1"), false).unwrap();
    assert_eq!(Mounted::try_new(&device).err(), Some(nix::errno::Errno::EACCES));
    let written = OpenOptions::new().write(true).open(&device).and_then(|mut open| open.write_all(b"bytes"));
    assert_eq!(written.unwrap_err().kind(), ErrorKind::PermissionDenied);
    backing.set_writable(&key("node-1"), true).unwrap();
    fs::write(Mounted::new(&device).file(), "kept").unwrap();
}

#[test]
fn growth_shows_in_the_devices_size_and_nothing_shrinks() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let own = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let client = backing.connect(&key("node-2"), &key("node-1")).unwrap();
    backing.grow(&key("node-1"), 2 * SIZE_KIB).unwrap();
    assert_eq!((size_of(&own), size_of(&client)), (2 * SIZE_KIB * 1024, 2 * SIZE_KIB * 1024));
    backing.grow(&key("node-1"), SIZE_KIB).unwrap();
    assert_eq!(backing.create(&key("node-1"), SIZE_KIB).unwrap(), own);
    assert_eq!(size_of(&own), 2 * SIZE_KIB * 1024);
}

#[test]
fn a_client_and_its_peer_are_never_both_writable() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let own = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let client = backing.connect(&key("node-2"), &key("node-1")).unwrap();
    assert_eq!(backing.connect(&key("node-2"), &key("node-1")).unwrap(), client);
    assert_eq!(backing.file(&key("node-2")), None);
    mkfs(&own);
    let mounted = Mounted::new(&own);
    fs::write(mounted.file(), "kept").unwrap();
    assert_eq!(Mounted::try_new(&client).err(), Some(nix::errno::Errno::EACCES));
    assert_eq!(backing.set_writable(&key("node-2"), true).unwrap_err().kind(), ErrorKind::ResourceBusy);
    drop(mounted);

    backing.set_writable(&key("node-2"), true).unwrap();
    assert_eq!(Mounted::try_new(&own).err(), Some(nix::errno::Errno::EACCES));
    assert_eq!(fs::read_to_string(Mounted::new(&client).file()).unwrap(), "kept");
}

#[test]
fn a_handover_between_devices_shows_the_last_bytes() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    let own = backing.create(&key("node-1"), SIZE_KIB).unwrap();
    let client = backing.connect(&key("node-2"), &key("node-1")).unwrap();
    // Both stay open, so that stale pages would stay, too.
    let (writer, reader) = (OpenOptions::new().write(true).open(&own).unwrap(), File::open(&client).unwrap());
    let mut bytes = [0; 5];
    reader.read_exact_at(&mut bytes, 0).unwrap();
    writer.write_all_at(b"bytes", 0).unwrap();
    backing.set_writable(&key("node-2"), true).unwrap();
    reader.read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(&bytes, b"bytes");
}

#[test]
fn a_client_moves_to_another_peer_and_bytes_are_never_replaced_by_a_client() {
    if !is_root() {
        return;
    }
    let (_folder, backing) = state();
    for (node, bytes) in [("node-1", b"first"), ("node-2", b"other")] {
        let device = backing.create(&key(node), SIZE_KIB).unwrap();
        OpenOptions::new().write(true).open(device).unwrap().write_all(bytes).unwrap();
    }
    assert_eq!(first_bytes(&backing.connect(&key("node-3"), &key("node-1")).unwrap()), b"first");
    assert_eq!(first_bytes(&backing.connect(&key("node-3"), &key("node-2")).unwrap()), b"other");
    let refused = backing.connect(&key("node-2"), &key("node-1")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert_eq!(first_bytes(&backing.create(&key("node-3"), SIZE_KIB).unwrap()), [0; 5]);
}
