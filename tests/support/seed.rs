//! Many volumes at once, put into the embedded LINSTOR past its REST API.

use linflow::sandbox::{
    Sandbox,
    model::{
        Cluster,
        definition::{Definition, VolumeDefinition},
        group::DEFAULT_GROUP,
        layer::Layer,
        name::Key,
        props::Props,
        resource::Kind,
    },
};

/// What to seed.
pub struct Seed<'a> {
    /// How many definitions.
    pub count: usize,
    /// What their names begin with; five digits follow, from 00000.
    pub prefix: &'a str,
    /// The properties of each.
    pub props: &'a dyn Fn(usize) -> Props,
    /// The name of a snapshot of each, if they have any.
    pub snapshot: Option<&'a str>,
    /// The properties of its key-value store, if it has one.
    pub store: Option<&'a dyn Fn(usize) -> Props>,
}

/// Definitions of 4 MiB with one replica on the first node, over DRBD. Ten thousand take about a second.
pub fn seed(sandbox: &Sandbox, seed: &Seed<'_>) {
    let shared = sandbox.cluster();
    let mut cluster = shared.lock();
    for number in 0..seed.count {
        one(&mut cluster, seed, number);
    }
}

fn one(cluster: &mut Cluster, seed: &Seed<'_>, number: usize) {
    let (name, count) = (format!("{}{number:05}", seed.prefix), u32::try_from(number).unwrap());
    let (key, node) = (Key::of(&name), cluster.nodes.keys().next().unwrap().clone());
    let layers = Some(vec![Layer::Drbd, Layer::Storage]);
    let mut definition = Definition::new(&name, DEFAULT_GROUP, (seed.props)(number), layers, 7000 + count);
    definition.volumes.insert(0, VolumeDefinition::new(4096, Some(1000 + count), Props::new()));
    cluster.definitions.insert(key.clone(), definition);
    cluster.add_resource(&key, &node, Kind::Diskful, None).unwrap();
    cluster.mark_initial(&key);
    if let Some(snapshot) = seed.snapshot {
        cluster.take_snapshot(&key, snapshot, &[node], &Props::new()).unwrap();
    }
    if let Some(store) = seed.store {
        cluster.kv.put(&name, store(number));
    }
}
