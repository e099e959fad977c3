//! NodeGetVolumeHealth and NodeGetStorageHealth: what this node sees for itself, each look bounded in time, for what is
//! suspended answers nothing.

mod condition;
mod judge;
mod storage;

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;

pub use condition::{Condition, Reason};
pub use judge::judge;
pub use storage::{storage_health, storage_of};

use super::{
    AbsolutePath, Host,
    drbd::{self, Refusal, errno, status},
    host::{BlockDevice, ByteRange, DrbdAnswer, HostError, PathKind, Place},
    mounts::at,
};
use crate::{linstor::name::ResourceName, volume::filesystem::FsType};

/// How long one look at the machine may take.
const LOOK: Duration = Duration::from_secs(3);
/// What a filesystem says that was shut down after an error (asm-generic/errno.h).
const EIO: i32 = 5;
/// What is read of a device to see that it can be.
const FIRST: ByteRange = ByteRange { offset: 0, length: 4096 };

/// Whose health is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthRequest {
    /// The LINSTOR resource.
    pub resource: ResourceName,
    /// The number of the volume in the resource.
    pub volume: u32,
    /// Where the volume was staged and published, or was to be; those that were told.
    pub paths: Vec<AbsolutePath>,
    /// Its device, where LINSTOR was asked for it.
    pub device: Option<PathBuf>,
}

/// What this node sees of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Neither a mount nor a device nor a resource of DRBD.
    Nothing,
    /// Something, with all that is wrong with it, each reason once.
    Volume(Vec<Condition>),
}

/// Looks at a volume's mounts, its device and DRBD's state. It writes nothing and waits for no lock.
pub async fn volume_health<H: Host>(host: &H, request: &HealthRequest, deadline: Instant) -> Seen {
    let mut look = Look { host, request, deadline, device: None, is_mounted: false, found: Vec::new() };
    for path in &request.paths {
        look.at_path(path).await;
    }
    look.find_device().await;
    look.read_device().await;
    let is_known_to_drbd = look.ask_drbd().await;
    if look.device.is_none() && !look.is_mounted && !is_known_to_drbd && look.found.is_empty() {
        return Seen::Nothing;
    }
    Seen::Volume(condition::each_once(look.found))
}

struct Look<'a, H> {
    host: &'a H,
    request: &'a HealthRequest,
    deadline: Instant,
    device: Option<BlockDevice>,
    is_mounted: bool,
    found: Vec<Condition>,
}

impl<H: Host> Look<'_, H> {
    fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + LOOK)
    }

    fn find(&mut self, reason: Reason, seen: String) {
        self.found.push(Condition::new(reason, &seen));
    }

    /// What is mounted at a path. Nothing there is nothing wrong: it may never have come to a mount.
    async fn at_path(&mut self, path: &AbsolutePath) {
        let shown = path.as_path().display();
        match self.host.inspect(path.as_path(), self.soon()).await {
            Ok(Some(place)) => self.at_place(&place).await,
            Ok(None) => {}
            Err(HostError::Overdue { .. }) => self.find(Reason::Unresponsive, format!("{shown} does not answer")),
            Err(error) if error.errno() == Some(EIO) => {
                self.find(Reason::FilesystemShutDown, format!("{shown} answers with an I/O error"));
            }
            Err(error) => self.find(Reason::NodeStateUnknown, format!("{shown} can't be looked at: {error}")),
        }
    }

    async fn at_place(&mut self, place: &Place) {
        let Ok(table) = self.host.mounts(at(&place.path), self.soon()).await else { return };
        let Some(entry) = table.top_at(&place.path) else { return };
        if let Some(PathKind::BlockDevice(_)) = place.kind {
            self.is_mounted = true;
            self.device = self.host.resolve(&place.path, self.soon()).await.ok().flatten().or(self.device.take());
        } else if entry.fs_type.parse::<FsType>().is_ok() {
            self.is_mounted = true;
            let source = self.host.resolve(&entry.source, self.soon()).await.ok().flatten();
            self.device = source.filter(|device| device.number == entry.device).or(self.device.take());
            if entry.went_read_only() {
                self.find(Reason::FilesystemReadOnly, format!("{} takes no more writes", place.path.display()));
            }
        }
    }

    /// The device where no mount has led to it: by DRBD's link, or as LINSTOR has it.
    async fn find_device(&mut self) {
        let link = drbd::by_res_link(&self.request.resource, self.request.volume);
        for path in std::iter::once(&link).chain(&self.request.device) {
            if self.device.is_none() {
                self.device = self.host.resolve(path, self.soon()).await.ok().flatten();
            }
        }
    }

    async fn read_device(&mut self) {
        let Some(device) = self.device.clone() else { return };
        let Err(error) = self.host.read(&device, &[FIRST], self.soon()).await else { return };
        let shown = device.path.display();
        let refusal = error.errno().filter(|_| device.number.major == drbd::MAJOR).and_then(drbd::refusal);
        match refusal {
            _ if matches!(error, HostError::Overdue { .. }) => {
                self.find(Reason::Unresponsive, format!("{shown} does not answer"));
            }
            // To whoever reads it while it is mounted here, DRBD gives this answer for no reason that we know.
            Some(Refusal::PrimaryElsewhere) => self.find(Reason::InUseElsewhere, format!("another node has {shown}")),
            Some(Refusal::NoQuorum) => self.find(Reason::QuorumLost, format!("{shown} refuses to be opened")),
            None if error.errno() == Some(errno::EBUSY) => {}
            None => self.find(Reason::DeviceUnreadable, format!("{shown} can't be read: {}", said_by_linux(&error))),
        }
    }

    /// Asks DRBD itself; tells whether it knows the resource.
    async fn ask_drbd(&mut self) -> bool {
        let is_drbd = self.device.as_ref().is_some_and(|device| device.number.major == drbd::MAJOR);
        let answer = match self.host.drbd_status(Some(&self.request.resource), self.soon()).await {
            Ok(answer) => known(&answer),
            Err(error) => Err(error.to_string()),
        };
        let wanted = self.request.resource.as_str();
        match answer {
            Ok(resources) => {
                let Some(own) = resources.iter().find(|one| one.name.eq_ignore_ascii_case(wanted)) else {
                    if is_drbd {
                        self.find(Reason::DrbdResourceDown, "DRBD does not know the resource".to_owned());
                    }
                    return false;
                };
                self.found.extend(judge(own, self.request.volume));
                true
            }
            // Without DRBD's layer there is nothing to be told.
            Err(_) if !is_drbd => false,
            Err(why) => {
                self.find(Reason::DrbdStateUnknown, why);
                false
            }
        }
    }
}

fn said_by_linux(error: &HostError) -> String {
    match error {
        HostError::Refused { source, .. } => source.to_string(),
        HostError::Overdue { .. } | HostError::Symlink(_) => error.to_string(),
    }
}

/// The resources that an answer tells of; what was wrong with it otherwise. With status 10 drbdsetup says that it has no
/// such resource.
fn known(answer: &DrbdAnswer) -> Result<Vec<status::DrbdResource>, String> {
    match answer {
        DrbdAnswer::NoProgram => Err("drbdsetup is not installed beside linflow".to_owned()),
        DrbdAnswer::Ended { exit: Some(10), stderr, .. } if stderr.contains("No such resource") => Ok(Vec::new()),
        DrbdAnswer::Ended { exit: Some(0), stdout, .. } => status::parse(stdout).map_err(|error| error.to_string()),
        DrbdAnswer::Ended { exit, stderr, .. } => {
            Err(format!("drbdsetup ended with status {}: {stderr}", exit.unwrap_or_default()))
        }
    }
}
