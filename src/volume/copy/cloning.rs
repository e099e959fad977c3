//! Clones that LINSTOR makes by itself, where its pools can.

use super::{
    Copy, Copying,
    original::{Original, missing, not_ready},
};
use crate::linstor::{Kind, Object, model::NewClone, rc::code};
use crate::volume::{
    Error,
    create::{CreateRequest, Created},
};

impl Copying<'_> {
    /// Begins the clone with all its properties, and sees it through; none where LINSTOR can't clone there.
    pub(super) async fn clone_by_linstor(
        &self,
        request: &CreateRequest,
        copy: &Copy<'_>,
        original: &Original,
    ) -> Result<Option<Created>, Error> {
        let placement = &copy.create.request.placement;
        self.groups.ensure(self.linstor, placement).await?;
        let properties = copy.properties();
        let new = NewClone {
            name: self.resource.clone(),
            resource_group: Some(placement.group_name()),
            delete_props: super::pour::strays(&original.props, &properties),
            override_props: properties,
        };
        let Err(error) = self.linstor.clone_definition(self.source.resource(), &new).await else {
            copy.record_formatted().await?;
            return copy.stand(super::stand::Seen::default()).await.map(Some);
        };
        match (error.kind(), error.refusal().map(|refusal| refusal.code)) {
            (_, Some(code::FAIL_INVALID_PROVIDER)) => Ok(None),
            (_, Some(code::FAIL_INVALID_RESOURCE_STATE)) | (Some(Kind::NotAllUpToDate), _) => {
                Err(not_ready(self.source, error.to_string()))
            }
            // Another creator was faster.
            (Some(Kind::Exists(Object::Definition)), _) => self.join(request).await.map(Some),
            (Some(Kind::NotFound(Object::Definition)), _) => Err(missing(self.source, "it went away meanwhile")),
            (Some(Kind::NotFound(Object::Group)), _) => {
                self.groups.forget(placement);
                Err(copy.create.no_group())
            }
            _ => Err(copy.undo(error).await),
        }
    }
}
