//! The cluster that a case runs on, and the list of what the case made there.

use std::{
    collections::BTreeSet,
    env,
    io::Write,
    panic::resume_unwind,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use linflow::linstor::{
    Client, Settings,
    model::{DefinitionQuery, NewResourceGroup, Node, Resource, ResourceDefinition, SelectFilter, Spawn, ViewQuery},
    name::{GroupName, NodeName, PoolName, ResourceName},
};
use linflow::sandbox::{self, BackingKind, Sandbox};
use url::Url;

use super::rest;

/// Small, and large enough for every kind of pool.
pub const SIZE_KIB: u64 = 8 << 10;
/// A DRBD resource on slow nodes takes most of a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// A LINSTOR with what the cases need to know of it. Clones share the list of what was made.
#[derive(Clone)]
pub struct Cluster {
    pub client: Client,
    pub pool: PoolName,
    pub layers: Vec<String>,
    /// ONLINE nodes that have the pool; the one that `LINFLOW_NODE_NAME` names is the first.
    pub nodes: Vec<NodeName>,
    run: String,
    made: Arc<Mutex<Made>>,
}

#[derive(Default)]
struct Made {
    volumes: BTreeSet<ResourceName>,
    groups: BTreeSet<GroupName>,
}

/// Runs a case on the cluster that the environment names, else on a sandbox with DRBD and on one without.
pub async fn on_each<F: Future<Output = ()> + Send + 'static>(case: impl Fn(Cluster) -> F) {
    let named = |name| env::var(name).ok().filter(|value| !value.is_empty());
    if let Some(url) = named("LINFLOW_LINSTOR_URL") {
        let url: Url = url.parse().expect("LINFLOW_LINSTOR_URL is a URL such as http://host:3370");
        let pool = named("LINFLOW_LINSTOR_POOL").expect("LINFLOW_LINSTOR_POOL names the storage pool");
        let layers = named("LINFLOW_LAYER_LIST").unwrap_or_else(|| "drbd storage".to_owned());
        let first = named("LINFLOW_NODE_NAME");
        let cluster = Cluster::connect(&url, &pool, &layers, first.as_deref()).await;
        return run(&url, cluster, &case).await;
    }
    for layers in ["drbd storage", "storage"] {
        let state = tempfile::tempdir().unwrap();
        let sandbox = start_sandbox(state.path()).await;
        let url: Url = sandbox.url().parse().unwrap();
        let cluster = Cluster::connect(&url, "pool", layers, None).await;
        run(&url, cluster, &case).await;
        sandbox.stop().await.unwrap();
    }
}

/// Runs a case in a task of its own, so that what it made goes even when it fails.
async fn run<F: Future<Output = ()> + Send + 'static>(url: &Url, cluster: Cluster, case: impl Fn(Cluster) -> F) {
    let outcome = tokio::spawn(case(cluster.clone())).await;
    let left = cluster.remove_all(url).await;
    if let Err(failed) = outcome {
        resume_unwind(failed.into_panic());
    }
    assert!(left.is_empty(), "not removed: {left:?}");
}

impl Cluster {
    async fn connect(url: &Url, pool: &str, layers: &str, first: Option<&str>) -> Self {
        let client = Client::new(&Settings::new(vec![url.clone()])).unwrap();
        let pool = PoolName::parse(pool).unwrap();
        let with_pool = client.storage_pools(&[], &[&pool]).await.unwrap();
        let has_pool = |node: &Node| with_pool.iter().any(|pool| pool.node_name.eq_ignore_ascii_case(&node.name));
        let online = client.nodes(&[]).await.unwrap().into_iter().filter(|node| node.is_online() && has_pool(node));
        let mut nodes: Vec<NodeName> = online.map(|node| NodeName::parse(&node.name).unwrap()).collect();
        nodes.sort_by_key(|node| first.is_none_or(|first| !node.as_str().eq_ignore_ascii_case(first)));
        assert!(!nodes.is_empty(), "no ONLINE node of {url} has the pool {pool}");
        if let Some(first) = first {
            assert!(nodes[0].as_str().eq_ignore_ascii_case(first), "{first} has no pool {pool} or is not ONLINE");
        }
        let layers = layers.split_whitespace().map(str::to_uppercase).collect();
        Self { client, pool, layers, nodes, run: random(), made: Arc::default() }
    }

    /// A node that has the pool.
    pub fn node(&self) -> &NodeName {
        &self.nodes[0]
    }

    pub fn uses_drbd(&self) -> bool {
        self.layers.iter().any(|layer| layer == "DRBD")
    }

    /// Whether the case has the nodes and layers that it needs; says so where it hasn't.
    pub fn can(&self, case: &str, nodes: usize, needs_drbd: bool) -> bool {
        let lacks = if needs_drbd && !self.uses_drbd() {
            format!("it needs DRBD, and the layers are {}", self.layers.join(" "))
        } else if self.nodes.len() < nodes {
            format!("it needs {nodes} ONLINE nodes with the pool {}, and there are {}", self.pool, self.nodes.len())
        } else {
            return true;
        };
        say(&format!("SKIPPED {case}: {lacks}"));
        false
    }

