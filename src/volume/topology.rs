//! Topology segments and the nodes that they stand for.
//!
//! A node's segments are its name (`linflow.csi/hostname`), a `linflow.csi/pool-<pool>` = `true` for each storage pool
//! with a disk, and its `Aux` properties in LINSTOR: `Aux/topology/<key>`, where Piraeus' operator writes the labels of
//! the Kubernetes node, and `Aux/<key>`, both as `<key>`.

mod told;

use std::collections::{BTreeMap, BTreeSet};

pub use told::{NodeTopology, TopologySettings};

use crate::linstor::{
    self, Client,
    model::{Node, PropFilter, Props, Resource, StoragePool, is_same_name},
    name::{NameError, NodeName, PoolName},
};
use crate::workflow::reach::{OWN_SEGMENTS, Reach, RemoteAccess, SegmentKey, is_label_key, is_label_value};

/// Topology segments: key and value.
pub type Segments = BTreeMap<String, String>;

/// The segment whose value is the node's name in LINSTOR.
pub const HOSTNAME: &str = "linflow.csi/hostname";
/// The beginning of the segment of a storage pool; its value is `true`.
const POOL: &str = "linflow.csi/pool-";
/// Properties that say nothing of a place: linflow's own and Airflow's.
const NO_PLACES: [&str; 3] = ["linflow/", "airflow/", OWN_SEGMENTS];
/// Where a segment's property may be. The first is what Kubernetes says of its node, and wins.
const SPELLINGS: [&str; 2] = ["Aux/topology/", "Aux/"];

/// The segment of a node's name.
pub fn hostname(node: &NodeName) -> Segments {
    Segments::from([(HOSTNAME.to_owned(), node.to_string())])
}

/// A node's segments but for its name and pools, and the properties that can't be any.
fn labels(props: &Props) -> (Segments, Vec<&str>) {
    let (mut labels, mut left_out) = (Segments::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (at, spelling) in SPELLINGS.iter().enumerate() {
        for (property, value) in props {
            let Some(key) = property.strip_prefix(spelling) else { continue };
            let is_elsewhere = SPELLINGS[..at].iter().any(|other| property.starts_with(other));
            if is_elsewhere || labels.contains_key(key) || NO_PLACES.iter().any(|prefix| key.starts_with(prefix)) {
                continue;
            }
            // CSI: keys that differ only in case must not both be there.
            if is_label_key(key) && is_label_value(value) && seen.insert(key.to_ascii_lowercase()) {
                labels.insert(key.to_owned(), value.clone());
            } else {
                left_out.push(property.as_str());
            }
        }
    }
    (labels, left_out)
}

/// All segments of a node; `pools` are those on it. What can't be a label is left out and logged.
pub fn segments(name: &NodeName, node: &Node, pools: &[StoragePool]) -> Segments {
    let (labels, mut left_out) = labels(&node.props);
    let mut segments = hostname(name);
    for pool in pools.iter().filter(|pool| !pool.is_diskless()) {
        let key = format!("{POOL}{}", pool.storage_pool_name);
        if is_label_key(&key) {
            segments.insert(key, "true".to_owned());
        } else {
            left_out.push(&pool.storage_pool_name);
        }
    }
    if !left_out.is_empty() {
        tracing::info!(%name, ?left_out, "properties or pools that Kubernetes could not have as node labels are no topology segments");
    }
    segments.extend(labels);
    segments
}

/// One term of a request's topology: the nodes that have all its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// It names the node, which says all.
    Node(NodeName),
    /// It doesn't.
    Segments(Segments),
}

impl Term {
    /// Reads the segments of a term. Errors: a name that no node of LINSTOR has.
    pub fn parse(segments: &Segments) -> Result<Self, NameError> {
        match segments.get(HOSTNAME) {
            Some(name) => Ok(Self::Node(NodeName::parse(name)?)),
            None => Ok(Self::Segments(segments.clone())),
        }
    }
}

/// Terms in words, for messages.
pub fn describe(terms: &[Term]) -> String {
    let pairs = |segments: &Segments| segments.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
    let term = |term: &Term| match term {
        Term::Node(name) => format!("{HOSTNAME}={name}"),
        Term::Segments(segments) => pairs(segments).join(","),
    };
    terms.iter().map(term).collect::<Vec<_>>().join(" or ")
}

