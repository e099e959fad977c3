//! A loop device and directories of one test, put away at its end even where it fails.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use linflow::{
    access::{Permit, Request, decide},
    linstor::name::ResourceName,
    node::{
        AbsolutePath, Access, DeviceHint, FormatRecord, FormatRecordError, FsUse, PublishRequest, StageRequest,
        Targets, linux::LinuxHost, options::MountOptions,
    },
    volume::filesystem::{FsType, FsUuid, FsWishes},
    workflow::PodRef,
};
use nix::mount::{MntFlags, umount2};
use tokio::time::Instant;

pub struct Machine {
    pub host: LinuxHost,
    pub device: PathBuf,
    pub record: Record,
    pub size: u64,
    directory: tempfile::TempDir,
    /// The loop device is detached already and lives as long as it is open here.
    _open: File,
}

#[derive(Default)]
pub struct Record(pub Mutex<Option<FsUuid>>);

impl FormatRecord for Record {
    async fn read(&self) -> Result<Option<FsUuid>, FormatRecordError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn write(&self, uuid: &FsUuid) -> Result<(), FormatRecordError> {
        *self.0.lock().unwrap() = Some(uuid.clone());
        Ok(())
    }
}

/// Anyone's: no workflow owns the volume.
pub fn permit() -> Permit {
    let pod = PodRef { namespace: "airflow".to_owned(), name: "pod".to_owned(), uid: None };
    decide(Request { volume: ResourceName::parse("linflow-test").unwrap(), pod, owned: None }).unwrap()
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub fn ours() -> FsUuid {
    FsUuid::parse("6c696e66-6c6f-4777-8000-000000000001").unwrap()
}

/// Runs a program that must succeed and tells what it wrote.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let output = tokio::process::Command::new(program).args(arguments).output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A machine with a blank loop device; `None`, with a word about it, where this process may not have one.
pub async fn machine(size: u64) -> Option<Machine> {
    if !nix::unistd::geteuid().is_root() {
        // Not by eprintln!, which the test runner keeps to itself.
        std::io::stderr().write_all(b"SKIPPED a test of mounts: they need root\n").unwrap();
        return None;
    }
    let directory = tempfile::Builder::new().prefix("linflow node ").tempdir().unwrap();
    let image = directory.path().join("image");
    File::create(&image).unwrap().set_len(size).unwrap();
    let device = run("losetup", &["--find", "--show", image.to_str().unwrap()]).await;
    let open = File::open(&device).unwrap();
    run("losetup", &["--detach", &device]).await;
    for name in ["staging path", "pods"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    Some(Machine {
        host: LinuxHost::new(directory.path().join("locks")),
        device: device.into(),
        record: Record::default(),
        size,
        directory,
        _open: open,
    })
}

impl Machine {
    pub fn path(&self, name: &str) -> AbsolutePath {
        AbsolutePath::parse(self.directory.path().join(name).to_str().unwrap()).unwrap()
    }

    pub fn staging(&self) -> AbsolutePath {
        self.path("staging path")
    }

    pub fn target(&self) -> AbsolutePath {
        self.path("pods/target path")
    }

    pub fn hint(&self) -> DeviceHint {
        DeviceHint {
            resource: ResourceName::parse("linflow-test").unwrap(),
            volume: 0,
            path: self.device.clone(),
            uses_drbd: false,
            min_bytes: self.size,
        }
    }

    pub fn stage_request(&self, fs_type: FsType) -> StageRequest {
        StageRequest {
            device: self.hint(),
            staging_path: self.staging(),
            access: mount_access(fs_type),
            read_only: false,
            fs_uuid: Some(ours()),
        }
    }

    pub fn publish_request(&self, access: Access, read_only: bool) -> PublishRequest {
        PublishRequest {
            device: self.hint(),
            staging_path: self.staging(),
            target_path: self.target(),
            access,
            read_only,
            is_volume_read_only: false,
            targets: Targets::Many,
            is_shared: false,
            only_pod: None,
        }
    }

    /// Gives the device more bytes. What is asked of the verbs stays the old size, as a publish_context from before
    /// does.
    pub async fn grow(&self, size: u64) {
        File::options().write(true).open(self.directory.path().join("image")).unwrap().set_len(size).unwrap();
        run("losetup", &["--set-capacity", self.device_text()]).await;
    }

    pub fn device_text(&self) -> &str {
        self.device.to_str().unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for path in [self.target(), self.staging()] {
            while umount2(path.as_path(), MntFlags::MNT_DETACH).is_ok() {}
        }
    }
}

pub fn mount_access(fs_type: FsType) -> Access {
    mount_with(FsWishes::none(fs_type), &["noatime"])
}

pub fn mount_with(wishes: FsWishes, flags: &[&str]) -> Access {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Access::Mount(FsUse::new(wishes, MountOptions::parse_flags(&flags).unwrap(), None))
}

/// The options of the mount at a path, as findmnt(8) tells them.
pub async fn options_at(path: &Path) -> Vec<String> {
    let options = run("findmnt", &["-n", "-o", "VFS-OPTIONS", "--mountpoint", path.to_str().unwrap()]).await;
    options.split(',').map(str::to_owned).collect()
}
