//! The one place that picks a gRPC code, from what is known of the world.
//!
//! external-provisioner takes CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED as "still running",
//! RESOURCE_EXHAUSTED as "place it elsewhere" and every other code as final. A final code after a half-done create
//! leaks a volume; one of the first four after a clear refusal makes Kubernetes wait for nothing. So: nothing pending,
//! a final code; anything pending or not known, one of the four.

use std::error::Error;

use tonic::{Code, Status};

use super::request::RequestError;
use crate::access::{Denial, Unexpected};
use crate::linstor::{self, Kind};
use crate::node;
use crate::volume;
use crate::volume::holders::Held;
use crate::volume::size::SizeError;
use crate::volume::snapshot;
use crate::workflow::{AskError, ClaimError, DirectoryError};

/// An error that knows its gRPC code.
pub trait Coded: Error {
    /// The code, by what is known after the error.
    fn code(&self) -> Code;
}

/// The status of an error: its code, and its whole chain as text.
pub fn of(error: &impl Coded) -> Status {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        source = cause.source();
    }
    Status::new(error.code(), message)
}

/// The status of an operation whose task ended without an outcome: a defect of ours, after which nothing is known.
pub fn lost_task(error: &tokio::task::JoinError) -> Status {
    Status::unavailable(format!("the operation broke off: {error}; call again"))
}

impl Coded for RequestError {
    fn code(&self) -> Code {
        match self {
            Self::Size(error) => size(error),
            Self::Claim(error) => claim(error),
            Self::NoSuchSource(_) => Code::NotFound,
            Self::NoStagingPath | Self::RawUse => Code::FailedPrecondition,
            Self::Missing(_)
            | Self::VolumeName(_)
            | Self::VolumeId(_)
            | Self::NodeId(_)
            | Self::Parameter(_)
            | Self::Attribute(_)
            | Self::AccessMode { .. }
            | Self::FsType(_)
            | Self::FsOption(_)
            | Self::MountGroup(_)
            | Self::Unsupported(_)
            | Self::NeverWritten
            | Self::Path { .. }
            | Self::SnapshotParameter(_)
            | Self::Repeated { .. }
            | Self::MaxEntries(_)
            | Self::Context(_) => Code::InvalidArgument,
        }
    }
}

/// Where the claim's namespace is another Airflow's, who asks is wrong, not what.
fn claim(error: &ClaimError) -> Code {
    match error {
        ClaimError::OutsideInstance { .. } => Code::PermissionDenied,
        _ => Code::InvalidArgument,
    }
}

impl Coded for AskError {
    /// Nothing was made, so that what won't change by itself is final.
    fn code(&self) -> Code {
        match self {
            Self::Claim(error) => claim(error),
            Self::Annotation { .. } | Self::ClassOnly { .. } | Self::Unresolved { .. } | Self::LabelOnly { .. } => {
                Code::InvalidArgument
            }
            Self::Contradiction { .. } | Self::Evidence { .. } => Code::PermissionDenied,
            Self::Remade { .. } | Self::Gone(_) => Code::FailedPrecondition,
            Self::Unavailable(error) => error.code(),
        }
    }
}

fn size(error: &SizeError) -> Code {
    match error {
        SizeError::Negative { .. } | SizeError::Empty => Code::InvalidArgument,
        SizeError::LimitBelowRequired { .. } | SizeError::LimitTooSmall { .. } | SizeError::TooLarge { .. } => {
            Code::OutOfRange
        }
    }
}

impl Coded for volume::Error {
    fn code(&self) -> Code {
        match self {
            Self::NotFound(_) | Self::Released(_) | Self::NodeNotFound(_) | Self::NoSource { .. } => Code::NotFound,
            Self::NoSuchGroup(_)
            | Self::Unmodifiable { .. }
            | Self::Bound { .. }
            | Self::Incompatible { .. }
            | Self::OtherAccessType { .. } => Code::InvalidArgument,
            Self::Mismatch { .. } | Self::AttachedDifferently { .. } => Code::AlreadyExists,
            Self::Owned(error) => error.code(),
            Self::Busy(_)
            | Self::Deleting(_)
            | Self::Contended { .. }
            | Self::Unfinished { .. }
            | Self::PageToken(_) => Code::Aborted,
            Self::Size(error) => size(error),
            Self::NoRoom { .. }
            | Self::NoRoomForCopy { .. }
            | Self::OutOfReach { .. }
            | Self::NoSuchPlace(_)
            | Self::Impossible(_)
            | Self::NodeFull { .. } => Code::ResourceExhausted,
            Self::NoRoomToGrow { .. } => Code::OutOfRange,
            Self::Foreign(_)
            | Self::NotAsMade { .. }
            | Self::AttachedElsewhere { .. }
            | Self::NotProven { .. }
            | Self::StillAttached { .. }
            | Self::InUse { .. }
            | Self::NoReplicaHere { .. }
            | Self::RemoteForbidden { .. }
            | Self::NoPassphrase { .. }
            | Self::HasSnapshots { .. } => Code::FailedPrecondition,
            Self::NodeNotOnline { .. }
            | Self::NotReady { .. }
            | Self::NotGrown { .. }
            | Self::NotSpare { .. }
            | Self::SourceNotReady { .. }
            | Self::Random(_) => Code::Unavailable,
            Self::CopyFailed { .. } | Self::Origin(_) => Code::Internal,
            Self::Record(_) | Self::Tag(_) | Self::Name(_) => Code::Internal,
            Self::Held(error) => error.code(),
            Self::Directory(error) => error.code(),
            Self::Linstor(error) => error.code(),
        }
    }
}

