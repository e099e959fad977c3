//! LINSTOR's answers: lists of `ApiCallRc`, their return codes, and the HTTP status that follows from them.

use super::json::Fields;
use crate::sandbox::model::Cluster;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::identity;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// How an entry went: the two highest bits of a return code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Done.
    Success,
    /// Done, and something worth knowing.
    Info,
    /// Done, or to be done, and something to worry about.
    Warn,
    /// Refused.
    Error,
}

/// What was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// None in particular.
    None,
    /// Making something.
    Create,
    /// Changing something.
    Modify,
    /// Deleting something.
    Delete,
}

/// On what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// Nothing in particular.
    None,
    /// A node.
    Node,
    /// A resource definition.
    Definition,
    /// A resource.
    Resource,
    /// A volume definition.
    VolumeDefinition,
    /// A volume.
    Volume,
    /// The controller.
    Controller,
    /// A key-value store.
    KeyValueStore,
    /// A resource group.
    Group,
    /// A volume group.
    VolumeGroup,
    /// A snapshot.
    Snapshot,
    /// A storage pool.
    StoragePool,
}

/// The return code with all its bits: severity, operation, object and code.
pub fn ret_code(severity: Severity, op: Op, object: Object, code: u16) -> i64 {
    let severity: u64 = match severity {
        Severity::Success => 0,
        Severity::Info => 1 << 62,
        Severity::Warn => 2 << 62,
        Severity::Error => 3 << 62,
    };
    let op: u64 = match op {
        Op::None => 0,
        Op::Create => 0x0100_0000,
        Op::Modify => 0x0200_0000,
        Op::Delete => 0x0300_0000,
    };
    let object: u64 = match object {
        Object::None => 0,
        Object::Node => 0x003C_0000,
        Object::Definition => 0x0038_0000,
        Object::Resource => 0x0034_0000,
        Object::VolumeDefinition => 0x0030_0000,
        Object::Volume => 0x002C_0000,
        Object::Controller => 0x0010_0000,
        Object::KeyValueStore => 0x0010_0000,
        Object::Group => 0x0044_0000,
        Object::VolumeGroup => 0x0048_0000,
        Object::Snapshot => 0x000C_0000,
        Object::StoragePool => 0x0014_0000,
    };
    (severity | op | object | u64::from(code)).cast_signed()
}

/// LINSTOR's code for a body that is not the JSON it expects: all bits of operation and object are set.
const PARSE_ERROR: i64 = -3_458_764_513_820_540_931;

/// One entry of an answer.
#[derive(Debug, Clone)]
pub struct Entry {
    severity: Severity,
    code: u16,
    ret_code: i64,
    message: String,
    cause: String,
    details: String,
    correction: String,
    reports: Vec<String>,
    refs: Vec<(String, Value)>,
}

impl Entry {
    fn new(severity: Severity, op: Op, object: Object, code: u16, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            ret_code: ret_code(severity, op, object, code),
            message: message.into(),
            cause: String::new(),
            details: String::new(),
            correction: String::new(),
            reports: Vec::new(),
            refs: Vec::new(),
        }
    }

    /// Adds details.
    pub fn details(&mut self, details: impl Into<String>) -> &mut Self {
        self.details = details.into();
        self
    }

    /// Adds the cause.
    pub fn cause(&mut self, cause: impl Into<String>) -> &mut Self {
        self.cause = cause.into();
        self
    }

    /// Adds what to do.
    pub fn correction(&mut self, correction: impl Into<String>) -> &mut Self {
        self.correction = correction.into();
        self
    }

    /// Adds a reference to an object.
    pub fn with(&mut self, what: impl Into<String>, name: impl Into<Value>) -> &mut Self {
        self.refs.push((what.into(), name.into()));
        self
    }

    /// Drops the references.
    pub fn without_refs(&mut self) -> &mut Self {
        self.refs.clear();
        self
    }

    fn render(&self) -> Value {
        Fields::new()
            .kept("ret_code", self.ret_code)
            .with("message", &self.message)
            .with("cause", &self.cause)
            .with("details", &self.details)
            .with("correction", &self.correction)
            .with("error_report_ids", &self.reports)
            .with("obj_refs", self.refs.iter().cloned().collect::<serde_json::Map<_, _>>())
            .with("created_at", identity::now_text())
            .done()
    }
}

/// One call of the API: what it is about, and what it has to say.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is attempted.
    pub op: Op,
    object: Object,
    details: String,
    refs: Vec<(String, Value)>,
    entries: Vec<Entry>,
}

impl Call {
    /// A call about an object. `details` stand below every refusal.
    pub fn new(op: Op, object: Object, details: impl Into<String>) -> Self {
        Self { op, object, details: details.into(), refs: Vec::new(), entries: Vec::new() }
    }

    /// Adds a reference that every entry has.
    pub fn about(mut self, what: &str, name: impl Into<Value>) -> Self {
        self.refs.push((what.to_owned(), name.into()));
        self
    }

    /// Makes what follows be about another object: LINSTOR changes its mind where one call does several things.
    pub fn turn_to(&mut self, object: Object) {
        self.object = object;
    }

    /// What every refusal's details end with.
    pub fn context(&self) -> &str {
        &self.details
    }

    /// Adds an entry with its own operation and object.
    pub fn entry(
        &mut self,
        severity: Severity,
        op: Op,
        object: Object,
        code: u16,
        message: impl Into<String>,
    ) -> &mut Entry {
        let mut entry = Entry::new(severity, op, object, code, message);
        entry.refs = self.refs.clone();
        self.entries.push(entry);
        // The entry was pushed just now.
        self.entries.last_mut().expect("a list that was just pushed to has a last entry")
    }

