//! The story, step by step. A task of Airflow has a volume; its node dies, and later the other one; each try of the task
//! finds the data.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;
use tonic::Code;

use super::{
    calls::{self, Attached},
    cluster::{self, Cluster, NODES},
    data,
    ending::Ending,
    error::Error,
    pods::TaskPod,
    print::{Seen, Teller},
};
use crate::linstor::{
    model::{DiskState, Resource, is_same_name},
    name::ResourceName,
};
use crate::sandbox::bytes::ReplicaKey;
use crate::volume::VolumeId;
use crate::workflow::key;

/// The size of the volume.
const VOLUME_BYTES: i64 = 256 << 20;
/// How much is written.
const DATA_MIB: usize = 64;
/// How long the cluster may take to be as it must be.
const PATIENCE: Duration = Duration::from_secs(15);
/// Where the story begins.
const HOME: &str = NODES[0];
/// What is written while the first node is away.
const NOTE: &str = "written while node-1 was away\n";

/// Where the story is.
pub struct Story {
    cluster: Cluster,
    /// The pod of the present try.
    claimant: TaskPod,
    /// The pods of the tries before.
    earlier: Vec<TaskPod>,
    foreign: TaskPod,
    /// Do nodes have devices? Else books are kept, and the steps that need devices are left out.
    has_devices: bool,
    /// The volume, and where it is attached.
    attached: Attached,
    /// The ids of the claims of all tries.
    claims: Vec<String>,
    /// The node with the other replica.
    survivor: String,
    /// Of what was written.
    sha256: String,
}

impl Story {
    /// Begins: makes the volume.
    pub async fn begin(cluster: Cluster, teller: &Teller) -> Result<Self, Error> {
        let (claimant, foreign) = (TaskPod::claimant(data::random_uid()?, 1)?, TaskPod::foreign(data::random_uid()?)?);
        foreign.write_to(&cluster.work.pods()).await?;
        let has_devices = cluster.has_devices();
        let (attached, survivor, sha256) = (Attached::default(), String::new(), String::new());
        let (earlier, claims) = (Vec::new(), Vec::new());
        let mut story = Self { cluster, claimant, earlier, foreign, has_devices, attached, claims, survivor, sha256 };
        let requests = story.cluster.sandbox.requests();
        teller.step("create", &requests, story.create()).await?;
        Ok(story)
    }

    /// Tells the rest.
    pub async fn tell(mut self, teller: &Teller) -> Result<(), Error> {
        let requests = &self.cluster.sandbox.requests();
        let (has_devices, survivor) = (self.has_devices, self.survivor.clone());
        teller.step("attach", requests, self.attach(HOME)).await?;
        if has_devices {
            teller.step("stage", requests, self.stage()).await?;
        }
        teller.step("refuse", requests, self.refuse_foreign_pod()).await?;
        if has_devices {
            teller.step("publish", requests, self.publish()).await?;
            teller.step("write", requests, self.write()).await?;
        }
        teller.step("crash", requests, self.crash(HOME)).await?;
        teller.step("retry", requests, self.retry(&survivor)).await?;
        teller.step("failover", requests, self.attach(&survivor)).await?;
        if has_devices {
            teller.step("mount", requests, self.mount()).await?;
            teller.step("verify", requests, self.verify()).await?;
        }
        teller.step("stale", requests, self.return_stale()).await?;
        teller.step("distrust", requests, self.refuse_stale_replica()).await?;
        teller.step("return", requests, self.return_survivor()).await?;
        teller.step("again", requests, self.retry(HOME)).await?;
        teller.step("home", requests, self.attach(HOME)).await?;
        if has_devices {
            teller.step("remount", requests, self.mount()).await?;
            teller.step("reread", requests, self.verify_all()).await?;
            teller.step("unpublish", requests, self.unpublish()).await?;
            teller.step("unstage", requests, self.unstage()).await?;
        }
        teller.step("detach", requests, self.detach()).await?;
        teller.step("release", requests, self.release()).await?;
        let (resource, claimant) = (self.resource()?, &self.claimant);
        let mut end = Ending::new(&self.cluster, resource, claimant)?;
        teller.step("finish", requests, end.finish()).await?;
        teller.step("reap", requests, end.reap()).await?;
        teller.step("check", requests, end.check()).await
    }

