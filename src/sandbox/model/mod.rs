//! The cluster that the sandbox plays: nodes, groups, definitions, resources. Synchronous; REST is a thin skin over it.

pub mod cloning;
pub mod definition;
pub mod deploy;
pub mod drbd;
pub mod encryption;
pub mod failures;
pub mod fault;
pub mod group;
pub mod identity;
pub mod kept;
pub mod kv;
pub mod layer;
pub mod name;
pub mod node;
pub mod place;
pub mod pool;
pub mod props;
pub mod reports;
pub mod resource;
pub mod roles;
pub mod snapshot;
pub mod space;
pub mod table;
pub mod tiebreaker;
pub mod together;

use super::bytes::Backing;
use crate::sandbox::faults::NodeFaults;
use cloning::CloneFate;
use definition::Definition;
use encryption::Encryption;
use fault::{Fault, code};
use group::{DEFAULT_GROUP, Group, SelectFilter};
use kept::Keeper;
use kv::KeyValueStores;
use name::Key;
use node::Node;
use pool::{Pool, PoolKind};
use props::Props;
use reports::ErrorReports;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use table::Table;

/// How long LINSTOR takes to notice that a node hangs (recorded: about 7 s).
pub const FREEZE_NOTICED_AFTER: Duration = Duration::from_secs(7);

/// The whole state.
pub struct Cluster {
    /// Nodes, by name.
    pub nodes: Table<Node>,
    /// Resource groups, by name.
    pub groups: Table<Group>,
    /// Resource definitions, by name.
    pub definitions: Table<Definition>,
    /// Key-value stores.
    pub kv: KeyValueStores,
    /// The controller's properties.
    pub props: Props,
    /// The master passphrase of encrypted volumes.
    pub encryption: Encryption,
    /// Error reports.
    pub reports: ErrorReports,
    /// Do the survivors of a crash go StandAlone from each other (recorded in 2 of 5 losses)?
    pub standalone_survivors: bool,
    /// How many of the next requests for snapshots fail at the satellites.
    pub failing_snapshots: u32,
    /// How long a hang goes unnoticed.
    pub freeze_noticed_after: Duration,
    /// Whose properties win where a snapshot is restored to a definition that has others.
    pub restored_props: snapshot::RestoredProps,
    /// What becomes of the clones that are begun.
    pub clone_fate: CloneFate,
    backing: Arc<dyn Backing>,
    /// Where changes are written down, if anywhere.
    keeper: Option<Keeper>,
}

/// What the cluster is made of at the start.
pub struct Layout<'a> {
    /// The nodes' names.
    pub nodes: Vec<String>,
    /// The name of each node's pool.
    pub pool: &'a str,
    /// The size of each node's pool, KiB.
    pub pool_kib: u64,
    /// Where the pools say they are.
    pub state: &'a Path,
}

impl Cluster {
    /// A cluster with nodes and nothing on them.
    pub fn new(layout: &Layout<'_>, backing: Arc<dyn Backing>) -> Self {
        let node = |(number, name): (u8, &String)| {
            let folder = layout.state.join(name).display().to_string();
            let pool = Pool::new(layout.pool, PoolKind::FileThin, layout.pool_kib, &folder);
            (Key::of(name), Node::new(name, number, vec![pool]))
        };
        let default = Group::new(DEFAULT_GROUP, "", Props::new(), SelectFilter::default());
        Self {
            nodes: (1..).zip(&layout.nodes).map(node).collect(),
            groups: [(Key::of(DEFAULT_GROUP), default)].into_iter().collect(),
            definitions: Table::default(),
            kv: KeyValueStores::default(),
            props: controller_props(),
            encryption: Encryption::default(),
            reports: ErrorReports::default(),
            standalone_survivors: false,
            failing_snapshots: 0,
            freeze_noticed_after: FREEZE_NOTICED_AFTER,
            restored_props: snapshot::RestoredProps::default(),
            clone_fate: CloneFate::default(),
            backing,
            keeper: None,
        }
    }

    /// A node, or LINSTOR's complaint that there is none.
    pub fn node(&self, name: &str) -> Result<&Node, Fault> {
        self.nodes.get(&Key::of(name)).ok_or_else(|| Fault::not_found(code::NO_NODE, "Node", name))
    }