    /// A success on this call's object.
    pub fn done(&mut self, code: u16, message: impl Into<String>) -> &mut Entry {
        self.entry(Severity::Success, self.op, self.object, code, message)
    }

    /// A success on another object than this call's.
    pub fn also(&mut self, object: Object, code: u16, message: impl Into<String>) -> &mut Entry {
        self.entry(Severity::Success, self.op, object, code, message)
    }

    /// An information on this call's object.
    pub fn info(&mut self, code: u16, message: impl Into<String>) -> &mut Entry {
        self.entry(Severity::Info, self.op, self.object, code, message)
    }

    /// A warning on this call's object.
    pub fn warn(&mut self, code: u16, message: impl Into<String>) -> &mut Entry {
        self.entry(Severity::Warn, self.op, self.object, code, message)
    }

    /// What LINSTOR says when a satellite that should hear of this can't be reached.
    pub fn warn_offline(&mut self, node: &str) {
        let entry = self.warn(code::NOT_CONNECTED, format!("No active connection to satellite '{node}'"));
        entry.details(OFFLINE_DETAILS);
    }

    /// Drops the references of what was said so far.
    pub fn without_refs(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.refs.clear());
    }

    /// Refuses the call, with an error report where LINSTOR writes one. What was said before is taken back, as its
    /// transaction is.
    pub fn refuse(&mut self, fault: Fault, cluster: &mut Cluster) {
        let report = fault.report.then(|| cluster.reports.write(&fault.message, &fault.cause));
        self.refuse_unreported(fault).reports.extend(report);
    }

    /// Refuses the call, without an error report.
    pub fn refuse_unreported(&mut self, fault: Fault) -> &mut Entry {
        self.entries.clear();
        let object = match (self.op, &fault.volume) {
            (Op::None, _) => Object::None,
            (_, Some(_)) => Object::VolumeDefinition,
            (_, None) => self.object,
        };
        let details = match (&*fault.details, self.details.as_str()) {
            ("", details) | (details, "") => details.to_owned(),
            (first, second) => format!("{first}\n{second}"),
        };
        let of_group = self.object == Object::VolumeGroup;
        let entry = self.entry(Severity::Error, self.op, object, fault.code, fault.message);
        entry.cause = fault.cause.into();
        entry.details = details;
        entry.correction = fault.correction.into();
        if let Some((name, number)) = fault.volume {
            entry.with("VlmNr", number.to_string());
            if of_group {
                entry.with("RscGrp", name);
            }
        }
        entry
    }

    /// The answer: the first refusal decides the status, else it is `success`.
    pub fn answer(self, success: StatusCode) -> Response {
        (self.status(success), Json(Value::Array(self.entries()))).into_response()
    }

    /// The answer with its entries in a field of an object.
    pub fn answer_within(self, success: StatusCode, mut object: Value, field: &str) -> Response {
        object[field] = Value::Array(self.entries());
        (self.status(success), Json(object)).into_response()
    }

    fn status(&self, success: StatusCode) -> StatusCode {
        let refusal = self.entries.iter().find(|entry| entry.severity == Severity::Error);
        refusal.map_or(success, |entry| status_of(entry.code))
    }

    /// The entries alone, for answers that carry them inside.
    pub fn entries(&self) -> Vec<Value> {
        self.entries.iter().map(Entry::render).collect()
    }
}

const OFFLINE_DETAILS: &str = "The controller tries to connect to the satellite again. It has stored the change, and \
                               the satellite gets it as soon as it is connected.";

/// Not found is 404, denied 403, everything else 500, whatever it is.
fn status_of(code: u16) -> StatusCode {
    match code {
        300..=399 => StatusCode::NOT_FOUND,
        400..=499 => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a pool of a node that can't be reached reports.
pub fn offline_report(node: &str) -> Value {
    let mut call = Call::new(Op::None, Object::None, "");
    call.warn_offline(node);
    Value::Array(call.entries())
}

/// The answer to a body that can't be read.
pub fn unreadable(status: StatusCode, details: &str, report: Option<String>) -> Response {
    let entry = Fields::new()
        .kept("ret_code", PARSE_ERROR)
        .with("message", "Unable to parse input json.")
        .with("details", details)
        .with("error_report_ids", report.as_slice())
        .with("created_at", identity::now_text());
    (status, Json(Value::Array(vec![entry.done()]))).into_response()
}

/// A refusal of HTTP itself: an unknown path, a method that is not allowed.
pub fn http_refusal(status: StatusCode, message: String) -> Response {
    let mut call = Call::new(Op::None, Object::None, "");
    let text = format!("HTTP {status}");
    call.entry(Severity::Error, Op::None, Object::None, code::UNKNOWN, message).details(text);
    (status, Json(Value::Array(call.entries()))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_codes_are_those_that_linstor_sends() {
        use {Object as O, Op as P, Severity as S};
        assert_eq!(ret_code(S::Success, P::Create, O::Definition, 1), 20_447_233);
        assert_eq!(ret_code(S::Error, P::Delete, O::Resource, code::IN_USE), -4_611_686_018_373_647_387);
        assert_eq!(ret_code(S::Error, P::Delete, O::Definition, code::IN_USE), -4_611_686_018_373_385_243);
        assert_eq!(ret_code(S::Warn, P::Delete, O::Definition, code::NOT_FOUND), -9_223_372_036_800_771_144);
    }

    #[test]
    fn only_what_is_not_found_or_denied_is_not_a_500() {
        assert_eq!(status_of(code::NO_NODE), StatusCode::NOT_FOUND);
        assert_eq!(status_of(code::DEFINITION_EXISTS), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status_of(code::IN_USE), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
