//! Resource definitions and their volumes.

use reqwest::Method;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::model::{
    AutoPlace, DefinitionCreate, DefinitionQuery, NewDefinition, PropFilter, Props, PropsChange, ResourceDefinition,
    VolumeDefinitionChange, VolumeDefinitionCreate, is_same_name,
};
use crate::linstor::name::ResourceName;
use crate::linstor::rc::Replies;
use crate::linstor::request::Request;

const DEFINITION: &str = "resource-definitions/{resource}";

impl Client {
    /// The definitions that the query asks for, with their volumes (`GET /v1/resource-definitions`).
    pub async fn definitions(&self, query: &DefinitionQuery) -> Result<Vec<ResourceDefinition>, Error> {
        let mut request = Request::get("resource-definitions", &[])
            .query("with_volume_definitions", true)
            .query_each("resource_definitions", &query.names)
            .query_each("props", query.props.iter().map(PropFilter::to_query));
        if let Some(page) = query.page {
            request = request.query("limit", page.limit).query("offset", page.offset);
        }
        self.ask(request).await
    }

    /// One definition with its volumes, in one request: the list by name, because the single object comes without them.
    pub async fn definition(&self, name: &ResourceName) -> Result<Option<ResourceDefinition>, Error> {
        let query = DefinitionQuery { names: vec![name.clone()], ..DefinitionQuery::default() };
        let found = self.definitions(&query).await?;
        Ok(found.into_iter().find(|definition| is_same_name(&definition.name, name.as_str())))
    }

    /// Makes a definition without volumes and replicas (`POST /v1/resource-definitions`): what a snapshot is restored to.
    /// Refused with [`Kind::Exists`](crate::linstor::Kind::Exists) where the name is taken.
    pub async fn create_definition(&self, new: &NewDefinition) -> Result<Replies, Error> {
        self.post("resource-definitions", &[], &DefinitionCreate { resource_definition: new }).await
    }

    /// Deletes a definition with its volumes on every node (`DELETE /v1/resource-definitions/{name}`), **also while it
    /// is mounted**, if it has no DRBD layer. One that is not there is fine:
    /// [`Replies::was_not_found`]. While a node that holds a replica is away the definition stays, flagged
    /// ([`ResourceDefinition::is_deleting`]), in spite of the 200.
    pub async fn delete_definition(&self, name: &ResourceName) -> Result<Replies, Error> {
        self.change(Request::change(Method::DELETE, DEFINITION, &[name.as_str()])).await
    }

    /// Adds volume 0 to a definition (`POST /v1/resource-definitions/{name}/volume-definitions`).
    pub async fn create_volume_definition(&self, name: &ResourceName, size_kib: u64) -> Result<Replies, Error> {
        let volume_definition = VolumeDefinitionChange { volume_number: Some(0), size_kib };
        let body = VolumeDefinitionCreate { volume_definition };
        self.post("resource-definitions/{resource}/volume-definitions", &[name.as_str()], &body).await
    }

    /// Gives a volume another size, in KiB (`PUT …/volume-definitions/{volume}`). LINSTOR answers 200 to sizes that do
    /// not fit the pool, and shrinks volumes without the DRBD layer in use: check both before.
    pub async fn resize(&self, name: &ResourceName, volume: u32, size_kib: u64) -> Result<Replies, Error> {
        let body = VolumeDefinitionChange { volume_number: None, size_kib };
        let route = "resource-definitions/{resource}/volume-definitions/{volume}";
        self.put(route, &[name.as_str(), &volume.to_string()], &body).await
    }

    /// Sets and removes properties of a definition, keeping all others (`PUT /v1/resource-definitions/{name}`): all of
    /// them or, where one is refused ([`Kind::Invalid`](crate::linstor::Kind::Invalid)), none. DRBD is adjusted on every
    /// node of it.
    pub async fn modify_definition(
        &self,
        name: &ResourceName,
        overrides: &Props,
        deletes: &[String],
    ) -> Result<Replies, Error> {
        let body = PropsChange { override_props: overrides, delete_props: deletes };
        self.put(DEFINITION, &[name.as_str()], &body).await
    }

    /// Places replicas until there are enough (`POST …/autoplace`).
    pub async fn autoplace(&self, name: &ResourceName, place: &AutoPlace) -> Result<Replies, Error> {
        self.post("resource-definitions/{resource}/autoplace", &[name.as_str()], place).await
    }
}
