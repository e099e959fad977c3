//! What changes of properties look like on the wire, and what LINSTOR says about them.

use super::json::Fields;
use super::reply::{Call, Object, Op, Severity};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::props::{Changes, GivenProps, Props};
use serde::Deserialize;

/// The properties part of a PUT.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PropsBody {
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
}

impl From<PropsBody> for Changes {
    fn from(body: PropsBody) -> Self {
        Self { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces }
    }
}

/// Applies changes and says so. `what` names the object; `object` is whose bits the entries carry.
pub fn change(call: &mut Call, props: &mut Props, changes: &Changes, object: Object, what: &str) -> Result<(), Fault> {
    changes.apply(props, what)?;
    announce(call, changes, object);
    Ok(())
}

/// Says which keys were set and deleted. LINSTOR says "created" and "deleted", whatever the call was.
pub fn announce(call: &mut Call, changes: &Changes, object: Object) {
    let (set, deleted) = (changes.set_keys(), changes.deleted_keys());
    if !set.is_empty() {
        let message = format!("Successfully set property key(s): {set}");
        call.entry(Severity::Success, Op::Create, object, code::CREATED, message);
    }
    if !deleted.is_empty() {
        let message = format!("Successfully deleted property key(s): {deleted}");
        call.entry(Severity::Success, Op::Delete, object, code::DELETED, message);
    }
}

/// An object's `props` field.
pub fn with_props(fields: Fields, props: &Props) -> Fields {
    fields.with("props", props)
}
