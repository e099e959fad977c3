//! ListVolumes and ControllerGetVolume: what is there, and where it is attached.

use std::collections::BTreeMap;

use super::{
    Error,
    id::VolumeId,
    known::Known,
    page::{Listings, Page, PageToken},
    record::Ledger,
};
use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, ResourceDefinition},
    name::{NodeName, ResourceName},
};
use crate::workflow::tag::{self, Tags};

/// A volume as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: VolumeId,
    /// Its size in bytes.
    pub bytes: u64,
    /// The nodes that it is attached to, by their records.
    pub attached_to: Vec<NodeName>,
}

/// A page of our volumes by name, of at most `max` (0: all). Two requests for a whole walk that takes seconds.
pub async fn list(
    linstor: &Client,
    listings: &Listings<Listed>,
    token: &str,
    max: usize,
) -> Result<Page<Listed>, Error> {
    listings.page(&parse_token(token)?, max, all(linstor)).await
}

/// Where a page of volumes begins: they are listed by their names in lower case.
pub(super) fn parse_token(token: &str) -> Result<PageToken, Error> {
    PageToken::parse(token, |key| ResourceName::parse(key).is_ok_and(|name| sort_key(name.as_str()) == key))
}

/// All our volumes by name.
///
/// One whose tags or records can't be read fails the list as a whole: left out, or listed as attached nowhere, it would
/// be detached by whoever compares the list with what should be attached.
async fn all(linstor: &Client) -> Result<BTreeMap<String, Listed>, Error> {
    let ours = DefinitionQuery { props: vec![PropFilter::Has(tag::DRIVER.to_owned())], ..DefinitionQuery::default() };
    let (definitions, stores) = tokio::try_join!(linstor.definitions(&ours), linstor.kv_list())?;
    let stores: Stores = stores.into_iter().map(|(name, store)| (sort_key(&name), store)).collect();
    let there = definitions.iter().filter(|definition| !definition.is_deleting());
    there.map(|definition| Ok((sort_key(&definition.name), listed(definition, &stores)?))).collect()
}

/// Key-value-store instances by name in lower case, for LINSTOR ignores it.
pub(super) type Stores = BTreeMap<String, BTreeMap<String, String>>;

fn listed(definition: &ResourceDefinition, stores: &Stores) -> Result<Listed, Error> {
    let resource = ResourceName::parse(&definition.name)?;
    let ledger = ledger(definition, stores)?;
    let bytes = definition.size_kib().unwrap_or_default() * 1024;
    Ok(Listed { id: resource.into(), bytes, attached_to: ledger.attachments.into_keys().collect() })
}

/// The records of a definition's incarnation.
pub(super) fn ledger(definition: &ResourceDefinition, stores: &Stores) -> Result<Ledger, Error> {
    Ok(match (Tags::read(&definition.props)?, stores.get(&sort_key(&definition.name))) {
        (Some(tags), Some(store)) => Ledger::read(&definition.name, store, &tags.incarnation)?,
        _ => Ledger::default(),
    })
}

/// One volume and where it is attached. Two requests.
pub async fn get(linstor: &Client, volume: &VolumeId) -> Result<Listed, Error> {
    let known = Known::load(linstor, volume).await?;
    let attached_to = known.ledger.attachments.keys().cloned().collect();
    Ok(Listed { id: volume.clone(), bytes: known.bytes(), attached_to })
}

/// LINSTOR compares names without their case.
pub(super) fn sort_key(name: &str) -> String {
    name.to_ascii_lowercase()
}
