//! What can go wrong with LINSTOR: what is known about the outcome comes first.
//!
//! | variant | the request | what holds afterwards |
//! |---|---|---|
//! | [`Error::Refused`] | was answered with a refusal | nothing is pending |
//! | [`Error::Unreachable`] | was never sent | nothing has changed |
//! | [`Error::Unanswered`] | was a question, without a readable answer | nothing has changed |
//! | [`Error::Unknown`] | was a change, sent, without a readable answer | it may have happened, or happen later |
//! | [`Error::TooOld`] | was never sent | nothing has changed |

use std::fmt;

use super::rc::{ApiCallRc, code};
use super::version::ApiVersion;

/// A request to LINSTOR that did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// LINSTOR answered and refused. Nothing is pending.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The request was not sent: no controller could be reached, or the deadline passed before its turn.
    #[error("linstor was not asked ({request}): {reason}; check --linstor-url and the controller")]
    Unreachable {
        /// Method and path.
        request: String,
        /// What prevented it, controller by controller.
        reason: String,
    },
    /// A question was sent, but no readable answer came. Asking changes nothing.
    #[error("linstor gave no usable answer ({request}): {reason}; ask again")]
    Unanswered {
        /// Method and path.
        request: String,
        /// A timeout, a reset connection, or what was wrong with the answer.
        reason: String,
    },
    /// A change was sent, but no readable answer came: it may have happened, may happen yet, or not at all.
    #[error("it is not known whether linstor has done it ({request}): {reason}; look before repeating")]
    Unknown {
        /// Method and path.
        request: String,
        /// A timeout, a reset connection, or what was wrong with the answer.
        reason: String,
    },
    /// The controller speaks an older REST API than linflow needs. The request was not sent.
    #[error("linstor's REST API at {url} is {found}, linflow needs {needed} or newer; upgrade the LINSTOR controller")]
    TooOld {
        /// The controller that was asked.
        url: String,
        /// What it speaks.
        found: ApiVersion,
        /// The oldest that linflow works with.
        needed: ApiVersion,
    },
}

impl Error {
    /// Whether a change may have happened, or may happen yet.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether LINSTOR said that an object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self.kind(), Some(Kind::NotFound(_)))
    }

    /// Whether LINSTOR said that an object exists already.
    pub fn is_exists(&self) -> bool {
        matches!(self.kind(), Some(Kind::Exists(_)))
    }

    /// Whether LINSTOR refused for want of nodes or of space.
    pub fn is_no_room(&self) -> bool {
        matches!(self.kind(), Some(Kind::NotEnoughNodes | Kind::NotEnoughSpace))
    }

    /// What LINSTOR refused; none where it did not refuse.
    pub fn kind(&self) -> Option<Kind> {
        self.refusal().map(|refusal| refusal.kind)
    }

    /// The refusal in full; none where LINSTOR did not refuse.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unreachable { .. } | Self::Unanswered { .. } | Self::Unknown { .. } | Self::TooOld { .. } => None,
        }
    }
}

/// LINSTOR's refusal, with everything that it said to help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path.
    pub request: String,
    /// The HTTP status. Business errors are 500 (404 for what was not found), so it says less than `kind`.
    pub status: u16,
    /// What was refused.
    pub kind: Kind,
    /// LINSTOR's case number, `0` where the answer was not LINSTOR's own (a proxy's page).
    pub code: u16,
    /// LINSTOR's message.
    pub message: String,
    /// Why, where LINSTOR says.
    pub cause: String,
    /// More, where LINSTOR says.
    pub details: String,
    /// What to do, where LINSTOR says.
    pub correction: String,
    /// Ids for `GET /v1/error-reports/{id}`.
    pub report_ids: Vec<String>,
}

impl Refusal {
    /// The refusal that this error entry of an answer is.
    pub(super) fn new(request: String, status: u16, reply: ApiCallRc) -> Self {
        Self {
            request,
            status,
            kind: Kind::of(reply.ret_code.code()),
            code: reply.ret_code.code(),
            message: reply.message,
            cause: reply.cause,
            details: reply.details,
            correction: reply.correction,
            report_ids: reply.error_report_ids,
        }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "linstor refused {}: {} (code {}, HTTP {})", self.request, self.message, self.code, self.status)?;
        if !self.cause.is_empty() {
            write!(f, "; cause: {}", self.cause)?;
        }
        if !self.correction.is_empty() {
            write!(f, "; to do: {}", self.correction)?;
        }
        if !self.report_ids.is_empty() {
            write!(f, "; error reports: {}", self.report_ids.join(", "))?;
        }
        Ok(())
    }
}

