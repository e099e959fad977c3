//! Forgets the names that an owner's volumes had, a month after the last of them went: LINSTOR would keep an instance for
//! every run that there ever was (docs/decisions.md, Names; `volume/generation.rs` has the rules).
//!
//! ```text
//! mark the owner's instance ─► look for definitions ─► look at the instance ─► remove what was seen │ take the mark back
//! ```

use crate::linstor::{
    Client,
    model::{DefinitionQuery, Props},
    name::ResourceName,
};
use crate::volume::{Error, ending::Token, generation, moment::Moment, standing};

/// The most definitions that are looked for with one request.
const MOST_NAMES: u32 = 100;

/// May this instance be forgotten, as far as a look at all of them tells? What had more names than a request can ask for
/// is kept.
pub(super) fn is_due(instance: &str, store: &Props, now: Moment) -> bool {
    generation::is_owner(instance) && generation::current(store) < MOST_NAMES && generation::is_forgettable(store, now)
}

/// Forgets the owner of this instance, unless somebody comes back meanwhile; answers whether. Four requests.
pub(super) async fn forget(linstor: &Client, owner: &ResourceName, seen: &Props, now: Moment) -> Result<bool, Error> {
    let token = Token::random()?;
    standing::write(linstor, owner, &generation::forgetting(&token, now)).await?;
    let query = DefinitionQuery { names: generation::names(owner, seen).collect(), ..DefinitionQuery::default() };
    let there = linstor.definitions(&query).await?;
    let store = linstor.kv(owner).await?.unwrap_or_default();
    let (change, is_forgotten) = generation::forgotten(&token, !there.is_empty(), &store, now);
    standing::write(linstor, owner, &change).await?;
    Ok(is_forgotten)
}
