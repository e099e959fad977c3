//! Errors of the LINSTOR client.

use linflow::linstor::{ApiVersion, Error, Kind, Refusal, rc::code};

const REQUEST: &str = "POST /v1/resource-definitions/pvc-1/autoplace";

/// One of every variant.
pub fn all() -> Vec<Error> {
    let (request, reason) = (|| REQUEST.to_owned(), |text: &str| format!("http://linstor:3370: {text}"));
    vec![
        refusal(404, code::FAIL_NOT_FOUND_DEFINITION, "resource definition 'pvc-1' not found"),
        Error::Unreachable { request: request(), reason: reason("connection refused") },
        Error::Unanswered { request: "GET /v1/nodes".to_owned(), reason: reason("no answer until the deadline") },
        Error::Unknown { request: request(), reason: reason("no answer until the deadline") },
        Error::TooOld {
            url: "http://linstor:3370".to_owned(),
            found: ApiVersion { major: 1, minor: 20 },
            needed: ApiVersion::MINIMUM,
        },
    ]
}

/// A refusal of every kind.
pub fn refusals() -> Vec<Error> {
    vec![
        refusal(404, code::FAIL_NOT_FOUND_DEFINITION, "resource definition 'pvc-1' not found"),
        refusal(500, code::FAIL_EXISTS_DEFINITION, "resource definition 'pvc-1' already exists"),
        refusal(500, code::FAIL_IN_USE, "resource 'pvc-1' is still in use"),
        refusal(500, code::FAIL_NOT_ENOUGH_NODES, "not enough available nodes"),
        refusal(500, code::FAIL_NOT_ENOUGH_FREE_SPACE, "not enough free space"),
        refusal(500, code::FAIL_NOT_ALL_UP_TO_DATE, "not all replicas are up to date"),
        refusal(500, code::FAIL_NOT_FOUND_CRYPT_KEY, "no master key"),
        refusal(500, code::FAIL_EXISTS_SNAPSHOT_DEFINITION, "snapshots of 'pvc-1' exist"),
        refusal(500, code::FAIL_NOT_CONNECTED, "no connection to satellite 'node-1'"),
        refusal(401, code::FAIL_SIGN_IN, "sign-in required"),
        refusal(500, code::FAIL_INVALID_PROPERTY, "the property is not acceptable"),
        refusal(500, code::FAIL_UNKNOWN, "an unknown error occurred"),
        refusal(502, 0, "bad gateway"),
        refusal(500, 600, "a case that linflow has no name for"),
    ]
}

/// Is it not known what was done? Every variant has to be judged here.
pub fn is_open(error: &Error) -> bool {
    match error {
        Error::Unknown { .. } => true,
        Error::Refused(refusal) => matches!(refusal.kind, Kind::ServerFault | Kind::Other(0)),
        Error::Unreachable { .. } | Error::Unanswered { .. } | Error::TooOld { .. } => false,
    }
}

/// LINSTOR's refusal with this HTTP status and case number.
pub fn refusal(status: u16, code: u16, message: &str) -> Error {
    Error::Refused(Box::new(Refusal {
        request: REQUEST.to_owned(),
        status,
        kind: Kind::of(code),
        code,
        message: message.to_owned(),
        cause: String::new(),
        details: String::new(),
        correction: String::new(),
        report_ids: Vec::new(),
    }))
}
