//! LINSTOR past linflow: what an administrator or another driver does, and what stands there in the end.

use std::collections::BTreeMap;

use linflow::linstor::{
    model::{Resource, ResourceDefinition, ViewQuery},
    name::ResourceName,
};
use serde_json::{Value, json};

use super::{World, http};

impl World {
    /// Sends a request to LINSTOR; answers the status and the body.
    pub async fn rest(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        http::ask(&self.sandbox.url(), method, path, body).await
    }

    /// The same for a change that must succeed.
    pub async fn change(&self, method: &str, path: &str, body: &Value) {
        http::change(&self.sandbox.url(), method, path, body).await;
    }

    /// Gives a node a property.
    pub async fn label(&self, node: &str, key: &str, value: &str) {
        self.change("PUT", &format!("/v1/nodes/{node}"), &json!({"override_props": {key: value}})).await;
    }

    /// Gives a node another pool with a disk.
    pub async fn add_pool(&self, node: &str, pool: &str) {
        let body = json!({"storage_pool_name": pool, "provider_kind": "FILE_THIN", "props": {"StorDriver/FileDir": format!("/{pool}")}});
        self.change("POST", &format!("/v1/nodes/{node}/storage-pools"), &body).await;
    }

    /// The definition, where there is one.
    pub async fn definition(&self, name: &str) -> Option<ResourceDefinition> {
        self.linstor().definition(&resource(name)).await.unwrap()
    }

    /// The definition's resources.
    pub async fn resources(&self, name: &str) -> Vec<Resource> {
        let query = ViewQuery { resources: vec![resource(name)], nodes: Vec::new() };
        self.linstor().resources_view(&query).await.unwrap()
    }

    /// The node without a replica of the volume: an attach there needs make-available.
    pub async fn bystander(&self, volume: &str) -> String {
        let replicas = self.replicas(volume).await;
        super::NODES.iter().find(|node| !replicas.contains(&(**node).to_owned())).unwrap().to_string()
    }

    /// The nodes with a disk of the volume, in order.
    pub async fn replicas(&self, name: &str) -> Vec<String> {
        let resources = self.resources(name).await;
        let mut nodes: Vec<String> =
            resources.into_iter().filter(|one| !one.is_diskless()).map(|one| one.node_name).collect();
        nodes.sort();
        nodes
    }

    /// The names of the volume's snapshots, whosever.
    pub async fn snapshots_of(&self, volume: &str) -> Vec<String> {
        let all = self.linstor().snapshots(&[resource(volume)]).await.unwrap();
        all.into_iter().map(|snapshot| snapshot.name).collect()
    }

    /// The volume's key-value-store instance; none where there is no such instance.
    pub async fn store(&self, name: &str) -> Option<BTreeMap<String, String>> {
        self.linstor().kv(&resource(name)).await.unwrap()
    }

    /// The attach records of the volume, by node, as JSON. Keys of other incarnations are left out.
    pub async fn records(&self, name: &str) -> BTreeMap<String, Value> {
        let Some(definition) = self.definition(name).await else { return BTreeMap::new() };
        let prefix = format!("{}/attach/", definition.props["Aux/linflow/incarnation"]);
        let store = self.store(name).await.unwrap_or_default();
        let ours =
            store.iter().filter_map(|(key, value)| Some((key.trim_start_matches('/').strip_prefix(&prefix)?, value)));
        ours.map(|(node, value)| (node.to_owned(), serde_json::from_str(value).unwrap())).collect()
    }
}

/// The definition of a name, or of a volume id.
fn resource(name: &str) -> ResourceName {
    super::csi::resource(name).parse().unwrap()
}
