//! Where more replicas go: by the rule of the volume's group, on the nodes that its class lists, and best where the
//! volume may be used.

use std::collections::BTreeSet;

use super::{Replicas, VOLUME_NUMBER, disks};
use crate::linstor::{
    self,
    model::{AutoPlace, Resource, SelectFilter},
    name::{GroupName, NodeName},
};
use crate::volume::{
    Error,
    place::is_generated,
    said::Said,
    topology::{self, Term},
    warned,
};
use crate::workflow::{Reach, RemoteAccess};

/// Nodes to choose from (empty: all), and how many replicas there are to be then.
type Attempt = (Vec<NodeName>, u32);

impl Replicas<'_> {
    /// Adds what is missing. Which pools the class named beside an administrator's group isn't known any more: the new
    /// replicas go where the old ones are.
    pub(super) async fn place(&self, view: &[Resource], homes: &BTreeSet<NodeName>) -> Result<(), Error> {
        let group = &self.definition.resource_group_name;
        let is_generated = GroupName::parse(group).is_ok_and(|group| is_generated(&group));
        let mut pools: Vec<String> = disks(view).filter(|_| !is_generated).filter_map(pool).collect();
        pools.sort();
        pools.dedup();
        let mut placed = Ok(());
        for (nodes, count) in self.attempts(view, homes).await? {
            let select_filter = SelectFilter {
                place_count: Some(count),
                storage_pool_list: pools.clone(),
                node_name_list: nodes.iter().map(ToString::to_string).collect(),
                ..SelectFilter::default()
            };
            placed = self.try_place(&AutoPlace { select_filter, diskless_on_remaining: false }).await;
            match &placed {
                Ok(()) if count >= self.wanted => break,
                // Elsewhere may do.
                Ok(()) | Err(Error::NoRoom { .. }) => {}
                Err(_) => break,
            }
        }
        placed
    }

    async fn try_place(&self, place: &AutoPlace) -> Result<(), Error> {
        match self.linstor.autoplace(self.volume.resource(), place).await {
            Ok(replies) => {
                warned::log(self.volume.resource(), &replies);
                Ok(())
            }
            Err(error) if error.is_no_room() => {
                let size_kib = self.definition.size_kib().unwrap_or_default();
                let placement = format!("{} replicas", self.wanted);
                Err(Error::NoRoom { size_kib, placement, largest_kib: None, source: error })
            }
            // The properties may have been changed before: a final code would say that nothing was.
            Err(error @ linstor::Error::Refused(_)) => Err(self.unfinished(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    /// In their order; the last one is for all replicas.
    async fn attempts(&self, view: &[Resource], homes: &BTreeSet<NodeName>) -> Result<Vec<Attempt>, Error> {
        let listed = Said::listed(&self.definition.props);
        if !listed.is_empty() || self.tags.reach.remote == RemoteAccess::Anywhere {
            return Ok(vec![(listed, self.wanted)]);
        }
        let near = self.near(view, homes).await?;
        let some = u32::try_from(near.len()).unwrap_or(u32::MAX).min(self.wanted);
        let near = (some as usize > disks(view).count()).then_some((near, some));
        Ok(near.into_iter().chain([(Vec::new(), self.wanted)]).collect())
    }

    /// The nodes that a volume of restricted access is used from: a replica elsewhere keeps data and serves no pod.
    async fn near(&self, view: &[Resource], homes: &BTreeSet<NodeName>) -> Result<Vec<NodeName>, Error> {
        let replicas: Vec<Resource> = disks(view).cloned().collect();
        // A client stays one.
        let reach = Reach { clients: Vec::new(), ..self.tags.reach.clone() };
        let places = topology::accessible(self.linstor, &reach, &replicas).await?;
        let places = places.iter().map(Term::parse).collect::<Result<Vec<_>, _>>()?;
        let nodes = topology::resolve(self.linstor, &places).await?;
        let nodes: BTreeSet<NodeName> = nodes.into_iter().flatten().chain(homes.iter().cloned()).collect();
        Ok(nodes.into_iter().collect())
    }
}

fn pool(replica: &Resource) -> Option<String> {
    let pool = replica.volume(VOLUME_NUMBER).map(|volume| volume.storage_pool_name.clone());
    pool.filter(|pool| !pool.is_empty())
}
