//! CreateVolume for a claim that is gone: was a volume begun for it?

use super::Error;
use crate::linstor::{Client, name::ResourceName};
use crate::workflow::{Claim, Tags};

/// Who a volume of this CSI name was made for, where one is there already. A caller whose claim or pod has gone
/// meanwhile must get it still: after a final answer nobody would ask for it again, nor delete it.
///
/// # Errors
/// Those of LINSTOR; [`Error::Tag`].
pub async fn made_for(linstor: &Client, resource: &ResourceName, csi_name: &str) -> Result<Option<Claim>, Error> {
    let Some(definition) = linstor.definition(resource).await? else { return Ok(None) };
    let tags = Tags::read(&definition.props)?.filter(|tags| tags.csi_name == csi_name);
    Ok(tags.map(|tags| Claim {
        pvc_namespace: tags.pvc_namespace,
        pvc_name: tags.pvc_name,
        try_number: tags.try_number,
        ti_id: tags.ti_id,
        retain: tags.retain,
        confirm: tags.confirm,
        ..tags.ownership.into()
    }))
}
