//! The verbs on the scripted host. The real one is in tests/node_linux.rs.

mod attaching;
mod claims;
mod crashes;
mod expanding;
mod filesystems;
mod health;
mod modes;
mod publishing;
mod trouble;

use std::time::Duration;

use tokio::time::Instant;

use super::{
    AbsolutePath, Access, DeviceHint, Error, FsUse, PublishRequest, StageRequest, Targets,
    host::{BlockDevice, Operation, PathKind, Program},
    scripted::{ScriptedHost, Step},
};
use crate::{
    access::{Permit, Request, decide},
    linstor::name::ResourceName,
    volume::filesystem::{FsType, FsUuid, FsWishes, options::MountOptions},
    workflow::PodRef,
};

const SIZE: u64 = 512 << 20;
const DEVICE: &str = "/dev/drbd1000";
const STAGING: &str = "/staging/volume";
const TARGET: &str = "/pods/target";

/// Anyone's: no workflow owns the volume.
fn permit() -> Permit {
    let pod = PodRef { namespace: "airflow".to_owned(), name: "pod".to_owned(), uid: None };
    decide(Request { volume: ResourceName::parse("vol1").unwrap(), pod, owned: None }).unwrap()
}

fn ours() -> FsUuid {
    FsUuid::from_random([1; 16])
}

fn path(text: &str) -> AbsolutePath {
    AbsolutePath::parse(text).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn machine() -> (ScriptedHost, BlockDevice) {
    let host = ScriptedHost::new();
    host.add_path(STAGING, PathKind::Directory);
    host.add_path("/pods", PathKind::Directory);
    let device = host.add_device(DEVICE, SIZE);
    (host, device)
}

fn hint() -> DeviceHint {
    DeviceHint {
        resource: ResourceName::parse("vol1").unwrap(),
        volume: 0,
        path: DEVICE.into(),
        uses_drbd: true,
        min_bytes: SIZE,
    }
}

fn mount_access(fs_type: FsType, flags: &[&str]) -> Access {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Access::Mount(FsUse::new(FsWishes::none(fs_type), MountOptions::parse_flags(&flags).unwrap(), None))
}

fn stage_request(fs_type: FsType, flags: &[&str]) -> StageRequest {
    StageRequest {
        device: hint(),
        staging_path: path(STAGING),
        access: mount_access(fs_type, flags),
        read_only: false,
        fs_uuid: Some(ours()),
    }
}

fn publish_request(access: Access) -> PublishRequest {
    PublishRequest {
        device: hint(),
        staging_path: path(STAGING),
        target_path: path(TARGET),
        access,
        read_only: false,
        is_volume_read_only: false,
        targets: Targets::Many,
        is_shared: false,
        only_pod: None,
    }
}

async fn stage(host: &ScriptedHost, request: &StageRequest) -> Result<(), Error> {
    super::stage(host, request, &host.record(), soon()).await
}

/// How often a step was called.
fn count(host: &ScriptedHost, step: Step) -> usize {
    host.log().into_iter().filter(|logged| *logged == step).count()
}

/// Whether anything was called that writes to a device by itself.
fn has_written(host: &ScriptedHost) -> bool {
    host.log().iter().any(|step| matches!(step, Step::Host(Operation::Wipe | Operation::Run(_))))
}

fn run(program: Program) -> Step {
    Step::Host(Operation::Run(program))
}