impl Coded for volume::OwnedError {
    fn code(&self) -> Code {
        match self {
            Self::OtherTerms { .. } => Code::AlreadyExists,
            Self::NothingToFork { .. } => Code::NotFound,
            Self::Reaping { .. } | Self::HeldByRun { .. } => Code::Aborted,
            Self::NoClaim { .. } => Code::FailedPrecondition,
        }
    }
}

impl Coded for Held {
    fn code(&self) -> Code {
        match self {
            // The runs of a DAG take turns.
            Self::ByRun { .. } => Code::Aborted,
            Self::ByPod { .. } | Self::ByReaders { .. } => Code::FailedPrecondition,
        }
    }
}

impl Coded for snapshot::Error {
    fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::Mismatch { .. } => Code::AlreadyExists,
            Self::Member { .. } | Self::Members(_) => Code::InvalidArgument,
            Self::Foreign(_) | Self::Incomplete { .. } | Self::Unsupported { .. } => Code::FailedPrecondition,
            Self::Deleting(_) | Self::NotTaken(..) => Code::Aborted,
            Self::Failed(..) | Self::NotUpToDate { .. } => Code::Unavailable,
            Self::OutOfReach { .. } => Code::ResourceExhausted,
            Self::Props(_) => Code::Internal,
            Self::Volume(error) => error.code(),
        }
    }
}

impl Coded for linstor::Error {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refused(refusal.kind),
            Self::Unreachable { .. } | Self::Unanswered { .. } => Code::Unavailable,
            Self::Unknown { .. } => Code::DeadlineExceeded,
            Self::TooOld { .. } => Code::FailedPrecondition,
        }
    }
}

fn refused(kind: Kind) -> Code {
    match kind {
        Kind::NotFound(_) => Code::NotFound,
        Kind::Exists(_) => Code::AlreadyExists,
        Kind::InUse | Kind::HasSnapshots | Kind::NoMasterKey => Code::FailedPrecondition,
        Kind::NotEnoughNodes | Kind::NotEnoughSpace => Code::ResourceExhausted,
        // The controller broke off, or a proxy answered for it: what was done is not told.
        Kind::NotAllUpToDate | Kind::NotConnected | Kind::ServerFault | Kind::Other(0) => Code::Unavailable,
        Kind::AccessDenied => Code::Unauthenticated,
        Kind::Invalid => Code::InvalidArgument,
        Kind::Other(_) => Code::Internal,
    }
}

impl Coded for node::Error {
    fn code(&self) -> Code {
        match self {
            Self::Option(_) | Self::Symlink(_) | Self::WrongKind { .. } | Self::ParentMissing(_) => {
                Code::InvalidArgument
            }
            Self::NotFound(_) | Self::NotOnNode(_) => Code::NotFound,
            Self::OtherPermit { .. } => Code::PermissionDenied,
            Self::DeviceMissing { .. }
            | Self::NotGrownYet { .. }
            | Self::Changed(_)
            | Self::NoQuorum { .. }
            | Self::Record(_)
            | Self::GroupUnfinished { .. }
            | Self::RecordUnconfirmed { .. } => Code::Unavailable,
            Self::NotStaged(_)
            | Self::DeviceTooSmall { .. }
            | Self::GrowsAtNextStage(_)
            | Self::WrongDevice { .. }
            | Self::DataMissing { .. }
            | Self::RecordDiffers { .. }
            | Self::NothingToMount { .. }
            | Self::OtherFilesystem { .. }
            | Self::PrimaryElsewhere { .. }
            | Self::InUse { .. }
            | Self::ForeignMount { .. }
            | Self::SecondTarget { .. }
            | Self::HeldByPod { .. }
            | Self::WentReadOnly(_) => Code::FailedPrecondition,
            Self::Suspended { .. } => Code::DeadlineExceeded,
            Self::Busy(_) => Code::Aborted,
            Self::Incompatible { .. } => Code::AlreadyExists,
            Self::FormatUnconfirmed { .. } | Self::Program { .. } | Self::Mount { .. } | Self::Io { .. } => {
                Code::Internal
            }
        }
    }
}

impl Coded for Denial {
    fn code(&self) -> Code {
        match self {
            Self::NotTheOwner { .. } | Self::OtherProof { .. } | Self::Contradicted { .. } => Code::PermissionDenied,
            // It may turn out to be the owner's.
            Self::Unheard { .. } => Code::Unavailable,
            Self::Unseen(error) => error.code(),
        }
    }
}

impl Coded for Unexpected {
    fn code(&self) -> Code {
        Code::PermissionDenied
    }
}

impl Coded for DirectoryError {
    /// The pod could not be looked up, so nothing is known of its identity: not now.
    fn code(&self) -> Code {
        Code::Unavailable
    }
}
