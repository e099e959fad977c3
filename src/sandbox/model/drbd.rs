//! What DRBD would say: connections, quorum, disk states, who may be promoted. Recordings: linstor-drbd d02 to d12.

use super::Cluster;
use super::definition::Definition;
use super::props::QUORUM;
use super::resource::{Kind, Resource};

/// One resource of a DRBD definition and its cluster: the questions that DRBD's status answers.
#[derive(Clone, Copy)]
pub struct Drbd<'a> {
    cluster: &'a Cluster,
    definition: &'a Definition,
    resource: &'a Resource,
}

/// A connection to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It works.
    Connected,
    /// The peer does not answer.
    Connecting,
    /// This side gave up, until something adjusts it.
    StandAlone,
}

impl Connection {
    /// DRBD's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::Connecting => "Connecting",
            Self::StandAlone => "StandAlone",
        }
    }
}

impl<'a> Drbd<'a> {
    /// Asks about a resource.
    pub fn of(cluster: &'a Cluster, definition: &'a Definition, resource: &'a Resource) -> Self {
        Self { cluster, definition, resource }
    }

    /// Does its node answer, with DRBD up?
    pub fn is_alive(&self) -> bool {
        self.resource.created_ms.is_some() && self.cluster.is_online(&self.resource.node)
    }

    /// The other resources of the definition.
    pub fn peers(self) -> impl Iterator<Item = Drbd<'a>> {
        let others = self.definition.staying().filter(move |r| r.node != self.resource.node);
        others.map(move |resource| Drbd { resource, ..self })
    }

    /// The peers that it is connected to.
    pub fn connected(self) -> impl Iterator<Item = Drbd<'a>> {
        self.peers().filter(move |peer| self.connection(peer) == Connection::Connected)
    }

    /// The connection to a peer, as this side sees it.
    pub fn connection(&self, peer: &Drbd<'_>) -> Connection {
        if self.resource.standalone.contains(&peer.resource.node) {
            Connection::StandAlone
        } else if self.is_alive() && peer.is_alive() && !peer.resource.standalone.contains(&self.resource.node) {
            Connection::Connected
        } else {
            Connection::Connecting
        }
    }

    /// The node that it is on.
    pub fn node(&self) -> &'a str {
        &self.resource.node
    }

    /// The resource itself.
    pub fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// Has its replica all data?
    pub fn is_up_to_date(&self) -> bool {
        let resource = self.resource;
        resource.kind == Kind::Diskful
            && resource.generation == self.definition.generation
            && resource.sync_percent.is_none()
    }

    /// The connected up-to-date replicas, its own included.
    fn sources(self) -> usize {
        self.connected().chain([self]).filter(Drbd::is_up_to_date).count()
    }

    /// Is it in a part of the cluster that may write? DRBD counts disks; where exactly half of them is here, those
    /// without a disk break the tie.
    pub fn has_quorum(self) -> bool {
        if self.definition.props.get(QUORUM).is_none_or(|quorum| quorum == "off") {
            return true;
        }
        let diskful = |drbd: &Drbd<'_>| drbd.resource.kind == Kind::Diskful;
        let (all, here) = (self.peers().chain([self]), self.connected().chain([self]));
        let (all_disks, all_diskless): (Vec<_>, Vec<_>) = all.partition(diskful);
        let (disks, diskless): (Vec<_>, Vec<_>) = here.partition(diskful);
        match (2 * disks.len()).cmp(&all_disks.len()) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => 2 * diskless.len() > all_diskless.len(),
            std::cmp::Ordering::Less => false,
        }
    }

    /// May it go on writing, once open? Not without quorum, and not on data that others have left behind.
    pub fn may_go_on(self) -> bool {
        self.resource.open && self.is_alive() && self.has_quorum() && self.has_data()
    }

    /// May it become primary now?
    pub fn may_promote(self) -> bool {
        let primary = self.connected().chain([self]).any(|drbd| drbd.resource.open);
        self.is_alive() && !primary && self.has_data() && self.has_quorum()
    }

    /// Can it read all data, itself or through a peer? An outdated replica that no peer can help can't.
    pub fn has_data(self) -> bool {
        self.sources() > 0
    }

    /// DRBD's promotion score: 10000 for a disk, 100 for one that is up to date, 1 for each up-to-date replica in
    /// reach.
    pub fn promotion_score(self) -> u32 {
        if !self.has_quorum() || !self.has_data() {
            return 0;
        }
        let disk = if self.resource.kind == Kind::Diskful { 10_000 } else { 0 };
        let own = if self.is_up_to_date() { 100 } else { 0 };
        disk + own + u32::try_from(self.sources()).unwrap_or(u32::MAX)
    }

    /// The state of its disk.
    pub fn disk_state(self) -> String {
        if self.resource.is_diskless() {
            return "Diskless".to_owned();
        }
        match self.sync() {
            Some(percent) if percent > 0.0 => format!("SyncTarget({percent:.2}%)"),
            Some(_) => "Inconsistent".to_owned(),
            None if self.resource.sync_percent.is_some() => "Inconsistent".to_owned(),
            None if self.is_up_to_date() || self.resource.unaware => "UpToDate".to_owned(),
            None => "Outdated".to_owned(),
        }
    }

    /// How far its resync is, percent; `None` where none runs.
    fn sync(self) -> Option<f64> {
        self.resource.sync_percent.filter(|_| self.source().is_some())
    }

    /// The replica that it resyncs from, or would.
    pub fn source(self) -> Option<Drbd<'a>> {
        self.connected().find(Drbd::is_up_to_date)
    }

    /// The replication state towards a connected peer, and how far it is in percent.
    pub fn replication(self, peer: Drbd<'_>) -> (&'static str, Option<f64>) {
        let pulls_from =
            |target: Drbd<'_>, source: &str| target.source().filter(|s| s.node() == source).and(target.sync());
        match (pulls_from(self, peer.node()), pulls_from(peer, self.node())) {
            (Some(percent), _) => ("SyncTarget", Some(percent)),
            (_, Some(percent)) => ("SyncSource", Some(percent)),
            _ => ("Established", None),
        }
    }
}
