//! A pod's volume on its node, as the attacher and kubelet bring it there and take it away.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use linflow::csi::proto::{
    NodePublishVolumeRequest, NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest,
};
use tonic::{Code, Status};

use crate::{
    cluster::{Bound, Cluster},
    pods::Pod,
    support::{csi, eventually, node, publish},
};

/// A claim that is attached to a node.
pub struct Attached {
    pub bound: Bound,
    pub node: &'static str,
    context: BTreeMap<String, String>,
}

/// A pod that runs, with its volume.
pub struct Running {
    pub pod: Pod,
    pub volume: Attached,
}

impl Cluster {
    /// The pod starts there: its claim, its volume, and all the way to its mount.
    pub async fn start_pod(&self, pod: Pod, scope: &str, node: &'static str) -> Running {
        pod.put(&self.kubernetes, "Pending");
        let bound = self.provision(&pod, scope, node).await;
        let volume = self.attach(bound, node).await.unwrap();
        self.mount(&volume, &pod).await;
        pod.put(&self.kubernetes, "Running");
        Running { pod, volume }
    }

    /// ControllerPublishVolume.
    pub async fn attach(&self, bound: Bound, node: &'static str) -> Result<Attached, Status> {
        let context = self.controller.publish(publish(&bound.id, node)).await?;
        if !self.has_devices {
            self.world.set_open(&bound.id, node, true);
        }
        Ok(Attached { bound, node, context })
    }

    /// The same as the attacher does it: again, until the node has it. Whoever is refused finally is refused so.
    pub async fn attach_in_the_end(&self, bound: Bound, node: &'static str) -> Attached {
        eventually("the attach", async || match self.attach(bound.clone(), node).await {
            Ok(attached) => Some(attached),
            Err(refusal) => {
                let is_open = [Code::FailedPrecondition, Code::Unavailable, Code::Aborted].contains(&refusal.code());
                assert!(is_open, "{refusal}");
                None
            }
        })
        .await
    }

    /// Stages and publishes it for the pod.
    pub async fn mount(&self, volume: &Attached, pod: &Pod) {
        if self.has_devices {
            self.stage(volume).await.unwrap();
            self.publish(volume, pod).await.unwrap();
            // DRBD notices at once what is opened and closed; the sandbox, when it is asked something.
            self.world.sandbox.refresh().unwrap();
        }
    }

    /// NodeStageVolume.
    pub async fn stage(&self, volume: &Attached) -> Result<(), Status> {
        fs::create_dir_all(self.staging(volume)).unwrap();
        let request = NodeStageVolumeRequest {
            volume_id: volume.bound.id.clone(),
            publish_context: volume.context.clone(),
            staging_target_path: self.staging(volume).display().to_string(),
            volume_capability: Some(csi::mount("ext4")),
            ..NodeStageVolumeRequest::default()
        };
        self.node(volume.node).node_stage_volume(request).await.map(drop)
    }

    /// NodePublishVolume.
    pub async fn publish(&self, volume: &Attached, pod: &Pod) -> Result<(), Status> {
        let target = self.target(volume, pod);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        let request = NodePublishVolumeRequest {
            volume_id: volume.bound.id.clone(),
            publish_context: volume.context.clone(),
            staging_target_path: self.staging(volume).display().to_string(),
            target_path: target.display().to_string(),
            volume_capability: Some(csi::mount("ext4")),
            volume_context: node::pod(pod.namespace, &pod.name, &pod.uid),
            ..NodePublishVolumeRequest::default()
        };
        self.node(volume.node).node_publish_volume(request).await.map(drop)
    }

    /// The pod has ended in that phase and is kept: kubelet takes its mounts away. Its claim stays, attached.
    pub async fn end_pod(&self, running: &Running, phase: &str) {
        running.pod.put(&self.kubernetes, phase);
        self.unmount(&running.volume, &running.pod).await;
    }

    /// NodeUnpublishVolume and NodeUnstageVolume.
    pub async fn unmount(&self, volume: &Attached, pod: &Pod) {
        if !self.has_devices {
            return self.world.set_open(&volume.bound.id, volume.node, false);
        }
        let (volume_id, target_path) = (volume.bound.id.clone(), self.target(volume, pod).display().to_string());
        let request = NodeUnpublishVolumeRequest { volume_id: volume_id.clone(), target_path };
        self.node(volume.node).node_unpublish_volume(request).await.unwrap();
        let staging_target_path = self.staging(volume).display().to_string();
        let request = NodeUnstageVolumeRequest { volume_id, staging_target_path };
        self.node(volume.node).node_unstage_volume(request).await.unwrap();
        self.world.sandbox.refresh().unwrap();
    }

    /// The pod, which has ended, is deleted: it is detached, and its claim goes with it.
    pub async fn delete_pod(&self, running: Running) {
        let Running { pod, volume } = running;
        pod.remove(&self.kubernetes);
        self.controller.unpublish(&volume.bound.id, volume.node).await.unwrap();
        self.release(&volume.bound).await;
    }

    /// The task writes a file and has it on the device before it goes on.
    pub fn write(&self, running: &Running, name: &str) {
        if self.has_devices {
            let mut file = File::create(self.file(running, name)).unwrap();
            file.write_all(words(name).as_bytes()).unwrap();
            file.sync_all().unwrap();
        }
    }

    /// The task finds these files, each with what was written, and no other.
    #[track_caller]
    pub fn expect_files(&self, running: &Running, names: &[&str]) {
        if !self.has_devices {
            return;
        }
        let folder = self.target(&running.volume, &running.pod);
        let there = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut there: Vec<String> = there.filter(|name| name != "lost+found").collect();
        there.sort();
        assert_eq!(there, names);
        for name in names {
            assert_eq!(fs::read_to_string(self.file(running, name)).unwrap(), words(name));
        }
    }

    fn file(&self, running: &Running, name: &str) -> PathBuf {
        self.target(&running.volume, &running.pod).join(name)
    }

    fn staging(&self, volume: &Attached) -> PathBuf {
        self.folder(volume.node).join("staging").join(&volume.bound.claim)
    }

    fn target(&self, volume: &Attached, pod: &Pod) -> PathBuf {
        let volume_folder = format!("pods/{}/volumes/kubernetes.io~csi/{}/mount", pod.uid, volume.bound.claim);
        self.folder(volume.node).join(volume_folder)
    }
}

/// What a task writes into a file of that name: more than a page.
fn words(name: &str) -> String {
    format!("{name} of the run\n").repeat(4096)
}
