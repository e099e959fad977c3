//! The cluster of a story: LINSTOR, Kubernetes as a folder of manifests, linflow's services, and a clock for the reaper.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use linflow::{
    csi::{
        controller::ControllerService,
        proto::{Volume, node_client::NodeClient},
    },
    lifetime::{
        reaper::{Clock, Reaper, Round, Settings},
        word::{self, RunRef},
    },
    metrics::Lifetimes,
    node::linux::LinuxHost,
    sandbox::BackingKind,
    volume::{ending::Outcome, moment::Moment},
    workflow::{DagId, Elected, FolderDirectory, Instance, Instances, RunId},
};
use tonic::{Status, transport::Channel};

use crate::{
    pods::{DAG, Pod, RUN, new_uid},
    support::{
        Controller, NODES, World,
        bytes::{is_root, put_away_after, say, unmount_below},
        csi::resource,
        eventually,
        kubernetes::{Kubernetes, Pvc, pvc},
    },
};

const DRIVER: &str = "linflow.csi";
/// How long an attach waits for the proof that another node may be given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// All that runs.
pub struct Cluster {
    pub world: Arc<World>,
    pub kubernetes: Kubernetes,
    pub controller: Controller,
    /// Are there bytes? Else books are kept, and a mount is played by an open device.
    pub has_devices: bool,
    nodes: BTreeMap<&'static str, NodeClient<Channel>>,
    /// The reaper's. What the services write has the machine's time, which is earlier: a volume looks idle for longer
    /// than it was.
    now: Arc<Mutex<Moment>>,
    reaper: Mutex<Option<Reaper<FolderDirectory, Always>>>,
}

/// A claim whose volume was made: claim and PersistentVolume are bound.
#[derive(Clone)]
pub struct Bound {
    /// The claim's name.
    pub claim: String,
    /// The volume's id.
    pub id: String,
}

/// There is one reaper.
struct Always;

impl Elected for Always {
    fn is_held(&self) -> bool {
        true
    }
}

/// Tells a story on a cluster, and puts away what it leaves mounted and attached, also when it fails.
pub async fn tell<F: Future<Output = ()> + Send + 'static>(story: impl FnOnce(Arc<Cluster>) -> F) {
    let has_devices = is_root();
    if !has_devices {
        say("SKIPPED staging, publishing, and the bytes of a story: devices and mounts need root; all else is told");
    }
    let backing = if has_devices { BackingKind::Loop } else { BackingKind::Bookkeeping };
    let world = Arc::new(World::start_on(backing).await);
    let cluster = Arc::new(Cluster::start(Arc::clone(&world), has_devices).await);
    put_away_after(world, story(cluster)).await;
}

impl Cluster {
    async fn start(world: Arc<World>, has_devices: bool) -> Self {
        let kubernetes = Kubernetes::new();
        let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
        let controller = world.serve(service.with_directory(kubernetes.directory())).await;
        let mut nodes = BTreeMap::new();
        for node in NODES {
            let host = LinuxHost::new(world.folder().join(node).join("locks"));
            nodes.insert(node, world.node(node, host, kubernetes.directory()).await);
        }
        let now = Arc::new(Mutex::new(Moment::now()));
        let seen = Arc::clone(&now);
        let clock: Clock = Arc::new(move || *seen.lock().unwrap());
        let settings =
            Settings { interval: Duration::from_secs(300), is_dry: false, per_minute: 10, driver: DRIVER.to_owned() };
        let directory = FolderDirectory::new(kubernetes.path());
        let reaper = Reaper::new(world.linstor(), directory, Always, settings, Lifetimes::default(), clock).unwrap();
        Self { world, kubernetes, controller, has_devices, nodes, now, reaper: Mutex::new(Some(reaper)) }
    }

    /// The Node service of a node.
    pub fn node(&self, node: &str) -> NodeClient<Channel> {
        self.nodes[node].clone()
    }

    /// The folder in which all of a node's mounts are.
    pub fn folder(&self, node: &str) -> PathBuf {
        self.world.folder().join(node)
    }

