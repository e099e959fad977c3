//! LINSTOR's return codes and the replies that carry them.
//!
//! Every change is answered with a list of entries, each with a 64-bit `ret_code`: two bits say how bad it is, fifteen
//! which case it is. The operation and object bits between them are ignored, because LINSTOR sets them inconsistently
//! (the deletion of a resource group reports the creating operation, an unparsable request sets them at random).

use serde::Deserialize;

/// The case numbers that linflow looks for, always beside their [`Severity`].
pub mod code {
    /// Warning: the satellite is away, the change will be applied when it returns.
    pub const WARN_NOT_CONNECTED: u16 = 1002;
    /// Warning: what was to be deleted is not there. The answer is a 200.
    pub const WARN_NOT_FOUND: u16 = 3000;
    /// Error: a property key is not on the object's whitelist, or its value is not allowed.
    pub const FAIL_INVALID_PROPERTY: u16 = 213;
    /// Error: the storage pools' provider can't do it: it can't clone, as a rule.
    pub const FAIL_INVALID_PROVIDER: u16 = 227;
    /// Error: a resource's state does not allow it: not up to date, or its disk is skipped.
    pub const FAIL_INVALID_RESOURCE_STATE: u16 = 243;
    /// Error: the node does not exist.
    pub const FAIL_NOT_FOUND_NODE: u16 = 300;
    /// Error: the resource definition does not exist.
    pub const FAIL_NOT_FOUND_DEFINITION: u16 = 301;
    /// Error: the resource (the replica on that node) does not exist.
    pub const FAIL_NOT_FOUND_RESOURCE: u16 = 302;
    /// Error: the volume definition does not exist.
    pub const FAIL_NOT_FOUND_VOLUME_DEFINITION: u16 = 303;
    /// Error: no such storage pool, or `make-available` found none on the node.
    pub const FAIL_NOT_FOUND_POOL: u16 = 310;
    /// Error: something is to be encrypted, and the master passphrase is not set or not entered.
    pub const FAIL_NOT_FOUND_CRYPT_KEY: u16 = 312;
    /// Error: the key-value-store instance does not exist.
    pub const FAIL_NOT_FOUND_KEY_VALUE_STORE: u16 = 316;
    /// Error: the resource group does not exist.
    pub const FAIL_NOT_FOUND_GROUP: u16 = 317;
    /// Error: the node exists already.
    pub const FAIL_EXISTS_NODE: u16 = 500;
    /// Error: the resource definition exists already.
    pub const FAIL_EXISTS_DEFINITION: u16 = 501;
    /// Error: the resource exists already on that node.
    pub const FAIL_EXISTS_RESOURCE: u16 = 502;
    /// Error: the volume definition exists already.
    pub const FAIL_EXISTS_VOLUME_DEFINITION: u16 = 503;
    /// Error: the storage pool exists already.
    pub const FAIL_EXISTS_POOL: u16 = 510;
    /// Error: snapshots exist, so that the definition can't be deleted.
    pub const FAIL_EXISTS_SNAPSHOT_DEFINITION: u16 = 514;
    /// Error: the resource group exists already.
    pub const FAIL_EXISTS_GROUP: u16 = 522;
    /// Error: a DRBD replica is not up to date, so that the volume can't grow.
    pub const FAIL_NOT_ALL_UP_TO_DATE: u16 = 974;
    /// Error: a replica is not up to date, or has lost its disk, so that no snapshot is taken.
    pub const FAIL_SNAPSHOT_NOT_UP_TO_DATE: u16 = 979;
    /// Error: a pool has too little space.
    pub const FAIL_NOT_ENOUGH_FREE_SPACE: u16 = 980;
    /// Error: a layer or storage pool can't take snapshots.
    pub const FAIL_SNAPSHOTS_NOT_SUPPORTED: u16 = 994;
    /// Error: a satellite that the change needs is away.
    pub const FAIL_NOT_CONNECTED: u16 = 995;
    /// Error: too few nodes fit, which LINSTOR also says when no pool is large enough.
    pub const FAIL_NOT_ENOUGH_NODES: u16 = 996;
    /// Error: the resource is in use (DRBD primary).
    pub const FAIL_IN_USE: u16 = 997;
    /// Error: an exception inside the controller, and every unknown path or method.
    pub const FAIL_UNKNOWN: u16 = 998;
    /// Error: a case that the controller did not expect.
    pub const FAIL_IMPLEMENTATION: u16 = 999;
    /// Error: the sign-in failed (LDAP).
    pub const FAIL_SIGN_IN: u16 = 10000;
    /// Error: credentials are missing (LDAP).
    pub const FAIL_SIGN_IN_MISSING_CREDENTIALS: u16 = 10001;
}