/// The nodes of each term, in LINSTOR's order; none for a term with a segment that no node has.
///
/// Terms that name their node need no request. For all others together: two, side by side, for each key by which the
/// nodes are found (one, where all terms have the same keys), and one for the pools that they name.
pub async fn resolve(linstor: &Client, terms: &[Term]) -> Result<Vec<Vec<NodeName>>, linstor::Error> {
    let open: Vec<&Segments> = terms
        .iter()
        .filter_map(|term| match term {
            Term::Segments(segments) if is_askable(segments) => Some(segments),
            _ => None,
        })
        .collect();
    let (labels, pools) = tokio::try_join!(ask_nodes(linstor, &open), ask_pools(linstor, &open))?;
    let seen = Seen { labels, pools };
    Ok(terms.iter().map(|term| seen.nodes_of(term)).collect())
}

/// The nodes of one term, for who has all nodes already. One request where the term names pools, else none.
pub async fn resolve_among(linstor: &Client, nodes: &[Node], term: &Term) -> Result<Vec<NodeName>, linstor::Error> {
    let pools = match term {
        Term::Segments(segments) if is_askable(segments) => ask_pools(linstor, &[segments]).await?,
        _ => PoolsByNode::new(),
    };
    let labels = nodes.iter().map(|node| (node.name.clone(), labels(&node.props).0)).collect();
    Ok(Seen { labels, pools }.nodes_of(term))
}

/// What was seen of the nodes that may fit a term.
struct Seen {
    labels: BTreeMap<String, Segments>,
    pools: PoolsByNode,
}

impl Seen {
    fn nodes_of(&self, term: &Term) -> Vec<NodeName> {
        let Self { labels, pools } = self;
        let segments = match term {
            Term::Node(name) => return vec![name.clone()],
            Term::Segments(segments) if is_askable(segments) => segments,
            Term::Segments(_) => return Vec::new(),
        };
        let fits = |(name, labels): &(&String, &Segments)| is_in(segments, name, labels, pools);
        let names: Vec<&String> = match anchor(segments) {
            Some(_) => labels.iter().filter(fits).map(|(name, _)| name).collect(),
            // Pools alone: a pool's own list names its nodes.
            None => pools.keys().filter(|name| is_in(segments, name, &Segments::new(), pools)).collect(),
        };
        names.into_iter().filter_map(|name| NodeName::parse(name).ok()).collect()
    }
}

/// Can any node have these? Keys of ours beside name and pool don't exist, and what is no label is on none.
fn is_askable(segments: &Segments) -> bool {
    let is_known = |key: &str, value: &str| match key.strip_prefix(POOL) {
        Some(pool) => value == "true" && PoolName::parse(pool).is_ok(),
        None => SegmentKey::parse_foreign(key).is_ok() && is_label_value(value),
    };
    !segments.is_empty() && segments.iter().all(|(key, value)| is_known(key, value))
}

/// The segment by whose property LINSTOR is asked for nodes.
fn anchor(segments: &Segments) -> Option<(&String, &String)> {
    segments.iter().find(|(key, _)| !key.starts_with(OWN_SEGMENTS))
}

fn is_in(segments: &Segments, node: &str, labels: &Segments, pools: &PoolsByNode) -> bool {
    segments.iter().all(|(key, value)| match key.strip_prefix(POOL) {
        Some(pool) => pools.get(node).is_some_and(|there| there.iter().any(|name| is_same_name(name, pool))),
        None => labels.get(key) == Some(value),
    })
}

/// The labels of nodes that have the anchor of one of the terms, whichever way their property is spelt.
async fn ask_nodes(linstor: &Client, terms: &[&Segments]) -> Result<BTreeMap<String, Segments>, linstor::Error> {
    let mut anchors: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (key, value) in terms.iter().filter_map(|segments| anchor(segments)) {
        anchors.entry(key).or_default().insert(value);
    }
    let mut found = BTreeMap::new();
    for (key, values) in anchors {
        let filter = |spelling: &str| match (values.first(), values.len()) {
            (Some(value), 1) => [PropFilter::Is(format!("{spelling}{key}"), (*value).clone())],
            _ => [PropFilter::Has(format!("{spelling}{key}"))],
        };
        let [one, other] = SPELLINGS.map(filter);
        let (one, other) = tokio::try_join!(linstor.nodes_with(&one), linstor.nodes_with(&other))?;
        found.extend(one.into_iter().chain(other).map(|node| (node.name, labels(&node.props).0)));
    }
    Ok(found)
}

