//! ListVolumes and ControllerGetVolume: what is there, and where it is attached.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Error,
    claims::ClaimKey,
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
    PageToken::parse(token, |key| VolumeId::parse(key).is_ok_and(|id| id.to_string() == key))
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
    let mut all = BTreeMap::new();
    for definition in there {
        let ledger = ledger(definition, &stores)?;
        for id in ids(definition, &ledger)? {
            let bytes = definition.size_kib().unwrap_or_default() * 1024;
            all.insert(sort_key(&id.to_string()), Listed { attached_to: attached_to(&id, &ledger), id, bytes });
        }
    }
    Ok(all)
}

/// The volume ids of a definition: one, or one for each claim that it has, or that is still attached.
pub(super) fn ids(definition: &ResourceDefinition, ledger: &Ledger) -> Result<BTreeSet<VolumeId>, Error> {
    let resource = ResourceName::parse(&definition.name)?;
    let attached = ledger.attachments.keys().filter_map(|seat| seat.claim.as_ref());
    let claims: BTreeSet<&ClaimKey> = ledger.claims.keys().chain(attached).collect();
    let of_claim = |claim: &ClaimKey| VolumeId::of_claim(resource.clone(), claim.clone());
    let ids: BTreeSet<VolumeId> = claims.into_iter().map(of_claim).collect();
    Ok(if ids.is_empty() { BTreeSet::from([resource.into()]) } else { ids })
}

/// The nodes that have the volume by this id.
fn attached_to(id: &VolumeId, ledger: &Ledger) -> Vec<NodeName> {
    let own = ledger.attachments.keys().filter(|seat| seat.claim.as_ref() == id.claim());
    own.map(|seat| seat.node.clone()).collect()
}

/// Key-value-store instances by name in lower case, for LINSTOR ignores it.
pub(super) type Stores = BTreeMap<String, BTreeMap<String, String>>;

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
    known.check_claim()?;
    Ok(Listed { id: volume.clone(), bytes: known.bytes(), attached_to: attached_to(volume, &known.ledger) })
}

/// LINSTOR compares names without their case.
pub(super) fn sort_key(name: &str) -> String {
    name.to_ascii_lowercase()
}
