//! LINSTOR past linflow: what an administrator or another driver does, and what stands there in the end.

use std::collections::BTreeMap;

use linflow::linstor::{
    model::{Resource, ResourceDefinition, ViewQuery},
    name::ResourceName,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::World;

impl World {
    /// Sends a request to LINSTOR; answers the status and the body.
    pub async fn rest(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = self.sandbox.url();
        let address = url.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: linstor\r\nconnection: close\r\n");
        let length = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{length}{body}").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// The same for a change that must succeed.
    pub async fn change(&self, method: &str, path: &str, body: &Value) {
        let (status, answer) = self.rest(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
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

fn resource(name: &str) -> ResourceName {
    name.parse().unwrap()
}