    /// The name of a definition (and key-value instance) that only this run has; it is removed at the end.
    pub fn volume(&self, label: &str) -> ResourceName {
        let name = ResourceName::parse(&format!("lfct-{label}-{}", self.run)).unwrap();
        self.made.lock().unwrap().volumes.insert(name.clone());
        name
    }

    /// The same for a resource group.
    pub fn group_name(&self, label: &str) -> GroupName {
        let name = GroupName::parse(&format!("lfct-{label}-{}", self.run)).unwrap();
        self.made.lock().unwrap().groups.insert(name.clone());
        name
    }

    /// The suffix of this run's names, for property values that no other run has.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Makes a group for one replica in the pool.
    pub async fn make_group(&self, label: &str) -> GroupName {
        let name = self.group_name(label);
        let group = NewResourceGroup {
            name: name.clone(),
            description: format!("linflow's contract suite: {label}"),
            props: Default::default(),
            select_filter: SelectFilter {
                place_count: Some(1),
                storage_pool_list: vec![self.pool.to_string()],
                layer_stack: self.layers.clone(),
                ..SelectFilter::default()
            },
        };
        self.client.create_resource_group(&group).await.unwrap();
        name
    }

    /// What makes a volume with one replica on [`Self::node`].
    pub fn spawn_of(&self, volume: &ResourceName) -> Spawn {
        Spawn {
            resource_definition_name: volume.clone(),
            volume_sizes: vec![SIZE_KIB],
            select_filter: Some(SelectFilter {
                place_count: Some(1),
                node_name_list: vec![self.node().to_string()],
                ..SelectFilter::default()
            }),
            definitions_only: false,
            resource_definition_props: Default::default(),
        }
    }

    /// Makes a volume with one replica on [`Self::node`].
    pub async fn make_volume(&self, label: &str) -> ResourceName {
        let group = self.make_group(label).await;
        let volume = self.volume(label);
        self.client.spawn(&group, &self.spawn_of(&volume)).await.unwrap();
        volume
    }

    pub async fn definition(&self, volume: &ResourceName) -> Option<ResourceDefinition> {
        self.client.definition(volume).await.unwrap()
    }

    pub async fn definitions(&self, query: DefinitionQuery) -> BTreeSet<String> {
        let found = self.client.definitions(&query).await.unwrap();
        found.into_iter().map(|definition| definition.name).collect()
    }

    pub async fn view(&self, volumes: &[&ResourceName], nodes: &[&NodeName]) -> Vec<Resource> {
        let query = ViewQuery {
            resources: volumes.iter().map(|&volume| volume.clone()).collect(),
            nodes: nodes.iter().map(|&node| node.clone()).collect(),
        };
        self.client.resources_view(&query).await.unwrap()
    }

    /// Looks at a volume's resources until they are as wanted. A change's 200 does not promise that they are already.
    pub async fn await_view(&self, volume: &ResourceName, wanted: impl Fn(&[Resource]) -> bool) -> Vec<Resource> {
        let mut look = tokio::time::interval(Duration::from_millis(100));
        let looking = async {
            loop {
                look.tick().await;
                let seen = self.view(&[volume], &[]).await;
                if wanted(&seen) {
                    return seen;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, looking).await {
            Ok(seen) => seen,
            Err(_) => panic!("{volume} is not as wanted: {:#?}", self.view(&[volume], &[]).await),
        }
    }

    /// Removes what the case made, and answers what is still there afterwards.
    async fn remove_all(&self, url: &Url) -> Vec<String> {
        let made = std::mem::take(&mut *self.made.lock().unwrap());
        let mut left = Vec::new();
        for volume in made.volumes {
            if let Err(error) = self.remove_volume(&volume).await {
                left.push(format!("{volume}: {error}"));
            }
        }
        for group in made.groups {
            let is_there = !matches!(self.client.resource_group(&group).await, Ok(None));
            if is_there && !rest::delete_group(url, &group).await.is_ok_and(|is_gone| is_gone) {
                left.push(group.to_string());
            }
        }
        left
    }

    /// Looks before it deletes: LINSTOR writes an error report about each deletion of what isn't there.
    async fn remove_volume(&self, volume: &ResourceName) -> Result<(), linflow::linstor::Error> {
        if self.client.definition(volume).await?.is_some() {
            self.client.delete_definition(volume).await?;
        }
        if self.client.kv(volume).await?.is_some() {
            self.client.kv_delete(volume).await?;
        }
        Ok(())
    }
}

/// Tells the person who runs the tests. Not by `eprintln!`, which the test runner keeps to itself.
fn say(line: &str) {
    let mut out = std::io::stderr();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn random() -> String {
    let mut bytes = [0; 5];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A sandbox of three nodes that keeps books only: the suite looks at REST and at no bytes.
async fn start_sandbox(state: &Path) -> Sandbox {
    let settings = sandbox::Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        nodes: ["node-1", "node-2", "node-3"].map(|node| node.parse().unwrap()).into(),
        state: state.to_owned(),
        pool: "pool".parse().unwrap(),
        pool_kib: 1 << 20,
        backing: BackingKind::Bookkeeping,
    };
    Sandbox::start(settings).await.unwrap()
}
