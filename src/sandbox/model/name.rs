//! Names as LINSTOR looks them up: without regard to case, the first spelling kept for display.

use super::fault::{Fault, code};
use serde::{Deserialize, Serialize};

/// The form in which a name is looked up and sorted: upper case, as LINSTOR orders its lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// The key of a name, however it is spelled.
    pub fn of(name: &str) -> Self {
        Self(name.to_uppercase())
    }

    /// The name in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names that DRBD reserves (recorded: `all`).
const RESERVED: [&str; 1] = ["all"];

/// Why a name of 2 to 48 characters is not valid, in LINSTOR's words; `None` where it is.
pub fn why_invalid(name: &str) -> Option<String> {
    const MIN: usize = 2;
    const MAX: usize = 48;
    if name.len() < MIN {
        return Some(format!("Invalid name: Name length {} is less than minimum length {MIN}", name.len()));
    }
    if name.len() > MAX {
        return Some(format!("Invalid name: Name length {} is greater than maximum length {MAX}", name.len()));
    }
    let mut chars = name.chars();
    if let Some(first) = chars.next().filter(|c| !(c.is_ascii_alphabetic() || *c == '_')) {
        return Some(format!("Invalid name: Cannot begin with character '{first}'"));
    }
    chars
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        .map(|bad| format!("Invalid name: Cannot contain character '{bad}'"))
}

/// Refuses a name that no resource definition can have.
pub fn check_resource(name: &str) -> Result<(), Fault> {
    let reserved = || {
        let text = "The specified name '{}' cannot be used because it matches a keyword reserved for DRBD.";
        RESERVED.contains(&name).then(|| text.replace("{}", name))
    };
    match why_invalid(name).or_else(reserved) {
        None => Ok(()),
        Some(cause) => {
            Err(Fault::new(code::INVALID_RESOURCE_NAME, format!("The specified resource name '{name}' is invalid."))
                .because(cause)
                .reported())
        }
    }
}

/// Refuses a name that no resource group can have.
pub fn check_group(name: &str) -> Result<(), Fault> {
    match why_invalid(name) {
        None => Ok(()),
        Some(cause) => {
            Err(Fault::new(code::INVALID_GROUP_NAME, format!("The given resource group name '{name}' is invalid."))
                .because(cause)
                .reported())
        }
    }
}

/// Refuses a name that no snapshot can have; `None` is a name that was not given.
pub fn check_snapshot(name: Option<&str>) -> Result<&str, Fault> {
    let cause = name.map_or_else(|| Some("Given name is null".to_owned()), why_invalid);
    match (name, cause) {
        (Some(name), None) => Ok(name),
        (name, cause) => {
            let message = format!("The given snapshot name '{}' is invalid.", name.unwrap_or("null"));
            let fault = Fault::new(code::INVALID_SNAPSHOT_NAME, message).because(cause.unwrap_or_default());
            Err(fault.reported())
        }
    }
}

/// Refuses a name that no key-value store can have.
pub fn check_kv(name: &str) -> Result<(), Fault> {
    match why_invalid(name) {
        None => Ok(()),
        Some(_) => Err(Fault::new(code::INVALID_KV_NAME, format!("The given keyValueStore name '{name}' is invalid."))),
    }
}
