//! ListVolumes and ControllerGetVolume: what is there, and where it is attached.

use std::collections::BTreeMap;

use super::{Error, id::VolumeId, known::Known, record::Ledger};
use crate::linstor::{
    Client,
    model::{DefinitionQuery, PropFilter, ResourceDefinition},
    name::{NodeName, ResourceName},
};
use crate::workflow::tag::{self, Tags};

/// What marks a page token as ours. The rest is the name of the last volume of the page before.
const TOKEN_PREFIX: &str = "after:";

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

/// A part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumePage {
    /// The volumes, by name.
    pub volumes: Vec<Listed>,
    /// What asks for the next part; none: there is no more.
    pub next: Option<String>,
}

/// Lists our volumes by name, at most `max` (0: all) after where the token says. Two requests at any size.
///
/// A token names the last volume of the page before, not a position: volumes that come and go meanwhile neither hide
/// nor repeat others.
pub async fn list(linstor: &Client, token: &str, max: usize) -> Result<VolumePage, Error> {
    let after = parse_token(token)?;
    let ours = DefinitionQuery { props: vec![PropFilter::Has(tag::DRIVER.to_owned())], ..DefinitionQuery::default() };
    let (mut definitions, stores) = tokio::try_join!(linstor.definitions(&ours), linstor.kv_list())?;
    definitions.retain(|definition| !definition.is_deleting() && sort_key(&definition.name) > after);
    definitions.sort_by_key(|definition| sort_key(&definition.name));
    let is_last = max == 0 || definitions.len() <= max;
    if !is_last {
        definitions.truncate(max);
    }
    let next = definitions.last().filter(|_| !is_last).map(|last| next_token(&last.name));
    let volumes = definitions.iter().map(|definition| listed(definition, &stores)).collect::<Result<_, _>>()?;
    Ok(VolumePage { volumes, next })
}

fn listed(
    definition: &ResourceDefinition,
    stores: &BTreeMap<String, BTreeMap<String, String>>,
) -> Result<Listed, Error> {
    let resource = ResourceName::parse(&definition.name)?;
    let ledger = match (Tags::read(&definition.props)?, stores.get(&definition.name)) {
        (Some(tags), Some(store)) => Ledger::read(resource.as_str(), store, &tags.incarnation)?,
        _ => Ledger::default(),
    };
    let bytes = definition.size_kib().unwrap_or_default() * 1024;
    Ok(Listed { id: resource.into(), bytes, attached_to: ledger.attachments.into_keys().collect() })
}

/// One volume and where it is attached. Two requests.
pub async fn get(linstor: &Client, volume: &VolumeId) -> Result<Listed, Error> {
    let known = Known::load(linstor, volume).await?;
    let attached_to = known.ledger.attachments.keys().cloned().collect();
    Ok(Listed { id: volume.clone(), bytes: known.bytes(), attached_to })
}

/// What asks for what comes after this volume.
pub(super) fn next_token(name: &str) -> String {
    format!("{TOKEN_PREFIX}{}", sort_key(name))
}

/// LINSTOR compares names without their case.
pub(super) fn sort_key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// The name after which a list goes on, in lower case.
pub(super) fn parse_token(token: &str) -> Result<String, Error> {
    let bad = || Error::PageToken(token.to_owned());
    match token.strip_prefix(TOKEN_PREFIX) {
        Some(name) => ResourceName::parse(name).map(|name| sort_key(name.as_str())).map_err(|_| bad()),
        None if token.is_empty() => Ok(String::new()),
        None => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_name_of_a_volume_in_any_case() {
        assert_eq!(parse_token("").unwrap(), "");
        assert_eq!(parse_token("after:PVC-1").unwrap(), "pvc-1");
    }

    #[test]
    fn a_token_that_was_not_given_by_us_is_refused() {
        for token in ["2", "pvc-1", "after:", "after:a/b", "After:pvc-1", " "] {
            assert!(matches!(parse_token(token), Err(Error::PageToken(_))), "{token:?}");
        }
    }
}
