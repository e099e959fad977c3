//! A volume's tag: the properties of its resource definition that say whose it is. The one place with their names.
//!
//! Written once, in the request that creates the definition (`POST /v1/resource-groups/{group}/spawn`,
//! `resource_definition_props`), and never changed: a property change adjusts DRBD on every node. A definition without
//! [`DRIVER`] is not ours.

use std::{collections::BTreeMap, time::Duration};

use crate::linstor::name::{NameError, NodeName};
use crate::volume::filesystem::{FsUuid, NotAUuid};

use super::{
    confirm::{Confirm, NotAMode},
    id::{DagId, IdError, Instance, MapIndex, RunId, TaskId},
    incarnation::{BadIncarnation, Incarnation},
    reach::{NotAccess, Reach, RemoteAccess},
    reference::{Ownership, WorkflowRef},
    retain::{NotARetention, Retain},
    scope::{Scope, UnknownScope},
};

/// `linflow/<version>` of the driver that made the volume: this volume is ours.
pub const DRIVER: &str = "Aux/linflow/driver";
/// A random number that prefixes the keys of the resource's key-value instance.
pub const INCARNATION: &str = "Aux/linflow/incarnation";
/// task, run, dag, pod or none.
pub const SCOPE: &str = "Aux/linflow/scope";
/// The owner's canonical id, or its hash where it is too long.
pub const WORKFLOW_ID: &str = "Aux/linflow/workflow-id";
/// The name that the CSI caller gave.
pub const CSI_NAME: &str = "Aux/linflow/csi-name";
/// What the StorageClass came to, as JSON: `volume::said`.
pub const PARAMETERS: &str = "Aux/linflow/parameters";
/// The identity of the filesystem.
pub const FS_UUID: &str = "Aux/linflow/fs-uuid";
/// What begins the property of a copy that says where it comes from. The copy's own resource name follows, so that it
/// is never taken for that of its source, whose properties LINSTOR copies.
pub const COPY: &str = "Aux/linflow/copy/";
/// On a snapshot that is there for one clone alone: the clone's resource name.
pub const INTERNAL: &str = "Aux/linflow/internal";
/// From where the data is reached over the network, where that is not everywhere.
pub const REMOTE_ACCESS: &str = "Aux/linflow/remote-access";
/// The nodes that keep a diskless resource of the volume, separated by spaces.
pub const CLIENTS: &str = "Aux/linflow/clients";
/// How strictly pods are confirmed, where the class said so: enforce, audit or off.
pub const CONFIRM: &str = "Aux/linflow/confirm";
/// How long the volume is kept after its run, where its class says so.
pub const RETAIN: &str = "Aux/linflow/retain";
/// After how long without a claim the volume goes though nothing proves its run's end, where its class says so.
pub const REAP_UNPROVEN: &str = "Aux/linflow/reap-unproven";
/// The Airflow deployment.
pub const AIRFLOW_INSTANCE: &str = "Aux/airflow/instance";
/// Airflow's dag_id, exact.
pub const AIRFLOW_DAG_ID: &str = "Aux/airflow/dag_id";
/// Airflow's run_id, exact.
pub const AIRFLOW_RUN_ID: &str = "Aux/airflow/run_id";
/// Airflow's task_id, exact.
pub const AIRFLOW_TASK_ID: &str = "Aux/airflow/task_id";
/// Airflow's map_index, -1 where the task isn't mapped.
pub const AIRFLOW_MAP_INDEX: &str = "Aux/airflow/map_index";
/// The try that the volume was made for; for the record.
pub const AIRFLOW_TRY_NUMBER: &str = "Aux/airflow/try_number";
/// Airflow's UUID of the task instance that the volume was made for; for the record.
pub const AIRFLOW_TI_ID: &str = "Aux/airflow/ti_id";
/// The name of the claim that the volume was made for.
pub const PVC_NAME: &str = "Aux/csi.storage.k8s.io/pvc/name";
/// The namespace of the claim that the volume was made for.
pub const PVC_NAMESPACE: &str = "Aux/csi.storage.k8s.io/pvc/namespace";

