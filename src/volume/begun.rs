//! CreateVolume for a claim that is gone: was a volume begun for it?

use super::{
    Error,
    claims::{ClaimKey, ClaimRecord},
    record::Ledger,
};
use crate::linstor::{Client, name::ResourceName};
use crate::workflow::{Claim, Tags};

/// Who a volume of this CSI name was made for, where one is there already, or a claim of an owner's volume that stands. A
/// caller whose claim or pod has gone meanwhile must get it still: after a final answer nobody would ask for it again, nor
/// delete it.
///
/// An owner's volume can't be found by the CSI name of one of its claims, so all records are looked at before the answer
/// is that there is none: two requests, or three.
///
/// # Errors
/// Those of LINSTOR; [`Error::Tag`].
pub async fn made_for(linstor: &Client, resource: &ResourceName, csi_name: &str) -> Result<Option<Claim>, Error> {
    let Some(definition) = linstor.definition(resource).await? else { return claimed_by(linstor, csi_name).await };
    let tags = Tags::read(&definition.props)?.filter(|tags| tags.csi_name == csi_name);
    Ok(tags.map(|tags| {
        let (pvc_namespace, pvc_name) = (tags.pvc_namespace.clone(), tags.pvc_name.clone());
        Claim { pvc_namespace, pvc_name, try_number: tags.try_number, ti_id: tags.ti_id.clone(), ..said(tags) }
    }))
}

/// The claim of that CSI name.
async fn claimed_by(linstor: &Client, csi_name: &str) -> Result<Option<Claim>, Error> {
    let key = ClaimKey::of(csi_name);
    for (name, store) in linstor.kv_list().await? {
        // The records of others, and of what is gone, are told apart by the definition.
        let is_named = store.keys().any(|record| record.contains(key.as_str()));
        let Ok(resource) = ResourceName::parse(&name) else { continue };
        let Some(definition) = (if is_named { linstor.definition(&resource).await? } else { None }) else { continue };
        let Some(tags) = Tags::read(&definition.props)?.filter(|_| !definition.is_deleting()) else { continue };
        let mut ledger = Ledger::read(&name, &store, &tags.incarnation)?;
        if let Some(ClaimRecord { pvc, pod, .. }) = ledger.claims.remove(&key) {
            let (pvc_namespace, pvc_name) = pvc.map(|pvc| (pvc.namespace, pvc.name)).unzip();
            return Ok(Some(Claim { pvc_namespace, pvc_name, pod, ..said(tags) }));
        }
    }
    Ok(None)
}

/// What the volume's tag says for all of its claims.
fn said(tags: Tags) -> Claim {
    Claim { retain: tags.retain, confirm: tags.confirm, ..tags.ownership.into() }
}