/// What LINSTOR refused, as far as callers tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that the request names does not exist.
    NotFound(Object),
    /// What was to be created exists already.
    Exists(Object),
    /// The resource is in use: DRBD primary.
    InUse,
    /// Too few nodes fit. LINSTOR says the same when no pool is large enough.
    NotEnoughNodes,
    /// A pool has too little space.
    NotEnoughSpace,
    /// A replica is not up to date, so that the volume can't grow.
    NotAllUpToDate,
    /// Snapshots prevent the deletion (or one of that name exists, where a snapshot was to be made).
    HasSnapshots,
    /// A satellite that the change needs is away.
    NotConnected,
    /// Something is to be encrypted, and the master passphrase is not set or not entered.
    NoMasterKey,
    /// Credentials are missing or not accepted.
    AccessDenied,
    /// A name, size, property or other value is not acceptable.
    Invalid,
    /// The controller failed inside; its error reports tell more. What it had done until then is not told.
    ServerFault,
    /// Any other case, by its number; `0` where the refusal did not come from LINSTOR.
    Other(u16),
}

impl Kind {
    /// Whether something may have been done before the refusal: the controller broke off, or the refusal isn't
    /// LINSTOR's own.
    pub fn may_have_acted(self) -> bool {
        matches!(self, Self::ServerFault | Self::Other(0))
    }

    /// What an error's case number means.
    pub fn of(code: u16) -> Self {
        match code {
            code::FAIL_IN_USE => Self::InUse,
            code::FAIL_NOT_ENOUGH_NODES => Self::NotEnoughNodes,
            code::FAIL_NOT_ENOUGH_FREE_SPACE => Self::NotEnoughSpace,
            code::FAIL_NOT_ALL_UP_TO_DATE => Self::NotAllUpToDate,
            code::FAIL_EXISTS_SNAPSHOT_DEFINITION => Self::HasSnapshots,
            code::FAIL_NOT_CONNECTED => Self::NotConnected,
            code::FAIL_NOT_FOUND_CRYPT_KEY => Self::NoMasterKey,
            code::FAIL_UNKNOWN | code::FAIL_IMPLEMENTATION => Self::ServerFault,
            400..=499 | code::FAIL_SIGN_IN | code::FAIL_SIGN_IN_MISSING_CREDENTIALS => Self::AccessDenied,
            200..=299 => Self::Invalid,
            300..=399 => Self::NotFound(Object::not_found(code)),
            500..=599 => Self::Exists(Object::exists(code)),
            other => Self::Other(other),
        }
    }
}

/// The sort of object that a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A node.
    Node,
    /// A resource definition.
    Definition,
    /// A resource: the replica of a definition on one node.
    Resource,
    /// A volume definition.
    VolumeDefinition,
    /// A storage pool.
    Pool,
    /// A resource group.
    Group,
    /// A key-value-store instance.
    KeyValueStore,
    /// Any other, by the refusal's case number.
    Other(u16),
}

impl Object {
    fn not_found(code: u16) -> Self {
        match code {
            code::FAIL_NOT_FOUND_NODE => Self::Node,
            code::FAIL_NOT_FOUND_DEFINITION => Self::Definition,
            code::FAIL_NOT_FOUND_RESOURCE => Self::Resource,
            code::FAIL_NOT_FOUND_VOLUME_DEFINITION => Self::VolumeDefinition,
            code::FAIL_NOT_FOUND_POOL => Self::Pool,
            code::FAIL_NOT_FOUND_KEY_VALUE_STORE => Self::KeyValueStore,
            code::FAIL_NOT_FOUND_GROUP => Self::Group,
            other => Self::Other(other),
        }
    }

    fn exists(code: u16) -> Self {
        match code {
            code::FAIL_EXISTS_NODE => Self::Node,
            code::FAIL_EXISTS_DEFINITION => Self::Definition,
            code::FAIL_EXISTS_RESOURCE => Self::Resource,
            code::FAIL_EXISTS_VOLUME_DEFINITION => Self::VolumeDefinition,
            code::FAIL_EXISTS_POOL => Self::Pool,
            code::FAIL_EXISTS_GROUP => Self::Group,
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests;