/// The pools with a disk on each node.
type PoolsByNode = BTreeMap<String, Vec<String>>;

async fn ask_pools(linstor: &Client, terms: &[&Segments]) -> Result<PoolsByNode, linstor::Error> {
    let keys = terms.iter().flat_map(|segments| segments.keys());
    let names: BTreeSet<PoolName> = keys.filter_map(|key| PoolName::parse(key.strip_prefix(POOL)?).ok()).collect();
    let mut found = PoolsByNode::new();
    if names.is_empty() {
        return Ok(found);
    }
    let names: Vec<&PoolName> = names.iter().collect();
    for pool in linstor.storage_pools(&[], &names).await?.into_iter().filter(|pool| !pool.is_diskless()) {
        found.entry(pool.node_name).or_default().push(pool.storage_pool_name);
    }
    Ok(found)
}

/// May a node without a copy of the volume use it? By name, or by what it shares with one of `holders`, the nodes that
/// have a copy.
pub fn may_reach(reach: &Reach, name: &NodeName, node: &Node, holders: &[&Node]) -> bool {
    if reach.clients.iter().any(|client| is_same_name(client.as_str(), name.as_str())) {
        return true;
    }
    let rules = match &reach.remote {
        RemoteAccess::Anywhere => return true,
        RemoteAccess::Nowhere => return false,
        RemoteAccess::FromSame(rules) => rules,
    };
    let here = labels(&node.props).0;
    let shares = |keys: &BTreeSet<SegmentKey>, holder: &Segments| {
        keys.iter().all(|key| here.get(key.as_str()).is_some_and(|value| holder.get(key.as_str()) == Some(value)))
    };
    holders.iter().any(|holder| {
        let there = labels(&holder.props).0;
        rules.iter().any(|keys| shares(keys, &there))
    })
}

/// May a replica leave a node that was promised, while the replicas of `staying` stay? The node itself must still reach
/// the volume, and so must all that shared with it what a rule wants.
pub fn may_leave(reach: &Reach, leaver: &Node, staying: &[&Node]) -> bool {
    let is_client = reach.clients.iter().any(|client| is_same_name(client.as_str(), &leaver.name));
    match &reach.remote {
        RemoteAccess::Anywhere => true,
        RemoteAccess::Nowhere => is_client,
        RemoteAccess::FromSame(rules) => {
            let promised = shared(rules, leaver);
            let kept: BTreeSet<Segments> = staying.iter().flat_map(|node| shared(rules, node)).collect();
            (is_client || !promised.is_empty()) && promised.iter().all(|term| kept.contains(term))
        }
    }
}

/// What a node must have in common with this one, by each of the rules that it can follow.
fn shared(rules: &BTreeSet<BTreeSet<SegmentKey>>, node: &Node) -> Vec<Segments> {
    let labels = labels(&node.props).0;
    let of_rule = |keys: &BTreeSet<SegmentKey>| -> Option<Segments> {
        keys.iter()
            .map(|key| labels.get_key_value(key.as_str()).map(|(key, value)| (key.clone(), value.clone())))
            .collect()
    };
    rules.iter().filter_map(of_rule).collect()
}

/// From where a volume with these replicas is reached: the accessible_topology of CSI, of which one term must hold;
/// empty where every node reaches it.
///
/// One request where what nodes share decides, else none.
pub async fn accessible(
    linstor: &Client,
    reach: &Reach,
    replicas: &[Resource],
) -> Result<Vec<Segments>, linstor::Error> {
    let uses_drbd = replicas.iter().any(|replica| replica.has_layer(linstor::model::DRBD));
    if uses_drbd && reach.remote == RemoteAccess::Anywhere {
        return Ok(Vec::new());
    }
    let holders: Vec<NodeName> = replicas.iter().filter_map(|one| NodeName::parse(&one.node_name).ok()).collect();
    let clients = reach.clients.iter().filter(|_| uses_drbd);
    let mut terms: Vec<Segments> = holders.iter().chain(clients).map(hostname).collect();
    if let (RemoteAccess::FromSame(rules), true) = (&reach.remote, uses_drbd) {
        for node in linstor.nodes(&holders.iter().collect::<Vec<_>>()).await? {
            terms.extend(shared(rules, &node));
        }
    }
    let mut seen = BTreeSet::new();
    terms.retain(|term| seen.insert(term.clone()));
    Ok(terms)
}
