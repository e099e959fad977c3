//! Where a replica must be for a volume to be used from a place: GetCapacity's side of topology and of remote access.

use std::sync::Arc;

use super::{Capacities, CapacityRequest};
use crate::linstor::{
    self, Client,
    model::{Node, is_same_name},
    name::NodeName,
};
use crate::volume::topology::{Term, describe, may_reach, resolve_among};
use crate::workflow::{Reach, RemoteAccess};

/// The nodes one of which must have a replica.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Near {
    /// Any node will do.
    Anywhere,
    /// No node will do.
    Nowhere,
    /// One of these, and there is one at least.
    On(Vec<NodeName>),
}

impl Near {
    fn on(nodes: Vec<NodeName>) -> Self {
        if nodes.is_empty() { Self::Nowhere } else { Self::On(nodes) }
    }

    /// Without the nodes that the class doesn't list, where it lists any.
    pub(super) fn among(self, listed: &[NodeName]) -> Self {
        match self {
            Self::On(nodes) if !listed.is_empty() => {
                Self::on(nodes.into_iter().filter(|node| has(listed, node)).collect())
            }
            near => near,
        }
    }
}

impl Capacities {
    /// The nodes from which a volume is reached from where it is asked for. Of LINSTOR's nodes all are asked for, once
    /// for all classes and places: a place that names its node needs them only where labels decide.
    pub(super) async fn near(
        &self,
        linstor: &Client,
        request: &CapacityRequest,
        uses_drbd: bool,
    ) -> Result<Near, linstor::Error> {
        let Some(from) = &request.from else { return Ok(Near::Anywhere) };
        let here = match from {
            Term::Node(node) => vec![node.clone()],
            Term::Segments(_) => self.resolve(linstor, from).await?,
        };
        let Reach { remote, clients } = &request.reach;
        if here.is_empty() || !uses_drbd {
            return Ok(Near::on(here));
        }
        if *remote == RemoteAccess::Anywhere || clients.iter().any(|client| has(&here, client)) {
            return Ok(Near::Anywhere);
        }
        if *remote == RemoteAccess::Nowhere {
            return Ok(Near::on(here));
        }
        Ok(Near::on(in_reach(&request.reach, here, &self.all_nodes(linstor).await?)))
    }

    async fn resolve(&self, linstor: &Client, term: &Term) -> Result<Vec<NodeName>, linstor::Error> {
        let ask = async { resolve_among(linstor, &self.all_nodes(linstor).await?, term).await };
        self.terms.get(&describe(std::slice::from_ref(term)), ask).await
    }

    async fn all_nodes(&self, linstor: &Client) -> Result<Arc<Vec<Node>>, linstor::Error> {
        self.nodes.get("all", async { linstor.nodes(&[]).await.map(Arc::new) }).await
    }
}

/// The nodes whose replicas may be used from one of `here`.
fn in_reach(reach: &Reach, here: Vec<NodeName>, all: &[Node]) -> Vec<NodeName> {
    let users: Vec<(&NodeName, &Node)> = here
        .iter()
        .filter_map(|name| Some((name, all.iter().find(|node| is_same_name(&node.name, name.as_str()))?)))
        .collect();
    let is_reached = |holder: &&Node| users.iter().any(|(name, user)| may_reach(reach, name, user, &[*holder]));
    let remote = all.iter().filter(is_reached).filter_map(|node| NodeName::parse(&node.name).ok());
    let remote: Vec<NodeName> = remote.filter(|node| !has(&here, node)).collect();
    here.into_iter().chain(remote).collect()
}

fn has(nodes: &[NodeName], node: &NodeName) -> bool {
    nodes.iter().any(|one| is_same_name(one.as_str(), node.as_str()))
}
