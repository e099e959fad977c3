//! Volumes of workflows in a world, as CreateVolume and DeleteVolume leave them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use linflow::{
    lifetime::reaper::{Clock, Reaper, Round, Settings},
    linstor::name::ResourceName,
    metrics::Lifetimes,
    volume::{
        claims::{ClaimKey, ClaimRecord, owned_name, owner_instance},
        ending::{Change, Token},
        generation,
        moment::Moment,
        record::Ledger,
        standing::{self, Attempt},
    },
    workflow::{Elected, FolderDirectory, Incarnation, Ownership, Tags, WorkflowRef},
};
use serde_json::json;
use tempfile::TempDir;

use crate::support::World;

/// The driver of these tests.
pub const DRIVER: &str = "linflow.csi";

/// A world with a folder of manifests, and a clock that only the test moves.
pub struct Life {
    pub world: World,
    pub folder: TempDir,
    now: Arc<Mutex<Moment>>,
}

/// A volume of a workflow.
#[derive(Clone)]
pub struct Owned {
    pub name: ResourceName,
    pub owner: WorkflowRef,
    pub incarnation: Incarnation,
}

/// Always this one, or never.
pub struct Chosen(pub bool);

impl Elected for Chosen {
    fn is_held(&self) -> bool {
        self.0
    }
}

pub type TestReaper = Reaper<FolderDirectory, Chosen>;

impl Life {
    pub async fn start() -> Self {
        let now = Arc::new(Mutex::new(Moment::now()));
        Self { world: World::start().await, folder: TempDir::new().unwrap(), now }
    }

    pub fn now(&self) -> Moment {
        *self.now.lock().unwrap()
    }

    /// Lets time pass.
    pub fn pass(&self, hours: u64) {
        let mut now = self.now.lock().unwrap();
        *now = now.after(Duration::from_secs(3600 * hours));
    }

    /// A reaper with the usual settings.
    pub fn reaper(&self) -> TestReaper {
        self.reaper_with(|_| {}, Chosen(true))
    }

    pub fn reaper_with(&self, change: impl FnOnce(&mut Settings), elected: Chosen) -> TestReaper {
        let mut settings =
            Settings { interval: Duration::from_secs(300), is_dry: false, per_minute: 10, driver: DRIVER.to_owned() };
        change(&mut settings);
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || *now.lock().unwrap());
        let directory = FolderDirectory::new(self.folder.path());
        Reaper::new(self.world.linstor(), directory, elected, settings, Lifetimes::default(), clock).unwrap()
    }

    /// A volume of that owner that was claimed now, and no more.
    pub async fn volume(&self, owner: &str) -> Owned {
        self.volume_with(owner, |_| {}).await
    }

    pub async fn volume_with(&self, owner: &str, change: impl FnOnce(&mut Tags)) -> Owned {
        let owner = WorkflowRef::parse(owner).unwrap();
        let store = self.world.linstor().kv(&owner_instance(&owner)).await.unwrap().unwrap_or_default();
        let name = owned_name(&owner, generation::current(&store));
        let incarnation = Incarnation::parse(&linflow::volume::ending::Token::random().unwrap().to_string()).unwrap();
        let mut tags = Tags::new(incarnation.clone(), Ownership::Workflow(owner.clone()), "pvc-1");
        change(&mut tags);
        let body = json!({
            "resource_definition_name": name.as_str(), "volume_sizes": [65536],
            "select_filter": {"place_count": 2}, "resource_definition_props": tags.to_properties(),
        });
        self.world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body).await;
        let volume = Owned { name, owner, incarnation };
        self.claim(&volume, "pvc-1").await;
        self.release(&volume, "pvc-1").await;
        volume
    }

    /// A claim that stands, as CreateVolume writes it.
    pub async fn claim(&self, volume: &Owned, claim: &str) {
        let record = ClaimRecord { name: claim.to_owned(), pvc: None, pod: None, time: self.now().to_string() };
        let (incarnation, word) = (volume.incarnation.clone(), Token::of([7; 16]));
        let attempt = Attempt::new(incarnation, ClaimKey::of(claim), record, word, self.now());
        self.write(volume, &attempt.first_claim()).await;
    }

    /// The claim is gone, as DeleteVolume writes it.
    pub async fn release(&self, volume: &Owned, claim: &str) {
        let ledger = self.ledger(volume).await;
        let change = standing::released(&volume.incarnation, &ClaimKey::of(claim), &ledger, self.now());
        self.write(volume, &change).await;
    }

    pub async fn write(&self, volume: &Owned, change: &Change) {
        standing::write(&self.world.linstor(), &volume.name, change).await.unwrap();
    }

    pub async fn ledger(&self, volume: &Owned) -> Ledger {
        let store = self.world.store(volume.name.as_str()).await.unwrap_or_default();
        Ledger::read(volume.name.as_str(), &store, &volume.incarnation).unwrap()
    }

    /// Is it there, and to stay?
    pub async fn is_there(&self, volume: &Owned) -> bool {
        self.world.definition(volume.name.as_str()).await.is_some_and(|definition| !definition.is_deleting())
    }

    /// A PersistentVolume with that handle.
    pub fn persistent_volume(&self, handle: &str) {
        let text = format!(
            "kind: PersistentVolume\nmetadata: {{name: pv}}\nspec: {{csi: {{driver: {DRIVER}, volumeHandle: {handle}}}}}\n"
        );
        std::fs::write(self.folder.path().join("pv.yaml"), text).unwrap();
    }
}

/// A look of the reaper that must succeed.
pub async fn look(reaper: &mut TestReaper) -> Round {
    reaper.round().await.unwrap()
}
