//! Replicas, placed attempt by attempt: the first one that LINSTOR takes makes the definition, the others add to it.

use super::{
    Error,
    create::CreateRequest,
    spread::{self, Attempt, Count, Terms},
    topology::{self, Term},
    warned,
};
use crate::linstor::{
    self, Client, Kind,
    model::{AutoPlace, Resource, SelectFilter, Spawn, is_same_name},
    name::{NodeName, ResourceName},
};
use crate::workflow::{RemoteAccess, Tags};

/// In what order nodes are tried for the request's replicas.
///
/// # Errors
/// `NoSuchPlace`, `Impossible`: no answer of LINSTOR's would help.
pub(super) async fn plan(linstor: &Client, request: &CreateRequest) -> Result<Vec<Attempt>, Error> {
    attempts(request, &terms(linstor, request).await?)
}

/// The nodes that the request's topology stands for.
///
/// # Errors
/// `NoSuchPlace`.
pub(super) async fn terms(linstor: &Client, request: &CreateRequest) -> Result<Terms, Error> {
    let CreateRequest { requisite, preferred, .. } = request;
    let asked: Vec<Term> = preferred.iter().chain(requisite).cloned().collect();
    let mut nodes = topology::resolve(linstor, &asked).await?;
    let terms = Terms { requisite: nodes.split_off(preferred.len()), preferred: nodes };
    if !requisite.is_empty() && terms.requisite.iter().all(Vec::is_empty) {
        return Err(Error::NoSuchPlace(topology::describe(requisite)));
    }
    Ok(terms)
}

/// In what order the nodes of these terms are tried.
///
/// # Errors
/// `Impossible`.
pub(super) fn attempts(request: &CreateRequest, terms: &Terms) -> Result<Vec<Attempt>, Error> {
    Ok(spread::attempts(&request.policy, terms, request.placement.wanted(), is_remote(request))?)
}

/// Does every node reach the volume over the network?
pub(super) fn is_remote(request: &CreateRequest) -> bool {
    request.placement.may_use_drbd() && request.reach.remote == RemoteAccess::Anywhere
}

/// The names of the nodes with a disk of it.
pub(super) fn held(there: &[Resource]) -> Vec<NodeName> {
    replicas(there).filter_map(|one| NodeName::parse(&one.node_name).ok()).collect()
}

/// The resources with a disk that aren't being deleted.
pub(super) fn replicas(there: &[Resource]) -> impl Iterator<Item = &Resource> {
    there.iter().filter(|one| !one.is_diskless() && !one.is_deleting())
}

/// A placement that came to no good end.
#[derive(Debug)]
pub(super) struct Stopped {
    /// LINSTOR's answer, or its silence.
    pub(super) error: linstor::Error,
    /// Was the definition there already, or made on the way?
    pub(super) is_defined: bool,
}

/// Makes one volume's replicas.
pub(super) struct Placer<'a> {
    /// LINSTOR.
    pub(super) linstor: &'a Client,
    /// What is asked for.
    pub(super) request: &'a CreateRequest,
    /// The definition's name.
    pub(super) resource: &'a ResourceName,
    /// What the definition says of itself.
    pub(super) tags: &'a Tags,
    /// The volume's size.
    pub(super) size_kib: u64,
}

impl Placer<'_> {
    /// Makes the attempts in order until there are `wanted` replicas. `held`: the nodes that have one; none: there is no
    /// definition yet.
    pub(super) async fn place(
        &self,
        attempts: &[Attempt],
        wanted: u32,
        held: Option<&[NodeName]>,
    ) -> Result<(), Stopped> {
        let mut is_defined = held.is_some();
        let mut held = held.unwrap_or_default().to_vec();
        let mut placed = u32::try_from(held.len()).unwrap_or(u32::MAX);
        let mut refused = None;
        for Attempt { nodes, count } in attempts {
            let total = match count {
                Count::Total(total) => *total,
                Count::OneMore if nodes.iter().any(|node| held.contains(node)) => continue,
                Count::OneMore => placed + 1,
            };
            if placed >= wanted || total <= placed {
                continue;
            }
            match self.attempt(nodes, total.min(wanted), is_defined).await {
                Ok(()) => {
                    // As many more as there were nodes without one: each has one now.
                    let more = nodes.iter().filter(|node| !held.contains(node)).cloned().collect::<Vec<_>>();
                    if more.len() <= (total - placed) as usize {
                        held.extend(more);
                    }
                    (is_defined, placed) = (true, total);
                }
                // No pool there, or a full one. Elsewhere may do.
                Err(error) if error.kind() == Some(Kind::NotEnoughNodes) => refused = Some(error),
                Err(error) => return Err(Stopped { error, is_defined }),
            }
        }
        match refused {
            Some(error) if placed < wanted => Err(Stopped { error, is_defined }),
            _ => Ok(()),
        }
    }

    async fn attempt(&self, nodes: &[NodeName], total: u32, is_defined: bool) -> Result<(), linstor::Error> {
        let placement = &self.request.placement;
        let is_last = total >= placement.wanted();
        let select_filter = SelectFilter {
            place_count: Some(total),
            node_name_list: nodes.iter().map(ToString::to_string).collect(),
            ..if is_last { placement.explicit() } else { placement.first() }
        };
        if is_defined {
            let diskless_on_remaining = is_last && placement.diskless_on_remaining == Some(true);
            let place = AutoPlace { select_filter, diskless_on_remaining };
            warned::log(self.resource, &self.linstor.autoplace(self.resource, &place).await?);
            return Ok(());
        }
        let spawn = Spawn {
            resource_definition_name: self.resource.clone(),
            volume_sizes: vec![self.size_kib],
            select_filter: Some(select_filter),
            definitions_only: false,
            resource_definition_props: self.request.definition_properties(self.tags),
        };
        warned::log(self.resource, &self.linstor.spawn(&self.request.placement.group_name(), &spawn).await?);
        Ok(())
    }

    /// Makes the diskless resources that the class wants on all other nodes of a volume whose replicas are there.
    pub(super) async fn place_diskless(&self) -> Result<(), linstor::Error> {
        let placement = &self.request.placement;
        let select_filter = SelectFilter { place_count: Some(placement.wanted()), ..placement.explicit() };
        let place = AutoPlace { select_filter, diskless_on_remaining: true };
        self.linstor.autoplace(self.resource, &place).await.map(drop)
    }

    /// Gives the clients of the class their diskless resource where they have none. Where LINSTOR has made a tie-breaker
    /// there, it becomes one.
    pub(super) async fn ensure_clients(&self, there: &[Resource]) -> Result<(), linstor::Error> {
        for node in missing_clients(&self.request.reach.clients, there) {
            if let Some(pool) = &self.request.placement.diskless_pool {
                self.linstor.create_diskless(self.resource, node, pool).await?;
            }
            self.linstor.make_available(self.resource, node, false).await?;
        }
        Ok(())
    }
}

/// The clients that have no resource of their own yet.
pub(super) fn missing_clients<'a>(clients: &'a [NodeName], there: &[Resource]) -> Vec<&'a NodeName> {
    let has = |node: &&NodeName| {
        there
            .iter()
            .any(|one| is_same_name(&one.node_name, node.as_str()) && !one.is_tie_breaker() && !one.is_deleting())
    };
    clients.iter().filter(|node| !has(node)).collect()
}