/// How bad an entry of a reply is: the two highest bits of its `ret_code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Done as asked.
    Success,
    /// A remark.
    Info,
    /// Accepted, with something to know.
    Warning,
    /// Refused.
    Error,
}

/// A `ret_code` as it comes: a signed number of 64 bits, so that errors and warnings are negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RetCode(pub i64);

impl RetCode {
    const SEVERITY_SHIFT: u32 = 62;
    const CODE_MASK: u64 = 0x7fff;

    /// How bad it is.
    pub fn severity(self) -> Severity {
        match self.0.cast_unsigned() >> Self::SEVERITY_SHIFT {
            0 => Severity::Success,
            1 => Severity::Info,
            2 => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// Which case it is, `0..=32767`; the same number means different things at different severities.
    pub fn code(self) -> u16 {
        // Fifteen bits always fit.
        (self.0.cast_unsigned() & Self::CODE_MASK) as u16
    }
}

/// One entry of a reply (schema `ApiCallRc`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ApiCallRc {
    /// Severity and case.
    pub ret_code: RetCode,
    /// What happened, in LINSTOR's words.
    #[serde(default)]
    pub message: String,
    /// Why it happened; empty where LINSTOR does not say.
    #[serde(default)]
    pub cause: String,
    /// More about it; empty where LINSTOR does not say.
    #[serde(default)]
    pub details: String,
    /// What to do about it; empty where LINSTOR does not say.
    #[serde(default)]
    pub correction: String,
    /// Ids for `GET /v1/error-reports/{id}`.
    #[serde(default)]
    pub error_report_ids: Vec<String>,
    /// When the controller made the entry, by its clock, in RFC 3339; empty where it does not say.
    #[serde(default)]
    pub created_at: String,
}

/// The reply to an accepted change (schema `ApiCallRcList`), in LINSTOR's order.
///
/// Warnings mean "accepted, but": what they say must be looked at by whoever asked for the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Replies(pub Vec<ApiCallRc>);

impl Replies {
    /// The first entry that is an error; an accepted change has none.
    pub fn error(&self) -> Option<&ApiCallRc> {
        self.with(Severity::Error).next()
    }

    /// Whether an entry is an error.
    pub fn is_error(&self) -> bool {
        self.error().is_some()
    }

    /// The entries that are warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &ApiCallRc> {
        self.with(Severity::Warning)
    }

    /// The entries that are remarks.
    pub fn infos(&self) -> impl Iterator<Item = &ApiCallRc> {
        self.with(Severity::Info)
    }

    /// Whether what was to be deleted was not there (`WARN_NOT_FOUND`).
    pub fn was_not_found(&self) -> bool {
        self.has(Severity::Warning, code::WARN_NOT_FOUND)
    }

    /// Whether a satellite was away, so that the change waits for its return (`WARN_NOT_CONNECTED`).
    pub fn waits_for_satellite(&self) -> bool {
        self.has(Severity::Warning, code::WARN_NOT_CONNECTED)
    }

    fn has(&self, severity: Severity, code: u16) -> bool {
        self.with(severity).any(|reply| reply.ret_code.code() == code)
    }

    fn with(&self, severity: Severity) -> impl Iterator<Item = &ApiCallRc> {
        self.0.iter().filter(move |reply| reply.ret_code.severity() == severity)
    }
}

#[cfg(test)]
mod tests;
