//! Which definition of an owner's is the one that claims come to.
//!
//! A definition that LINSTOR is deleting may wait for a lost node for long. Then the next generation takes its place, and
//! the last one is never used again, though its name becomes free: its own key-value instance says so, which every claim
//! reads before it is answered, and the owner's instance says which generation to go to instead. The former is written
//! first and neither is ever removed.

use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, Props, ResourceDefinition},
};
use crate::volume::{
    Error,
    claims::{generation_of, owned_name, owner_instance},
    record::RecordError,
};
use crate::workflow::{WorkflowRef, tag::WORKFLOW_ID};

/// The key of the owner's instance that holds the generation to use.
const GENERATION: &str = "generation";
/// The key of a generation's own instance that says that the generation is over. It belongs to no incarnation.
const SUPERSEDED: &str = "superseded";

/// The owner's definition of the highest generation that is there, on its way out or not.
pub(super) async fn latest(linstor: &Client, owner: &WorkflowRef) -> Result<Option<(u32, ResourceDefinition)>, Error> {
    let is_owners = PropFilter::Is(WORKFLOW_ID.to_owned(), owner.workflow_id());
    let query = DefinitionQuery { props: vec![is_owners], ..DefinitionQuery::default() };
    let all = linstor.definitions(&query).await?;
    let numbered = all.into_iter().filter_map(|one| Some((generation_of(owner, &one.name)?, one)));
    Ok(numbered.max_by_key(|(generation, _)| *generation))
}

/// Is the generation over whose instance this is?
pub(super) fn is_superseded(store: &Props) -> bool {
    store.keys().any(|key| key.trim_start_matches('/') == SUPERSEDED)
}

/// Writes down that this generation is over, and answers the one to use.
pub(super) async fn supersede(linstor: &Client, owner: &WorkflowRef, generation: u32) -> Result<u32, Error> {
    let (own, owners) = (owned_name(owner, generation), owner_instance(owner));
    let (own_store, store) = tokio::try_join!(linstor.kv(&own), linstor.kv(&owners))?;
    let recorded = store.unwrap_or_default().into_iter().find(|(key, _)| key.trim_start_matches('/') == GENERATION);
    let recorded: Option<u32> = match recorded {
        Some((key, value)) => Some(value.parse().map_err(|error| RecordError::new(owners.as_str(), &key, error))?),
        None => None,
    };
    let next = recorded.unwrap_or_default().max(generation.saturating_add(1));
    if !own_store.is_some_and(|store| is_superseded(&store)) {
        let entry = Props::from([(SUPERSEDED.to_owned(), next.to_string())]);
        linstor.kv_put(&own, &entry, &[]).await?;
    }
    if recorded != Some(next) {
        tracing::info!(%owner, generation, next, "the owner's volume is being deleted; the next generation takes its place");
        let entry = Props::from([(GENERATION.to_owned(), next.to_string())]);
        linstor.kv_put(&owners, &entry, &[]).await?;
    }
    Ok(next)
}
