//! What is sent. LINSTOR refuses fields that it does not know, so only what is set is written.

use serde::Serialize;

use super::{Props, SelectFilter};
use crate::linstor::name::{GroupName, NodeName, PoolName, ResourceName};

/// A resource group to create (`POST /v1/resource-groups`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewResourceGroup {
    /// Its name.
    pub name: GroupName,
    /// Free text for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Properties that its definitions inherit.
    #[serde(skip_serializing_if = "Props::is_empty")]
    pub props: Props,
    /// Where its definitions are placed.
    pub select_filter: SelectFilter,
}

/// A definition to make from a group, with its volumes, properties and replicas, in one request
/// (`POST /v1/resource-groups/{group}/spawn`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spawn {
    /// The definition's name.
    pub resource_definition_name: ResourceName,
    /// KiB of each volume; volume 0 is the first.
    pub volume_sizes: Vec<u64>,
    /// Where the replicas go, instead of or beside what the group says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_filter: Option<SelectFilter>,
    /// Make no replicas.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub definitions_only: bool,
    /// Properties that the definition has from its first moment.
    #[serde(skip_serializing_if = "Props::is_empty")]
    pub resource_definition_props: Props,
}

/// A definition to make without volumes and replicas (`POST /v1/resource-definitions`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewDefinition {
    /// Its name.
    pub name: ResourceName,
    /// The group that it belongs to.
    pub resource_group_name: GroupName,
    /// Properties that it has from its first moment.
    #[serde(skip_serializing_if = "Props::is_empty")]
    pub props: Props,
}

/// `POST /v1/resource-definitions`.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct DefinitionCreate<'a> {
    /// The definition.
    pub(in crate::linstor) resource_definition: &'a NewDefinition,
}

/// Replicas to place (`POST /v1/resource-definitions/{name}/autoplace`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AutoPlace {
    /// Always written: LINSTOR fails without it.
    pub select_filter: SelectFilter,
    /// Also make a diskless replica on every other node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub diskless_on_remaining: bool,
}

/// How much fits (`POST /v1/resource-groups/{group}/query-size-info`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SizeQuery {
    /// A narrower rule than the group's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select_filter: Option<SelectFilter>,
    /// Accept an answer of at most this many seconds' age, instead of asking every satellite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_cache_older_than_sec: Option<u32>,
}

/// Which definitions (`GET /v1/resource-definitions`). All conditions hold; an empty query means all definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionQuery {
    /// Only these.
    pub names: Vec<ResourceName>,
    /// Only those with all these properties of their own.
    pub props: Vec<PropFilter>,
    /// Only a part of the list.
    pub page: Option<Page>,
}

/// A condition on an object's own properties; inherited ones don't count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PropFilter {
    /// The property is there.
    Has(String),
    /// The property is there and has exactly this value.
    Is(String, String),
}

impl PropFilter {
    /// `key` or `key=value`.
    pub(in crate::linstor) fn to_query(&self) -> String {
        match self {
            Self::Has(key) => key.clone(),
            Self::Is(key, value) => format!("{key}={value}"),
        }
    }
}

/// A part of a list. LINSTOR ignores an offset without a limit, so both are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries, at least 1.
    pub limit: u32,
    /// Entries to leave out at the front.
    pub offset: u32,
}

/// Which resources (`GET /v1/view/resources`). An empty list means all, which asks every satellite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ViewQuery {
    /// Only those of these definitions.
    pub resources: Vec<ResourceName>,
    /// Only those on these nodes.
    pub nodes: Vec<NodeName>,
}

/// `POST …/resources/{node}/make-available`; LINSTOR needs a body.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct MakeAvailable {
    /// With a disk of its own.
    pub(in crate::linstor) diskful: bool,
}

/// `POST …/resources/{node}`.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct NewResource {
    resource: ResourceBody,
}

#[derive(Debug, Serialize)]
struct ResourceBody {
    flags: [&'static str; 1],
    props: Props,
}

impl NewResource {
    /// One without a disk, in a diskless pool.
    pub(in crate::linstor) fn diskless(pool: &PoolName) -> Self {
        let props = Props::from([("StorPoolName".to_owned(), pool.to_string())]);
        Self { resource: ResourceBody { flags: ["DRBD_DISKLESS"], props } }
    }
}

/// `POST …/volume-definitions`.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct VolumeDefinitionCreate {
    /// The volume.
    pub(in crate::linstor) volume_definition: VolumeDefinitionChange,
}

/// The new size of a volume: the body of `PUT …/volume-definitions/{number}`, and a part of the creating one.
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct VolumeDefinitionChange {
    /// Only in the creating request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::linstor) volume_number: Option<u32>,
    /// KiB.
    pub(in crate::linstor) size_kib: u64,
}

/// Properties to set and to remove, in one step (`PUT /v1/key-value-store/{instance}`, `PUT …/resource-definitions/{name}`).
#[derive(Debug, Serialize)]
pub(in crate::linstor) struct PropsChange<'a> {
    /// Set, keeping all others.
    #[serde(skip_serializing_if = "Props::is_empty")]
    pub(in crate::linstor) override_props: &'a Props,
    /// Removed; missing ones are fine.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(in crate::linstor) delete_props: &'a [String],
}