    /// The present try's pod and its claim are made, and the claim's volume is asked for.
    async fn ask(&mut self, node: &str) -> Result<(), Error> {
        let (folder, uid) = (self.cluster.work.pods(), data::random_uid()?);
        self.claimant.write_to(&folder).await?;
        self.claimant.write_claim_to(&folder, &uid, &[]).await?;
        let request = calls::volume_of_task(&format!("pvc-{uid}"), VOLUME_BYTES, &self.claimant, node);
        self.attached.volume = self.cluster.calls.create(request).await?;
        self.claims.push(self.attached.volume.volume_id.clone());
        Ok(())
    }

    async fn create(&mut self) -> Result<Seen, Error> {
        self.ask(HOME).await?;
        let TaskPod { namespace, dag_id, run_id, task_id, .. } = &self.claimant;
        let view = self.cluster.view(&self.resource()?).await?;
        let replicas: Vec<&str> = cluster::names(&view, |resource| !resource.is_diskless());
        let other = replicas.iter().find(|node| !is_same_name(node, HOME)).copied();
        let expected = "a replica on node-1 and one on another node";
        self.survivor = other.ok_or_else(|| Error::Unexpected { expected, seen: replicas.join(", ") })?.to_owned();
        let line = format!("{} MiB, replicas on {}", VOLUME_BYTES >> 20, replicas.join(" and "));
        let voters = cluster::names(&view, Resource::is_tie_breaker);
        Ok(Seen::new(format!("{line}, tie-breaker on {}", voters.join(", ")))
            .note(format!("owner: task {task_id} of run {run_id} of DAG {dag_id} in {namespace}"))
            .note(format!(
                "pod {} owns the claim and shows these ids; the class names only the scope",
                self.claimant.name
            ))
            .fact("volume", self.attached.volume.volume_id.clone())
            .looked(1))
    }

    /// The task is tried again, by a pod of its own with a claim of its own.
    async fn retry(&mut self, node: &str) -> Result<Seen, Error> {
        let (before, try_number) = (self.resource()?, self.claims.len() + 1);
        let next = TaskPod::claimant(data::random_uid()?, try_number)?;
        self.earlier.push(std::mem::replace(&mut self.claimant, next));
        self.ask(node).await?;
        let resource = self.resource()?;
        if resource != before {
            return Err(Error::Unexpected { expected: "the volume of the first try", seen: resource.to_string() });
        }
        Ok(Seen::new(format!("try {try_number} is pod {}, with a claim of its own", self.claimant.name))
            .note(format!("the task has a volume already: {resource}")))
    }

