//! The pods of one run, each with a claim of its own, as Kubernetes and its sidecars bring them to the controllers.

use std::{collections::BTreeSet, future::Future, time::Duration};

use linflow::{
    csi::{
        controller::ControllerService,
        proto::{ControllerUnpublishVolumeRequest, CreateVolumeRequest, DeleteVolumeRequest},
    },
    sandbox::latency::Latency,
    workflow::{AnyDirectory, Instances},
};
use serde_json::{Value, json};
use tonic::Status;

use crate::{
    sidecar::{ATTACHER, PROVISIONER, Sidecar, Wave, within},
    support::{
        Controller, PATIENCE, World,
        csi::resource,
        kubernetes::{Kubernetes, Pvc, pvc, recorded},
        publish,
    },
};

/// A pod that Airflow's KubernetesExecutor made, with a generic ephemeral volume.
const RECORDING: &str = "af3_ke_ephemeral_pvc";
/// The name of that volume.
const VOLUME: &str = "scratch";
/// Where all of them are attached.
const NODE: &str = "node-2";

/// One pod of the run, and its claim.
pub struct Member {
    /// The pod's manifest.
    pub pod: Value,
    /// The claim's, as the ephemeral volume controller makes it.
    pub claim: Value,
}

/// So many pods of the run that was recorded.
pub fn members(count: usize) -> Vec<Member> {
    let recorded: Value = serde_norway::from_str(&recorded(RECORDING)).unwrap();
    (0..count).map(|number| Member::new(&recorded, number)).collect()
}

impl Kubernetes {
    /// Writes the manifests of all of them.
    pub fn put_crowd(&self, members: &[Member]) {
        for (number, Member { pod, claim }) in members.iter().enumerate() {
            self.put(&format!("pod-{number}"), &pod.to_string());
            self.put(&format!("claim-{number}"), &claim.to_string());
        }
    }
}

impl Member {
    fn new(recorded: &Value, number: usize) -> Self {
        let mut pod = recorded.clone();
        let (name, uid) = (format!("etl-daily-extract-{number}"), format!("{number:08x}-1111-4222-8333-444444444444"));
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["uid"] = json!(uid);
        let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": true});
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            "name": format!("{name}-{VOLUME}"),
            "namespace": pod["metadata"]["namespace"],
            "uid": format!("{number:08x}-5555-4666-8777-888888888888"),
            "ownerReferences": [owner],
        }});
        Self { pod, claim }
    }

    /// What external-provisioner asks for it.
    fn request(&self) -> CreateVolumeRequest {
        let text = |key: &str| self.claim["metadata"][key].as_str().unwrap();
        let pvc = Pvc { name: text("name"), namespace: text("namespace"), ..pvc(text("uid")) };
        pvc.request().parameter("scope", "run").into()
    }
}

/// The crowd before its controllers, each of which has sidecars of its own and so a wave of its own.
pub struct Crowd {
    pub world: World,
    controllers: Vec<Controller>,
    requests: Vec<CreateVolumeRequest>,
}

impl Crowd {
    /// These pods, and a controller for each of these looks at Kubernetes. LINSTOR takes that long.
    pub async fn gather(members: &[Member], directories: Vec<AnyDirectory>, latency: Latency) -> Self {
        let world = World::start().await;
        let mut controllers = Vec::new();
        for directory in directories {
            let service = ControllerService::new(world.linstor(), Instances::default(), PATIENCE);
            controllers.push(world.serve(service.with_directory(directory)).await);
        }
        world.sandbox.set_latency(latency);
        Self { world, controllers, requests: members.iter().map(Member::request).collect() }
    }

    /// CreateVolume for every claim: the ids.
    pub async fn claim(&self) -> Vec<Wave<String>> {
        let requests = self.requests.clone();
        self.bring(PROVISIONER, requests.len(), move |controller, item, deadline| {
            let request = within(deadline, requests[item].clone());
            async move { Ok(controller.client.clone().create_volume(request).await?.into_inner().volume.unwrap().volume_id) }
        })
        .await
    }

    /// ControllerPublishVolume of these claims, to one node.
    pub async fn attach(&self, ids: &[String]) -> Vec<Wave<()>> {
        let ids = ids.to_vec();
        self.bring(ATTACHER, ids.len(), move |controller, item, deadline| {
            let request = within(deadline, publish(&ids[item], NODE));
            async move { controller.client.clone().controller_publish_volume(request).await.map(drop) }
        })
        .await
    }

    /// ControllerUnpublishVolume of these claims.
    pub async fn detach(&self, ids: &[String]) -> Vec<Wave<()>> {
        let ids = ids.to_vec();
        self.bring(ATTACHER, ids.len(), move |controller, item, deadline| {
            let request = within(
                deadline,
                ControllerUnpublishVolumeRequest {
                    volume_id: ids[item].clone(),
                    node_id: NODE.to_owned(),
                    ..ControllerUnpublishVolumeRequest::default()
                },
            );
            async move { controller.client.clone().controller_unpublish_volume(request).await.map(drop) }
        })
        .await
    }

    /// DeleteVolume of these claims.
    pub async fn release(&self, ids: &[String]) -> Vec<Wave<()>> {
        let ids = ids.to_vec();
        self.bring(PROVISIONER, ids.len(), move |controller, item, deadline| {
            let volume_id = ids[item].clone();
            let request = within(deadline, DeleteVolumeRequest { volume_id, ..DeleteVolumeRequest::default() });
            async move { controller.client.clone().delete_volume(request).await.map(drop) }
        })
        .await
    }

    /// How many claims are recorded.
    pub async fn recorded(&self, id: &str) -> usize {
        let store = self.world.store(resource(id)).await.unwrap();
        let claims = store.keys().filter_map(|key| key.split_once("/claim/")?.1.split('/').next());
        claims.collect::<BTreeSet<_>>().len()
    }

    /// How many are attached.
    pub async fn attached(&self, id: &str) -> usize {
        self.world.records(resource(id)).await.len()
    }

    /// Brings so many items to the controllers, each to its own one. What LINSTOR is asked is counted from here.
    async fn bring<T, F>(
        &self,
        sidecar: Sidecar,
        items: usize,
        call: impl Fn(Controller, usize, Duration) -> F + Clone + Send + Sync + 'static,
    ) -> Vec<Wave<T>>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        self.world.sandbox.requests().reset();
        let mut under_way = Vec::new();
        for (first, controller) in self.controllers.iter().enumerate() {
            let items = (first..items).step_by(self.controllers.len());
            let (controller, call) = (controller.clone(), call.clone());
            let wave = sidecar.serve(items, move |item, deadline| call(controller.clone(), item, deadline));
            under_way.push(tokio::spawn(wave));
        }
        // In the order of the controllers, whichever was done first.
        let mut waves = Vec::new();
        for wave in under_way {
            waves.push(wave.await.unwrap());
        }
        waves
    }
}