    /// A resource group, or LINSTOR's complaint that there is none.
    pub fn group(&self, name: &str) -> Result<&Group, Fault> {
        self.groups.get(&Key::of(name)).ok_or_else(|| no_group(name))
    }

    /// A resource group to change, or LINSTOR's complaint that there is none.
    pub fn group_mut(&mut self, name: &str) -> Result<&mut Group, Fault> {
        self.groups.get_mut(&Key::of(name)).ok_or_else(|| no_group(name))
    }

    /// A resource definition, or LINSTOR's complaint that there is none.
    pub fn definition(&self, name: &str) -> Result<&Definition, Fault> {
        self.definitions.get(&Key::of(name)).ok_or_else(|| no_definition(name))
    }

    /// A resource definition to change, or LINSTOR's complaint that there is none.
    pub fn definition_mut(&mut self, name: &str) -> Result<&mut Definition, Fault> {
        self.definitions.get_mut(&Key::of(name)).ok_or_else(|| no_definition(name))
    }

    /// Does LINSTOR call this node ONLINE?
    pub fn is_online(&self, node: &str) -> bool {
        self.nodes.get(&Key::of(node)).is_some_and(Node::is_online)
    }

    /// The lowest DRBD minor number that no volume has, from 1000.
    pub fn free_minor(&self) -> u32 {
        let volumes = self.definitions.values().flat_map(|d| d.volumes.values());
        let taken: HashSet<u32> = volumes.filter_map(|volume| volume.minor).collect();
        (1000..).find(|minor| !taken.contains(minor)).unwrap_or_default()
    }

    /// The lowest DRBD port that no definition has, from 7000.
    pub fn free_port(&self) -> u32 {
        let taken: HashSet<u32> = self.definitions.values().map(|definition| definition.port).collect();
        (7000..).find(|port| !taken.contains(port)).unwrap_or_default()
    }

    /// Are bytes real here?
    pub fn has_bytes(&self) -> bool {
        self.backing.is_real()
    }

    /// What holds the bytes.
    pub fn backing(&self) -> &dyn Backing {
        self.backing.as_ref()
    }
}

fn no_group(name: &str) -> Fault {
    Fault::not_found(code::NO_GROUP, "Resource group", name)
}

fn no_definition(name: &str) -> Fault {
    Fault::not_found(code::NO_DEFINITION, "Resource definition", name)
}

/// The properties that a fresh controller has, those that matter to a driver.
fn controller_props() -> Props {
    let props = [
        ("Cluster/LocalID", identity::uuid()),
        ("DrbdOptions/AutoEvictAllowEviction", "True".to_owned()),
        ("DrbdOptions/Resource/on-no-quorum", "io-error".to_owned()),
        (props::AUTO_TIE_BREAKER, "True".to_owned()),
        ("DrbdOptions/auto-diskful-allow-cleanup", "True".to_owned()),
        ("DrbdOptions/auto-resync-after-disable", "true".to_owned()),
        (
            "DrbdOptions/auto-verify-algo-allowed-list",
            "crct10dif;crc32c;sha384;sha512;sha256;sha1;md5;windrbd".to_owned(),
        ),
    ];
    props.map(|(key, value)| (key.to_owned(), value)).into()
}

/// The cluster, shared by requests and faults: one lock, as LINSTOR's control plane has one writer.
#[derive(Clone)]
pub struct SharedCluster(Arc<Mutex<Cluster>>);

impl SharedCluster {
    /// Shares a cluster.
    pub fn new(cluster: Cluster) -> Self {
        Self(Arc::new(Mutex::new(cluster)))
    }

    /// The cluster, alone. Blocks: not on a runtime's thread for long.
    pub fn lock(&self) -> MutexGuard<'_, Cluster> {
        // A panic in one request must not take the whole sandbox along; the state is at worst half changed, as after a
        // controller's crash.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeFaults for SharedCluster {
    fn crash(&self, node: &str) -> Result<(), String> {
        self.lock().crash(node).map_err(|error| error.to_string())
    }

    fn freeze(&self, node: &str) -> Result<(), String> {
        self.lock().freeze(node).map_err(|error| error.to_string())
    }

    fn thaw(&self, node: &str) -> Result<(), String> {
        self.lock().thaw(node).map_err(|error| error.to_string())
    }

    fn restore(&self, node: &str) -> Result<(), String> {
        self.lock().restore(node).map_err(|error| error.to_string())
    }
}
