//! What NodeGetInfo tells of its node: asked anew at each call, and from memory while LINSTOR does not answer.
//!
//! Last knowledge is in memory, and in a file for a start while LINSTOR is down. It is a copy of what LINSTOR says, and
//! nothing is decided by it: without it the node is known by its name alone.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Segments, hostname, segments};
use crate::linstor::{
    Client,
    model::{DRBD, is_same_name},
    name::NodeName,
};

/// How long LINSTOR may take. Kubelet asks at registration and asks again when it fails, so that waiting helps nobody.
const ANSWER: Duration = Duration::from_secs(3);

/// How a node tells its topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologySettings {
    /// Is each storage pool a segment?
    pub pools: bool,
    /// Where last knowledge is kept; none: in memory alone.
    pub file: Option<PathBuf>,
}

/// The topology of this node.
#[derive(Debug)]
pub struct NodeTopology {
    linstor: Client,
    name: NodeName,
    settings: TopologySettings,
    last: Mutex<Option<Segments>>,
}

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    node: String,
    segments: Segments,
}

impl NodeTopology {
    /// The topology of the node of that name. Nothing is asked yet.
    pub fn new(linstor: Client, name: NodeName, settings: TopologySettings) -> Self {
        Self { linstor, name, settings, last: Mutex::new(None) }
    }

    /// The node's segments now: two requests side by side. Where LINSTOR does not answer, or doesn't know the node, those
    /// of last time; where there are none, the name alone. Never fails: a node without all its segments still serves its
    /// volumes.
    pub async fn tell(&self) -> Segments {
        let mut last = self.last.lock().await;
        match tokio::time::timeout(ANSWER, self.ask()).await {
            Ok(Ok(segments)) => {
                if last.as_ref() != Some(&segments) {
                    self.keep(&segments).await;
                    *last = Some(segments.clone());
                }
                return segments;
            }
            Ok(Err(why)) => tracing::warn!(node = %self.name, why, "can't ask for the node's topology"),
            Err(_) => tracing::warn!(node = %self.name, "LINSTOR does not answer when asked for the node's topology"),
        }
        if last.is_none() {
            *last = self.kept().await;
        }
        last.clone().unwrap_or_else(|| {
            tracing::warn!(
                node = %self.name,
                "the node's topology is its name alone until it registers again while LINSTOR answers"
            );
            hostname(&self.name)
        })
    }

    /// Why this node takes no volumes, and what to do; none where it does, or where nobody knows.
    ///
    /// A node that LINSTOR has ever known is never kept away: what was mounted there must be unmounted, whatever LINSTOR
    /// says now. Nor where LINSTOR does not answer. One request, until the first topology is told.
    pub async fn objection(&self, requires_drbd: bool) -> Option<String> {
        if self.last.lock().await.is_some() || self.kept().await.is_some() {
            return None;
        }
        let name = &self.name;
        let nodes = tokio::time::timeout(ANSWER, self.linstor.nodes(&[name])).await.ok()?.ok()?;
        let Some(node) = nodes.iter().find(|node| is_same_name(&node.name, name.as_str())) else {
            return Some(format!(
                "LINSTOR knows no node {name}, so no volumes are taken here: register it as a satellite, or run no node \
                 plugin on it"
            ));
        };
        if !node.is_online() {
            let status = &node.connection_status;
            return Some(format!(
                "the satellite of node {name} is {status}, so no volumes are taken here yet: start it"
            ));
        }
        let lacks_drbd = requires_drbd && !node.supports_layer(DRBD);
        lacks_drbd.then(|| {
            format!(
                "LINSTOR sees no DRBD on node {name}, so no volumes are taken here: load its kernel module there, or give \
                 --require-drbd false where volumes need none"
            )
        })
    }

    async fn ask(&self) -> Result<Segments, String> {
        let names = [&self.name];
        let pools =
            async { if self.settings.pools { self.linstor.storage_pools(&names, &[]).await } else { Ok(Vec::new()) } };
        let asked = tokio::try_join!(self.linstor.nodes(&names), pools);
        let (nodes, pools) = asked.map_err(|error| error.to_string())?;
        let node = nodes.iter().find(|node| is_same_name(&node.name, self.name.as_str()));
        Ok(segments(&self.name, node.ok_or("LINSTOR knows no node of that name; register it as a satellite")?, &pools))
    }

    /// Writes the file whole, then puts it in place, so that a reader never sees a half.
    async fn keep(&self, segments: &Segments) {
        let Some(file) = &self.settings.file else { return };
        let kept = Kept { node: self.name.to_string(), segments: segments.clone() };
        let text = serde_json::to_vec(&kept).expect("a map of text is JSON");
        if let Err(error) = replace(file, &text).await {
            tracing::warn!(file = %file.display(), %error, "can't keep the node's topology for a restart without LINSTOR");
        }
    }

    async fn kept(&self) -> Option<Segments> {
        let file = self.settings.file.as_ref()?;
        let text = match tokio::fs::read(file).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "can't read the node's last topology");
                return None;
            }
        };
        let kept = serde_json::from_slice::<Kept>(&text).ok().filter(|kept| kept.node == self.name.as_str());
        if kept.is_none() {
            tracing::warn!(file = %file.display(), "the file holds no topology of this node and is not used");
        }
        kept.map(|kept| kept.segments)
    }
}

async fn replace(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    tokio::fs::write(&draft, text).await?;
    tokio::fs::rename(&draft, file).await
}
