//! The device on the target, as LINSTOR's view shows it.

use super::{Attach, AttachRequest};
use crate::linstor::model::{Resource, ViewQuery, is_same_name};
use crate::volume::{Error, patience::Patience};

impl<D> Attach<'_, D> {
    /// A 200 of make-available proves nothing: it says so for dead nodes too. The view of an answering satellite does.
    pub(super) async fn await_device(&self, must_promote: bool) -> Result<String, Error> {
        let mut patience = Patience::until(self.until);
        loop {
            let resources = self.view().await?;
            let here = resources.iter().find(|resource| self.is_here(resource));
            let device = here.filter(|resource| !must_promote || resource.may_promote() == Some(true));
            if let Some(device) = device.and_then(|resource| self.device_of(resource)) {
                return Ok(device);
            }
            if !patience.wait().await {
                let AttachRequest { volume, node, .. } = self.request.clone();
                return Err(Error::NotReady { volume, node, seen: describe(here) });
            }
        }
    }

    pub(super) async fn view(&self) -> Result<Vec<Resource>, Error> {
        let query = ViewQuery { resources: vec![self.request.volume.resource().clone()], ..ViewQuery::default() };
        Ok(self.linstor.resources_view(&query).await?)
    }

    pub(super) fn is_here(&self, resource: &Resource) -> bool {
        is_same_name(&resource.node_name, self.request.node.as_str())
    }

    /// The path of the device on the node, where it can be used. A tie-breaker has one and must become a client first.
    pub(super) fn device_of(&self, resource: &Resource) -> Option<String> {
        let is_usable =
            resource.is_live() && !resource.is_deleting() && !resource.is_inactive() && !resource.is_tie_breaker();
        let device = resource.device_path(0).filter(|_| self.is_here(resource) && is_usable)?;
        Some(device.to_owned())
    }
}

/// What was seen of the resource on the node, for people.
fn describe(resource: Option<&Resource>) -> String {
    let Some(resource) = resource else { return "LINSTOR shows no resource there".to_owned() };
    let state = resource.disk_state(0).map_or_else(|| "unknown".to_owned(), |state| state.to_string());
    format!(
        "satellite answers: {}, flags: [{}], disk: {state}, may be promoted: {}",
        resource.is_live(),
        resource.flags.join(", "),
        resource.may_promote().map_or("not said".to_owned(), |may| may.to_string()),
    )
}
