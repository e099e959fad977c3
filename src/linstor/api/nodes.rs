//! Nodes and storage pools.

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::model::{Node, PropFilter, StoragePool};
use crate::linstor::name::{NodeName, PoolName};
use crate::linstor::request::Request;

impl Client {
    /// These nodes, or all where none is named (`GET /v1/nodes`). Unknown ones are left out.
    pub async fn nodes(&self, nodes: &[&NodeName]) -> Result<Vec<Node>, Error> {
        self.ask(Request::get("nodes", &[]).query_each("nodes", nodes)).await
    }

    /// The nodes with all these properties (`GET /v1/nodes?props=…`); an empty list means all.
    pub async fn nodes_with(&self, props: &[PropFilter]) -> Result<Vec<Node>, Error> {
        self.ask(Request::get("nodes", &[]).query_each("props", props.iter().map(PropFilter::to_query))).await
    }

    /// The storage pools of these names on these nodes; an empty list means all (`GET /v1/view/storage-pools`). Sizes
    /// are those last reported: to ask every satellite takes a lock that holds up all changes.
    pub async fn storage_pools(&self, nodes: &[&NodeName], pools: &[&PoolName]) -> Result<Vec<StoragePool>, Error> {
        let request = Request::get("view/storage-pools", &[])
            .query_each("nodes", nodes)
            .query_each("storage_pools", pools)
            .query("cached", true);
        self.ask(request).await
    }
}