    /// Asks as external-attacher does: again, until the node has the volume or patience ends. The driver gives a dead
    /// node up only once LINSTOR shows that a survivor may be promoted.
    async fn attach(&mut self, node: &str) -> Result<Seen, Error> {
        let (deadline, mut refusals) = (Instant::now() + PATIENCE, 0);
        self.attached = loop {
            match self.cluster.calls.attach(&self.attached.volume, node).await {
                Err(Error::Call { .. }) if Instant::now() < deadline => refusals += 1,
                answer => break answer?,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        self.play_opener(node, true).await?;
        let device = self.device(node).await?;
        let line = format!("{node} has it as {device}");
        Ok(if refusals > 0 { Seen::new(format!("{line}, after {refusals} refusals")) } else { Seen::new(line) }
            .looked(1))
    }

    async fn stage(&mut self) -> Result<Seen, Error> {
        self.cluster.calls.stage(&self.attached, &self.staging()).await?;
        Ok(Seen::new("ext4 made, marked as ours and mounted"))
    }

    /// A pod of another DAG tries a claim of its own that names the task's DAG, and then the task's own claim.
    async fn refuse_foreign_pod(&mut self) -> Result<Seen, Error> {
        let uid = data::random_uid()?;
        let forged = [(key::DAG_ID, &*self.claimant.dag_id)];
        self.foreign.write_claim_to(&self.cluster.work.pods(), &uid, &forged).await?;
        let request = calls::volume_of_task(&format!("pvc-{uid}"), VOLUME_BYTES, &self.foreign, HOME);
        let created = self.cluster.calls.create(request).await;
        let claim = calls::refusal("CreateVolume for a foreign pod", Code::PermissionDenied, created)?;
        let target = self.target(&self.foreign);
        let published =
            self.cluster.calls.publish(&self.attached, self.foreign.mount_info(), &self.staging(), &target).await;
        let message = calls::refusal("NodePublishVolume for a foreign pod", Code::PermissionDenied, published)?;
        let mounts = self.cluster.work.mounts_below(&target).await?.len();
        if mounts > 0 {
            return Err(Error::Unexpected { expected: "no mount", seen: format!("{mounts} at {}", target.display()) });
        }
        Ok(Seen::new(format!("pod {} of another DAG may not have it", self.foreign.name))
            .note(format!("PERMISSION_DENIED: {claim}"))
            .note(format!("PERMISSION_DENIED: {message}")))
    }

    async fn publish(&mut self) -> Result<Seen, Error> {
        let target = self.target(&self.claimant);
        self.cluster.calls.publish(&self.attached, self.claimant.mount_info(), &self.staging(), &target).await?;
        Ok(Seen::new(format!("pod {} is of the task: mounted for it", self.claimant.name)))
    }

    async fn write(&mut self) -> Result<Seen, Error> {
        self.sha256 = data::write_random(&self.file("data"), DATA_MIB).await?;
        Ok(Seen::new(format!("{DATA_MIB} MiB, SHA-256 {}…", &self.sha256[..16])).fact("sha256", self.sha256.clone()))
    }

    async fn crash(&mut self, node: &str) -> Result<Seen, Error> {
        let name = node.to_owned();
        self.cluster.befall(move |cluster| cluster.crash(&name)).await?;
        let detached = self.cluster.work.detach_below(&self.cluster.work.node(node)).await?;
        let seen = Seen::new(format!("{node} has lost its power"));
        Ok(match detached {
            0 => seen,
            _ => seen.note(format!("this machine plays all nodes, so the demo detached its {detached} mounts lazily")),
        })
    }

    async fn mount(&mut self) -> Result<Seen, Error> {
        self.stage().await?;
        self.publish().await?;
        Ok(Seen::new(format!("staged and published on {}: checked and mounted, not formatted", self.attached.node)))
    }

    async fn verify(&mut self) -> Result<Seen, Error> {
        let read = data::checksum(&self.file("data")).await?;
        if read != self.sha256 {
            return Err(Error::Checksum { written: self.sha256.clone(), read });
        }
        let (node, work) = (&self.attached.node, &self.cluster.work);
        let file = work.file_under(&self.target(&self.claimant)).await?;
        if !file.starts_with(work.state().join(node)) {
            return Err(Error::Unexpected { expected: "this node's own replica", seen: file.display().to_string() });
        }
        let shown = file.strip_prefix(work.state()).unwrap_or(&file).display().to_string();
        let which =
            if node == HOME { "the first replica" } else { "the other replica, not the one that was written to" };
        Ok(Seen::new(format!("{DATA_MIB} MiB read on {node}: the checksum holds"))
            .note(format!("the mount's loop device is on {shown}: {which}"))
            .fact("sha256", read)
            .fact("file", shown))
    }

    /// The first node returns, cut off from its peers. Its replica missed a write, and knows nothing of it.
    async fn return_stale(&mut self) -> Result<Seen, Error> {
        if self.has_devices {
            data::write_note(&self.file("note"), NOTE).await?;
        }
        self.cluster.befall(|cluster| cluster.restore_apart(HOME)).await?;
        let view = self.cluster.view(&self.resource()?).await?;
        let home = cluster::on(&view, HOME)?;
        let disk = home.disk_state(0).map_or_else(|| "nothing".to_owned(), |state| state.to_string());
        if home.may_promote() != Some(false) {
            let seen = format!("disk {disk}, may promote {:?}", home.may_promote());
            return Err(Error::Unexpected { expected: "a replica that may not be promoted", seen });
        }
        let line = format!("{HOME} is back, cut off and missing a write; it claims {disk}, but may not be promoted");
        let seen = Seen::new(line);
        let Some(device) = home.device_path(0).filter(|_| self.has_devices) else { return Ok(seen.looked(1)) };
        match data::write_back(Path::new(device)).await {
            Ok(()) => Err(Error::NotRefused("writing to a stale replica")),
            Err(Error::File { source, .. }) => Ok(seen.note(format!("writing to its {device}: {source}")).looked(1)),
            Err(other) => Err(other),
        }
    }

    /// The node with the only up-to-date replica dies too: rather no data than old data.
    async fn refuse_stale_replica(&mut self) -> Result<Seen, Error> {
        let survivor = self.survivor.clone();
        self.crash(&survivor).await?;
        let attached = self.cluster.calls.attach(&self.attached.volume, HOME).await;
        let message = calls::refusal("attaching to a stale replica", Code::FailedPrecondition, attached)?;
        let line = format!("{survivor} is lost too; {HOME} may not have it, asked for up to {:?}", cluster::PATIENCE);
        Ok(Seen::new(line).note(format!("FAILED_PRECONDITION: {message}")))
    }

    /// The other node returns, and kubelet tidies up there; the first node's replica catches up.
    async fn return_survivor(&mut self) -> Result<Seen, Error> {
        let survivor = self.survivor.clone();
        self.cluster.befall(move |cluster| cluster.restore(&survivor)).await?;
        if self.has_devices {
            self.unpublish().await?;
            self.unstage().await?;
        }
        self.detach().await?;
        for pod in self.earlier.iter_mut().chain([&mut self.claimant]) {
            pod.fail_in(&self.cluster.work.pods()).await?;
        }
        let (deadline, mut looks) = (Instant::now() + PATIENCE, 1);
        while cluster::on(&self.cluster.view(&self.resource()?).await?, HOME)?.disk_state(0)
            != Some(DiskState::UpToDate)
        {
            if Instant::now() >= deadline {
                let seen = format!("none within {PATIENCE:?}");
                return Err(Error::Unexpected { expected: "a resync", seen });
            }
            looks += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Seen::new(format!("{} is back; {HOME} has resynced: UpToDate", self.survivor)).looked(looks))
    }

    /// What was written first, and what was written while this replica was away.
    async fn verify_all(&mut self) -> Result<Seen, Error> {
        let seen = self.verify().await?;
        let path = self.file("note");
        let note = tokio::fs::read_to_string(&path).await.map_err(Error::file("read", &path))?;
        if note != NOTE {
            return Err(Error::Unexpected { expected: "the note that was written meanwhile", seen: note });
        }
        Ok(seen.note(format!("and what it missed is there: {:?}", NOTE.trim_end())))
    }

    async fn unpublish(&mut self) -> Result<Seen, Error> {
        self.cluster.calls.unpublish(&self.attached, &self.target(&self.claimant)).await?;
        Ok(Seen::new(format!("unmounted from pod {}", self.claimant.name)))
    }

    async fn unstage(&mut self) -> Result<Seen, Error> {
        self.cluster.calls.unstage(&self.attached, &self.staging()).await?;
        Ok(Seen::new(format!("unmounted from {}", self.attached.node)))
    }

    async fn detach(&mut self) -> Result<Seen, Error> {
        self.play_opener(&self.attached.node, false).await?;
        self.cluster.calls.detach(&self.attached).await?;
        Ok(Seen::new(format!("{} has let go", self.attached.node)))
    }

    /// The pods are deleted, and their claims go with them.
    async fn release(&mut self) -> Result<Seen, Error> {
        for claim in &self.claims {
            self.cluster.calls.delete(claim).await?;
        }
        let view = self.cluster.view(&self.resource()?).await?;
        let replicas = cluster::names(&view, |resource| !resource.is_diskless());
        Ok(Seen::new(format!("{} claims deleted; the data stays on {}", self.claims.len(), replicas.join(" and ")))
            .looked(1))
    }

    /// Without devices nobody can open one, so the books are told of the pod that would, and that it ends.
    async fn play_opener(&self, node: &str, open: bool) -> Result<(), Error> {
        if self.has_devices {
            return Ok(());
        }
        let replica = ReplicaKey { node: node.to_owned(), resource: self.resource()?.to_string(), volume: 0 };
        self.cluster.befall(move |cluster| Ok(cluster.backing().set_open(&replica, open)?)).await
    }

    /// The one volume of all tries.
    fn resource(&self) -> Result<ResourceName, Error> {
        let id = &self.attached.volume.volume_id;
        let id = VolumeId::parse(id).map_err(|_| Error::Unexpected { expected: "a volume's id", seen: id.clone() })?;
        Ok(id.resource().clone())
    }

    async fn device(&self, node: &str) -> Result<String, Error> {
        let view = self.cluster.view(&self.resource()?).await?;
        let device = cluster::on(&view, node)?.device_path(0).map(str::to_owned);
        device.ok_or_else(|| Error::Unexpected { expected: "a device", seen: format!("none on {node}") })
    }

    fn staging(&self) -> PathBuf {
        self.cluster.work.node(&self.attached.node).join("staging")
    }

    fn target(&self, pod: &TaskPod) -> PathBuf {
        self.cluster.work.node(&self.attached.node).join("pods").join(&pod.uid).join("mount")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.target(&self.claimant).join(name)
    }
}
