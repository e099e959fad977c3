//! What the Controller service is made of.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::linstor::Client;
use crate::metrics::Doubts;
use crate::volume::{
    Owners, capacity::Capacities, groups::Groups, health::Health, limit::Limit, list::Listed, page::Listings,
    reserve::Reservations, settle, snapshot::Taken,
};
use crate::workflow::{AnyDirectory, Confirm, Instances, NoWitness, Witness};

/// What the Controller service works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ControllerService {
    pub(super) linstor: Client,
    pub(super) groups: Groups,
    pub(super) owners: Owners,
    pub(super) reservations: Reservations,
    pub(super) instances: Arc<Instances>,
    pub(super) directory: AnyDirectory,
    pub(super) witness: Arc<dyn Witness>,
    pub(super) capacities: Capacities,
    pub(super) listings: Listings<Listed>,
    pub(super) limit: Limit,
    pub(super) sick: Listings<Health>,
    pub(super) snapshots: Listings<Taken>,
    /// How long an attach waits for the device, and a growth or a copy for the replicas, at most.
    pub(super) patience: Duration,
    /// Told of each detach that waits for its node.
    pub(super) pending: Arc<Notify>,
    /// How strictly pods are confirmed where a volume's class doesn't say, and who counts those that are not.
    pub(super) confirm: Confirm,
    pub(super) doubts: Doubts,
    pub(super) running: TaskTracker,
}

impl ControllerService {
    /// A service on that LINSTOR. `patience`: how long an attach waits for its device before it answers UNAVAILABLE.
    pub fn new(linstor: Client, instances: Instances, patience: Duration) -> Self {
        Self {
            linstor,
            groups: Groups::default(),
            owners: Owners::default(),
            reservations: Reservations::default(),
            instances: Arc::new(instances),
            directory: AnyDirectory::None,
            witness: Arc::new(NoWitness),
            capacities: Capacities::default(),
            listings: Listings::default(),
            limit: Limit::default(),
            sick: Listings::default(),
            snapshots: Listings::default(),
            patience,
            pending: Arc::default(),
            confirm: Confirm::default(),
            doubts: Doubts::default(),
            running: TaskTracker::new(),
        }
    }

    /// The same with a directory in which it is looked up who asks for a volume; without one the class alone says it.
    pub fn with_directory(self, directory: AnyDirectory) -> Self {
        Self { directory, ..self }
    }

    /// The same with somebody who is asked about pods whose metadata agrees with a volume's owner.
    pub fn with_witness(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness, ..self }
    }

    /// The same with a limit to the volumes that a node may have attached, 1 or more; none: no limit.
    pub fn with_limit(self, max_volumes_per_node: Option<u32>) -> Self {
        Self { limit: Limit::new(max_volumes_per_node), ..self }
    }

    /// The operations that run, those included whose callers have gone: wait for them before the process ends.
    pub fn running(&self) -> &TaskTracker {
        &self.running
    }

    /// Completes detaches that wait for a node, until `stop`.
    pub fn settle(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        let (linstor, reservations, limit) = (self.linstor.clone(), self.reservations.clone(), self.limit.clone());
        settle::run(linstor, reservations, limit, Arc::clone(&self.pending), stop)
    }

    /// The volumes that are being worked on.
    pub fn reservations(&self) -> &Reservations {
        &self.reservations
    }

    /// How many volumes each node may have attached, and has.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// The same with another strictness towards pods where a volume's class doesn't say, and somebody who counts.
    pub fn with_confirm(self, confirm: Confirm, doubts: Doubts) -> Self {
        Self { confirm, doubts, ..self }
    }

    pub(in crate::csi) fn confirm(&self) -> Confirm {
        self.confirm
    }

    pub(in crate::csi) fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    pub(in crate::csi) fn directory(&self) -> &AnyDirectory {
        &self.directory
    }

    pub(in crate::csi) fn witness(&self) -> &dyn Witness {
        self.witness.as_ref()
    }

    pub(in crate::csi) fn instances(&self) -> &Instances {
        &self.instances
    }

    /// The client of LINSTOR.
    pub(in crate::csi) fn linstor(&self) -> &Client {
        &self.linstor
    }

    /// How long a verb looks at LINSTOR for what it waits for, at most.
    pub(in crate::csi) fn patience(&self) -> Duration {
        self.patience
    }

    /// The listing of snapshots that walks under way share.
    pub(in crate::csi) fn snapshot_listings(&self) -> &Listings<Taken> {
        &self.snapshots
    }
}
