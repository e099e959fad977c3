//! What is seen of a volume and of the nodes that have to do with it.

use std::{collections::BTreeMap, fmt};

use crate::linstor::model::{self, DiskState, Node, Resource, ResourceDefinition, is_same_name};
use crate::linstor::name::NodeName;

/// The volume's number in its definition: linflow uses one.
const VOLUME_NUMBER: u32 = 0;

/// What LINSTOR and the attach records tell, as plain values.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Does DRBD replicate the volume? Without it data is where the replica is, and nowhere else.
    pub is_replicated: bool,
    /// May a replica be written only with a majority of voters?
    pub has_majority_quorum: bool,
    /// Who has it attached, one entry a record.
    pub holders: Vec<Holder>,
    /// Its resources; none before they were looked at.
    pub replicas: Option<Vec<Replica>>,
    nodes: BTreeMap<String, Standing>,
}

/// An attach record: its node has the volume until it stands no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The node, as the record spells it.
    pub node: NodeName,
    /// Whom it bears beside it.
    pub sharing: Sharing,
    /// Was it detached while its node did not answer?
    pub is_detaching: bool,
}

/// Whom an attachment bears on other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody: a writer, or a reader that asked to be alone.
    Alone,
    /// Other readers of its kind: nobody writes.
    Readers,
}

impl Sharing {
    /// May both be, each on a node of its own? Readers alone: where one node may write, DRBD lets no other one open the
    /// device, not even for reading.
    pub fn bears(self, other: Self) -> bool {
        (self, other) == (Self::Readers, Self::Readers)
    }
}

/// How LINSTOR's controller sees a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its satellite answers.
    Online,
    /// It doesn't (or not yet), in LINSTOR's word. The node may be dead, cut off or frozen, and may still write.
    Away(String),
    /// LINSTOR has removed the node, and what it held.
    Removed,
}

/// The volume's resource on one node.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    /// The node.
    pub node: String,
    /// What it is.
    pub kind: Kind,
    /// Has its deletion begun?
    pub is_deleting: bool,
    /// What its satellite tells; none while it is silent, and then nothing is known: neither that the device is open nor
    /// that it isn't.
    pub report: Option<Report>,
}

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A replica with data.
    Disk,
    /// A diskless one, which reads and writes through the others.
    Client,
    /// A diskless one that only votes.
    TieBreaker,
}

/// What a satellite tells of its resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// DRBD's state of the disk. A node that returns may say `UpToDate` of stale data for a moment.
    pub disk: Option<DiskState>,
    /// Is the device open for writing (DRBD primary)?
    pub is_open: Option<bool>,
    /// Would DRBD let this node become primary now? It does with quorum only; LINSTOR shows no other word of quorum.
    pub may_promote: Option<bool>,
    /// The connections by peer.
    pub links: BTreeMap<String, Link>,
}

/// A DRBD connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It stands.
    Connected,
    /// It does not, and is tried again.
    Down,
    /// It was given up. It does not heal by itself, and linflow never mends it: which side's data is kept is a person's
    /// decision.
    StandAlone,
}

impl Observation {
    /// What is seen before the resources are looked at. `nodes` is LINSTOR's answer about all nodes that are to be
    /// judged: one that is missing there was removed.
    pub fn new(definition: &ResourceDefinition, holders: Vec<Holder>, nodes: &[Node]) -> Self {
        let standing = |node: &Node| (node.name.to_ascii_lowercase(), Standing::of(Some(node)));
        Self {
            is_replicated: definition.uses_drbd(),
            has_majority_quorum: definition.has_majority_quorum(),
            holders,
            replicas: None,
            nodes: nodes.iter().map(standing).collect(),
        }
    }

    /// Sees the resources (again).
    pub fn look(&mut self, view: &[Resource]) {
        self.replicas = Some(view.iter().map(Replica::of).collect());
    }

    /// Sees a node's records no more: they are gone.
    pub fn forget(&mut self, node: &NodeName) {
        self.holders.retain(|holder| !is_same_name(holder.node.as_str(), node.as_str()));
    }

    /// How LINSTOR sees the node.
    pub fn standing(&self, node: &NodeName) -> &Standing {
        self.nodes.get(&node.as_str().to_ascii_lowercase()).unwrap_or(&Standing::Removed)
    }
}

impl Standing {
    /// That of a node as LINSTOR lists it; none: it doesn't.
    pub fn of(node: Option<&Node>) -> Self {
        match node {
            None => Self::Removed,
            Some(node) if node.is_online() => Self::Online,
            Some(node) => Self::Away(node.connection_status.clone()),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Online => "ONLINE",
            Self::Away(status) => status,
            Self::Removed => "removed",
        })
    }
}

impl Replica {
    fn of(resource: &Resource) -> Self {
        let kind = match (resource.is_diskless(), resource.is_tie_breaker()) {
            (false, _) => Kind::Disk,
            (true, false) => Kind::Client,
            (true, true) => Kind::TieBreaker,
        };
        let report = resource.is_live().then(|| Report::of(resource));
        Self { node: resource.node_name.clone(), kind, is_deleting: resource.is_deleting(), report }
    }

    /// Is it on this node?
    pub fn is_on(&self, node: &NodeName) -> bool {
        is_same_name(&self.node, node.as_str())
    }
}

impl Report {
    fn of(resource: &Resource) -> Self {
        let connections = resource.drbd().map(|drbd| &drbd.connections).into_iter().flatten();
        Self {
            disk: resource.disk_state(VOLUME_NUMBER),
            is_open: resource.in_use(),
            may_promote: resource.may_promote(),
            links: connections.map(|(peer, connection)| (peer.clone(), Link::of(connection))).collect(),
        }
    }
}

impl Link {
    fn of(connection: &model::Connection) -> Self {
        match connection.message.as_str() {
            "StandAlone" => Self::StandAlone,
            _ if connection.connected => Self::Connected,
            _ => Self::Down,
        }
    }
}