    /// The ephemeral volume controller makes the pod's claim, and the provisioner its volume, by a class of that scope,
    /// where the scheduler put the pod.
    pub async fn provision(&self, pod: &Pod, scope: &str, node: &str) -> Bound {
        self.ask(&ephemeral(pod, &new_uid(), &format!("{}-scratch", pod.name), &[]), scope, node).await.unwrap()
    }

    /// The claim is made, and the provisioner asks for its volume.
    pub async fn ask(&self, pvc: &Pvc<'_>, scope: &str, node: &str) -> Result<Bound, Status> {
        self.kubernetes.put_claim(pvc);
        let class = [("scope", scope), ("placementCount", "2")];
        let wanted = class.iter().fold(pvc.request().mib(32).on(node), |all, (key, value)| all.parameter(key, value));
        let Volume { volume_id, .. } = self.controller.create(wanted).await?;
        self.kubernetes.put(
            &format!("volume-{}", pvc.name),
            &format!(
                "kind: PersistentVolume\nmetadata: {{name: pvc-{}}}\nspec: {{csi: {{driver: {DRIVER}, volumeHandle: \
                 {volume_id:?}}}}}\n",
                pvc.uid
            ),
        );
        Ok(Bound { claim: pvc.name.to_owned(), id: volume_id })
    }

    /// The claim is deleted, and so the provisioner deletes its volume, as it thinks.
    pub async fn release(&self, bound: &Bound) {
        self.kubernetes.remove(&format!("claim-{}", bound.claim));
        self.controller.delete(&bound.id).await.unwrap();
        self.kubernetes.remove(&format!("volume-{}", bound.claim));
    }

    /// A node loses its power, and with it what is mounted there: this machine plays all nodes.
    pub fn crash(&self, node: &str) {
        self.world.crash(node);
        unmount_below(&self.folder(node));
    }

    /// So many hours pass, and the reaper looks at each. Answers what it did in the last.
    pub async fn pass(&self, hours: u32) -> Round {
        let mut last = Round::default();
        for _ in 0..hours {
            {
                let mut now = self.now.lock().unwrap();
                *now = now.after(Duration::from_secs(3600));
            }
            last = self.look().await;
        }
        last
    }

    /// The reaper looks.
    pub async fn look(&self) -> Round {
        let mut reaper = self.reaper.lock().unwrap().take().expect("one test looks at a time");
        let round = reaper.round().await.unwrap();
        *self.reaper.lock().unwrap() = Some(reaper);
        round
    }

    /// Airflow's side says that the run succeeded; answers its volumes.
    pub async fn finish(&self) -> Vec<String> {
        let run = RunRef {
            instance: Instance::parse("airflow").unwrap(),
            dag: DagId::parse(DAG).unwrap(),
            run: RunId::parse(RUN).unwrap(),
        };
        let now = *self.now.lock().unwrap();
        word::finish(&self.world.linstor(), &run, Outcome::Success, "Airflow", now).await.unwrap()
    }

    /// Nothing is left of the volume: no definition, no records, no loop device, no file.
    pub async fn expect_gone(&self, id: &str) {
        let name = resource(id);
        assert!(self.world.definition(name).await.is_none());
        assert!(self.world.store(name).await.is_none());
        // A loop device goes at its last close, which may lag behind.
        eventually("the loop devices' end", async || self.loop_files(name).is_empty().then_some(())).await;
    }

    /// The files of that volume's replicas here that loop devices are on.
    pub fn loop_files(&self, name: &str) -> Vec<String> {
        let folder = self.world.folder().to_string_lossy();
        let devices = std::fs::read_dir("/sys/block").unwrap().flatten();
        let files = devices.flat_map(|device| std::fs::read_to_string(device.path().join("loop/backing_file")));
        files.filter(|file| file.starts_with(&*folder) && file.contains(name)).collect()
    }
}

/// The claim of a pod's ephemeral volume.
pub fn ephemeral<'a>(pod: &'a Pod, uid: &'a str, name: &'a str, annotations: &'a [(&'a str, &'a str)]) -> Pvc<'a> {
    Pvc { name, namespace: pod.namespace, annotations, owner: Some((&pod.name, &pod.uid)), ..pvc(uid) }
}