/// On a snapshot: the name that the CSI caller gave it, or its group.
pub const SNAPSHOT_NAME: &str = "Aux/linflow/snapshot-name";
/// On a snapshot: the incarnation of the volume that it was taken of.
pub const SOURCE_INCARNATION: &str = "Aux/linflow/source-incarnation";
/// On a snapshot: the filesystem that was finished on the volume when it was taken; left out where none was.
pub const FORMATTED: &str = "Aux/linflow/formatted";
/// On a snapshot of a group: the group's id.
pub const SNAPSHOT_GROUP: &str = "Aux/linflow/snapshot-group";
/// On a snapshot of a group: a hash of the resources of all its members.
pub const GROUP_MEMBERS: &str = "Aux/linflow/group-members";

/// What this build writes as [`DRIVER`].
pub const DRIVER_VERSION: &str = concat!("linflow/", env!("CARGO_PKG_VERSION"));

/// A property that can't be read, or that another contradicts. The volume is ours, but must not be touched until a
/// person looked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// A property that must be there.
    #[error("the volume's property {0} is missing")]
    Missing(&'static str),
    /// A driver tag of another driver.
    #[error("the volume's property {DRIVER} is {0:?}, which is not linflow's")]
    OtherDriver(String),
    /// An incarnation that is none.
    #[error("the volume's property {INCARNATION} is unreadable: {0}")]
    Incarnation(BadIncarnation),
    /// A scope that is none.
    #[error("the volume's property {SCOPE} is unreadable: {0}")]
    Scope(UnknownScope),
    /// An id that is none.
    #[error("the volume's property {key} is unreadable: {because}")]
    Id {
        /// The property.
        key: &'static str,
        /// What is wrong with it.
        because: IdError,
    },
    /// A filesystem identity that is none.
    #[error("the volume's property {FS_UUID} is unreadable: {0}")]
    FsUuid(NotAUuid),
    /// A rule of access that is none.
    #[error("the volume's property {REMOTE_ACCESS} is unreadable: {0}")]
    RemoteAccess(NotAccess),
    /// A client that no node can be.
    #[error("the volume's property {CLIENTS} is unreadable: {0}")]
    Clients(NameError),
    /// A mode of confirmation that is none.
    #[error("the volume's property {CONFIRM} is unreadable: {0}")]
    Confirm(NotAMode),
    /// A retention that is none.
    #[error("the volume's property {RETAIN} is unreadable: {0}")]
    Retain(NotARetention),
    /// A duration that is none.
    #[error("the volume's property {REAP_UNPROVEN} is {0:?}, which is no duration such as 30days")]
    ReapUnproven(String),
    /// A try number that is none.
    #[error("the volume's property {AIRFLOW_TRY_NUMBER} is {0:?}, which is not a number")]
    TryNumber(String),
    /// A workflow id that isn't that of the ids beside it.
    #[error(
        "the volume's property {WORKFLOW_ID} is {found:?}, but its Aux/airflow properties make {expected:?}; it was changed"
    )]
    Contradiction {
        /// What is written.
        found: String,
        /// What the exact ids make.
        expected: String,
    },
}

/// A volume's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// `linflow/<version>` of the driver that made the volume; [`DRIVER_VERSION`] for a new one.
    pub driver: String,
    /// Tells this definition from an earlier one of its name.
    pub incarnation: Incarnation,
    /// Who owns the volume.
    pub ownership: Ownership,
    /// The name that the CSI caller gave.
    pub csi_name: String,
    /// The filesystem's identity; none for a raw block volume.
    pub fs_uuid: Option<FsUuid>,
    /// The try that the volume was made for, where it is known; for the record.
    pub try_number: Option<u32>,
    /// Airflow's UUID of the task instance that the volume was made for, where it is known; for the record.
    pub ti_id: Option<String>,
    /// The namespace of the claim that the volume was made for, where it is known.
    pub pvc_namespace: Option<String>,
    /// The name of the claim that the volume was made for, where it is known.
    pub pvc_name: Option<String>,
    /// Who may use the volume over the network. What was made before there was this property is reached from everywhere.
    pub reach: Reach,
    /// How strictly pods are confirmed, where the volume's class said so; else the driver says it.
    pub confirm: Option<Confirm>,
    /// How long it is kept after its run; none: the default.
    pub retain: Option<Retain>,
    /// After how long without a claim it goes though nothing proves its run's end; none: never.
    pub reap_unproven: Option<Duration>,
}

