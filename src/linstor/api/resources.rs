//! Resources: the replicas and diskless clients of a definition.

use reqwest::Method;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::model::{MakeAvailable, NewResource, Resource, ViewQuery};
use crate::linstor::name::{NodeName, PoolName, ResourceName};
use crate::linstor::rc::Replies;
use crate::linstor::request::Request;

const RESOURCE: &str = "resource-definitions/{resource}/resources/{node}";

impl Client {
    /// The resources that the query asks for, with their volumes and state (`GET /v1/view/resources`). Those without a
    /// volume are left out by LINSTOR. An empty query asks every satellite: name what is needed.
    pub async fn resources_view(&self, query: &ViewQuery) -> Result<Vec<Resource>, Error> {
        let request = Request::get("view/resources", &[])
            .query_each("resources", &query.resources)
            .query_each("nodes", &query.nodes);
        self.ask(request).await
    }

    /// Makes a diskless resource of DRBD in this pool (`POST …/resources/{node}`). One that is there is fine, whatever
    /// its pool.
    pub async fn create_diskless(
        &self,
        name: &ResourceName,
        node: &NodeName,
        pool: &PoolName,
    ) -> Result<Replies, Error> {
        self.post(RESOURCE, &[name.as_str(), node.as_str()], &NewResource::diskless(pool)).await
    }

    /// Makes a volume usable on a node (`POST …/resources/{node}/make-available`): a diskless client of DRBD, or a
    /// replica where `diskful`. A 200 proves nothing: LINSTOR says it for dead nodes too, so look at the view. **Never
    /// for a volume without the DRBD layer on a node that has no replica: LINSTOR would make an empty twin there.**
    pub async fn make_available(&self, name: &ResourceName, node: &NodeName, diskful: bool) -> Result<Replies, Error> {
        let route = "resource-definitions/{resource}/resources/{node}/make-available";
        self.post(route, &[name.as_str(), node.as_str()], &MakeAvailable { diskful }).await
    }

    /// Removes a resource from a node (`DELETE …/resources/{node}?keep_tiebreaker=true`), **with its data if it has a
    /// disk**. Of a DRBD volume the last diskless client becomes the tie-breaker instead. To delete a tie-breaker
    /// switches quorum off, and on a node that is away it makes a second writer possible: look before.
    pub async fn delete_resource(&self, name: &ResourceName, node: &NodeName) -> Result<Replies, Error> {
        let request = Request::change(Method::DELETE, RESOURCE, &[name.as_str(), node.as_str()]);
        self.change(request.query("keep_tiebreaker", true)).await
    }
}
