//! Which definition of an owner's is the one that claims come to (docs/decisions.md, Names).
//!
//! A definition that LINSTOR is deleting may wait for a lost node for long. Then its generation is given up, which the
//! owner's own instance keeps, and the next one takes its place.

use super::OwnedError;
use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, Props, ResourceDefinition},
    name::ResourceName,
};
use crate::volume::{Error, claims::owner_instance, ending::Token, generation, moment::Moment, standing};
use crate::workflow::{WorkflowRef, tag::WORKFLOW_ID};

/// The owner's definition of the highest generation that is there, on its way out or not.
pub(super) async fn latest(linstor: &Client, owner: &WorkflowRef) -> Result<Option<(u32, ResourceDefinition)>, Error> {
    let is_owners = PropFilter::Is(WORKFLOW_ID.to_owned(), owner.workflow_id());
    let query = DefinitionQuery { props: vec![is_owners], ..DefinitionQuery::default() };
    let (all, instance) = (linstor.definitions(&query).await?, owner_instance(owner));
    let numbered = all.into_iter().filter_map(|one| {
        let (of, number) = generation::of(&ResourceName::parse(&one.name.to_ascii_lowercase()).ok()?)?;
        (of == instance).then_some((number, one))
    });
    Ok(numbered.max_by_key(|(number, _)| *number))
}

/// The present generation, where this name was given up for it.
pub(super) fn superseding(resource: &ResourceName, owner: &Props) -> Option<u32> {
    standing::is_given_up(resource, owner).then(|| generation::current(owner))
}

/// The present generation of the owner's volume.
pub(super) async fn current(linstor: &Client, owner: &WorkflowRef) -> Result<u32, Error> {
    Ok(generation::current(&linstor.kv(&owner_instance(owner)).await?.unwrap_or_default()))
}

/// The generation of this name.
pub(super) fn own(resource: &ResourceName) -> u32 {
    generation::of(resource).map_or(0, |(_, generation)| generation)
}

/// Gives up the generation of this name, and answers the present one.
pub(super) async fn supersede(linstor: &Client, owner: &WorkflowRef, resource: &ResourceName) -> Result<u32, Error> {
    let given_up = own(resource);
    let current = current(linstor, owner).await?;
    if current > given_up {
        return Ok(current);
    }
    tracing::info!(%owner, %resource, "the owner's volume is being deleted; its next generation takes its place");
    let change = generation::give_up(given_up, &Token::random()?, Moment::now());
    standing::write(linstor, &owner_instance(owner), &change).await?;
    Ok(given_up.saturating_add(1))
}

/// Says that this generation is used, and looks whether it still may be; where it may not, its names are being forgotten.
pub(super) async fn use_now(linstor: &Client, owner: &WorkflowRef, generation: u32) -> Result<(), Error> {
    let (instance, now) = (owner_instance(owner), Moment::now());
    standing::write(linstor, &instance, &generation::use_now(&Token::random()?, now)).await?;
    let store = linstor.kv(&instance).await?.unwrap_or_default();
    match generation::is_usable(generation, &store, now) {
        true => Ok(()),
        false => Err(OwnedError::Forgetting { owner: owner.to_string() }.into()),
    }
}