impl Tags {
    /// The tag of a new volume of which nothing else is known.
    pub fn new(incarnation: Incarnation, ownership: Ownership, csi_name: impl Into<String>) -> Self {
        Self {
            driver: DRIVER_VERSION.to_owned(),
            incarnation,
            ownership,
            csi_name: csi_name.into(),
            fs_uuid: None,
            try_number: None,
            ti_id: None,
            pvc_namespace: None,
            pvc_name: None,
            reach: Reach::default(),
            retain: None,
            reap_unproven: None,
            confirm: None,
        }
    }

    /// The properties to write in the creating request.
    pub fn to_properties(&self) -> BTreeMap<String, String> {
        let mut properties = workflow_properties(&self.ownership);
        let mut put = |key: &str, value: &dyn ToString| properties.insert(key.to_owned(), value.to_string());
        put(DRIVER, &self.driver);
        put(INCARNATION, &self.incarnation);
        put(SCOPE, &self.ownership.scope());
        put(CSI_NAME, &self.csi_name);
        let try_number = self.try_number.map(|number| number.to_string());
        let fs_uuid = self.fs_uuid.as_ref().map(ToString::to_string);
        let Reach { remote, clients } = &self.reach;
        let remote = (*remote != RemoteAccess::Anywhere).then(|| remote.to_string());
        let names: Vec<&str> = clients.iter().map(NodeName::as_str).collect();
        let confirm = self.confirm.map(|mode| mode.to_string());
        let clients = (!names.is_empty()).then(|| names.join(" "));
        let retain = self.retain.map(|retain| retain.to_string());
        let reap_unproven = self.reap_unproven.map(|span| humantime::format_duration(span).to_string());
        let optional = [
            (RETAIN, &retain),
            (REAP_UNPROVEN, &reap_unproven),
            (REMOTE_ACCESS, &remote),
            (CLIENTS, &clients),
            (CONFIRM, &confirm),
            (FS_UUID, &fs_uuid),
            (AIRFLOW_TRY_NUMBER, &try_number),
            (AIRFLOW_TI_ID, &self.ti_id),
            (PVC_NAMESPACE, &self.pvc_namespace),
            (PVC_NAME, &self.pvc_name),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                put(key, value);
            }
        }
        properties
    }

    /// Reads a definition's properties, others among them; none where the volume isn't ours. Errors: a tag of ours that
    /// is damaged or was changed.
    pub fn read(properties: &BTreeMap<String, String>) -> Result<Option<Self>, TagError> {
        let Some(driver) = properties.get(DRIVER) else { return Ok(None) };
        if !driver.starts_with("linflow/") {
            return Err(TagError::OtherDriver(driver.clone()));
        }
        let get = |key| properties.get(key).cloned();
        let require = |key: &'static str| properties.get(key).ok_or(TagError::Missing(key));
        let number = |text: &String| text.parse().map_err(|_| TagError::TryNumber(text.clone()));
        Ok(Some(Self {
            driver: driver.clone(),
            incarnation: Incarnation::parse(require(INCARNATION)?).map_err(TagError::Incarnation)?,
            ownership: read_ownership(properties)?,
            csi_name: require(CSI_NAME)?.clone(),
            fs_uuid: properties.get(FS_UUID).map(|uuid| FsUuid::parse(uuid)).transpose().map_err(TagError::FsUuid)?,
            try_number: properties.get(AIRFLOW_TRY_NUMBER).map(number).transpose()?,
            ti_id: get(AIRFLOW_TI_ID),
            pvc_namespace: get(PVC_NAMESPACE),
            pvc_name: get(PVC_NAME),
            reach: read_reach(properties)?,
            confirm: properties.get(CONFIRM).map(|mode| mode.parse()).transpose().map_err(TagError::Confirm)?,
            retain: properties.get(RETAIN).map(|text| text.parse()).transpose().map_err(TagError::Retain)?,
            reap_unproven: properties.get(REAP_UNPROVEN).map(|text| read_span(text)).transpose()?,
        }))
    }
}

fn read_span(text: &str) -> Result<Duration, TagError> {
    humantime::parse_duration(text).map_err(|_| TagError::ReapUnproven(text.to_owned()))
}

fn read_reach(properties: &BTreeMap<String, String>) -> Result<Reach, TagError> {
    let remote = properties.get(REMOTE_ACCESS).map(|text| RemoteAccess::parse(text)).transpose();
    let clients = properties.get(CLIENTS).map(String::as_str).unwrap_or_default().split_whitespace();
    let clients = clients.map(NodeName::parse).collect::<Result<_, _>>();
    Ok(Reach {
        remote: remote.map_err(TagError::RemoteAccess)?.unwrap_or_default(),
        clients: clients.map_err(TagError::Clients)?,
    })
}

fn workflow_properties(ownership: &Ownership) -> BTreeMap<String, String> {
    let Some(workflow) = ownership.workflow() else { return BTreeMap::new() };
    let task = workflow.task();
    let parts = [
        (WORKFLOW_ID, Some(workflow.workflow_id())),
        (AIRFLOW_INSTANCE, Some(workflow.instance().to_string())),
        (AIRFLOW_DAG_ID, Some(workflow.dag().to_string())),
        (AIRFLOW_RUN_ID, workflow.run().map(ToString::to_string)),
        (AIRFLOW_TASK_ID, task.map(|(task, _)| task.to_string())),
        (AIRFLOW_MAP_INDEX, task.map(|(_, map_index)| map_index.to_string())),
    ];
    parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn read_ownership(properties: &BTreeMap<String, String>) -> Result<Ownership, TagError> {
    let require = |key: &'static str| properties.get(key).map(String::as_str).ok_or(TagError::Missing(key));
    let scope: Scope = require(SCOPE)?.parse().map_err(TagError::Scope)?;
    if scope == Scope::Pod {
        return Ok(Ownership::Pod);
    } else if scope == Scope::None {
        return Ok(Ownership::None);
    }
    let instance = require_id(properties, AIRFLOW_INSTANCE, Instance::parse)?;
    let dag = require_id(properties, AIRFLOW_DAG_ID, DagId::parse)?;
    let run = || require_id(properties, AIRFLOW_RUN_ID, RunId::parse);
    let workflow = match scope {
        Scope::Task => WorkflowRef::Task {
            instance,
            dag,
            run: run()?,
            task: require_id(properties, AIRFLOW_TASK_ID, TaskId::parse)?,
            map_index: require_id(properties, AIRFLOW_MAP_INDEX, MapIndex::parse)?,
        },
        Scope::Run => WorkflowRef::Run { instance, dag, run: run()? },
        Scope::Dag | Scope::Pod | Scope::None => WorkflowRef::Dag { instance, dag },
    };
    let (found, expected) = (require(WORKFLOW_ID)?.to_owned(), workflow.workflow_id());
    if found == expected { Ok(Ownership::Workflow(workflow)) } else { Err(TagError::Contradiction { found, expected }) }
}

fn require_id<T>(
    properties: &BTreeMap<String, String>,
    key: &'static str,
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<T, TagError> {
    parse(properties.get(key).ok_or(TagError::Missing(key))?).map_err(|because| TagError::Id { key, because })
}

/// The tag of a run's volume, for tests.
#[cfg(test)]
pub(crate) fn sample(incarnation: &Incarnation) -> Tags {
    Tags::new(incarnation.clone(), Ownership::Workflow(super::fixtures::workflow("airflow/etl/r1")), "pvc-1")
}

#[cfg(test)]
mod tests;
