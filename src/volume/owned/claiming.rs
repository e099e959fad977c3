//! One claim at one generation of an owner's volume.

use std::time::SystemTime;

use tokio::time::Instant;

use super::{OwnedError, Step, fit, fit::Fit, generation, growth};
use crate::linstor::{
    Client,
    model::{Props, Resource, ResourceDefinition, is_same_name},
    name::NodeName,
};
use crate::volume::{
    Error,
    claims::{ClaimKey, ClaimRecord, claim_entry, claim_key},
    copy::{self, Origin},
    create::{Create, CreateRequest, Created, Made, Prospect, Whole, new_tags},
    ending,
    groups::Groups,
    id::VolumeId,
    record::Ledger,
    topology::hostname,
};
use crate::workflow::{ClaimRef, Incarnation, Scope, Tags, WorkflowRef};

/// A request, at one generation.
pub(super) struct Claiming<'a> {
    pub linstor: &'a Client,
    pub groups: &'a Groups,
    pub request: &'a CreateRequest,
    pub owner: &'a WorkflowRef,
    pub until: Instant,
}

impl Claiming<'_> {
    /// Nothing of that name is known to be there.
    pub async fn begin(&self) -> Result<Step, Error> {
        let request = self.request;
        if let Some(source) = &request.source {
            let patience = self.until.saturating_duration_since(Instant::now());
            let made = copy::create(self.linstor, self.groups, request, source, patience).await?;
            return self.claim_copy(made).await;
        }
        let size_kib = request.range.choose_kib(request.fs_type)?;
        let create = self.create();
        let attempts = match create.prospect(self.groups).await? {
            Prospect::Attempts(attempts) => attempts,
            Prospect::There(existing) => return Ok(Step::Found(existing)),
        };
        let tags = new_tags(request)?;
        let store = self.record(&tags.incarnation).await?;
        if generation::is_superseded(&store) {
            create.withdraw_claim(&tags).await?;
            return Ok(Step::Superseded);
        }
        match create.make(self.groups, &attempts, &tags, size_kib).await? {
            Made::Replicas => {}
            Made::Elsewhere => {
                create.withdraw_claim(&tags).await?;
                return Ok(Step::Found(Box::new(create.existing().await?)));
            }
        }
        let created = create.finish(size_kib, &create.view().await?, create.wanted()).await?;
        self.sweep(&store, &tags.incarnation).await?;
        Ok(Step::Made(created))
    }

    /// A definition of that name is there.
    pub async fn join(&self, existing: ResourceDefinition) -> Result<Step, Error> {
        let resource = &self.request.resource;
        let tags = Tags::read(&existing.props)?.ok_or_else(|| Error::Foreign(resource.clone()))?;
        let origin = Origin::read(resource, &existing.props)?;
        if existing.is_deleting() {
            return Ok(Step::Superseded);
        }
        if let (Some(source), Some(origin)) = (&self.request.source, &origin)
            && origin.source == *source
            && tags.csi_name == self.request.name
        {
            let patience = self.until.saturating_duration_since(Instant::now());
            let made = copy::create(self.linstor, self.groups, self.request, source, patience).await?;
            return self.claim_copy(made).await;
        }
        if origin.as_ref().is_some_and(|origin| origin.incarnation != tags.incarnation) {
            return Err(self.create().unfinished("it is still being copied".to_owned()));
        }
        let fit = fit::check(self.request, self.owner, &tags, &existing, origin.as_ref())?;
        let mut growth = growth::check(&self.create(), &existing).await?;
        let (store, ledger) = self.claim(&tags).await?;
        if generation::is_superseded(&store) {
            self.create().withdraw_claim(&tags).await?;
            return Ok(Step::Superseded);
        }
        self.check_marks(&tags, &ledger).await?;
        let is_copied = ledger.claims.contains_key(&ClaimKey::of(&tags.csi_name)) || ledger.released.is_some();
        if origin.is_some() && !is_copied {
            return Err(self.create().unfinished("it is still being copied".to_owned()));
        }
        self.check_run(&ledger)?;
        let whole = self.whole(fit, &tags, &existing, &ledger, growth.there.take()).await?;
        self.sweep(&store, &tags.incarnation).await?;
        let created = self.finish(&tags, &ledger, &whole).await?;
        Ok(Step::Made(growth.grow(&self.create(), &existing, &whole.there, created, self.until).await?))
    }

    fn create(&self) -> Create<'_> {
        Create { linstor: self.linstor, request: self.request, resource: &self.request.resource }
    }

    fn key(&self) -> ClaimKey {
        ClaimKey::of(&self.request.name)
    }

    /// Records the claim, voids what any claim voids, and then reads all records.
    async fn record(&self, incarnation: &Incarnation) -> Result<Props, Error> {
        let claim = &self.request.claim;
        let pvc = claim.pvc_namespace.clone().zip(claim.pvc_name.clone());
        let record = ClaimRecord {
            name: self.request.name.clone(),
            pvc: pvc.map(|(namespace, name)| ClaimRef { namespace, name, uid: claim.pvc_uid.clone() }),
            pod: claim.pod.clone(),
            run: claim.run.as_ref().map(ToString::to_string),
            time: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        };
        let entry = claim_entry(incarnation, &self.key(), &record);
        let void = [ending::ENDED, ending::CANDIDATE].map(|key| ending::single_key(incarnation, key));
        let resource = &self.request.resource;
        self.linstor.kv_put(resource, &entry, &void).await?;
        Ok(self.linstor.kv(resource).await?.unwrap_or_default())
    }

    /// The same of a volume that is there. The claim that made it looks first whether it is recorded.
    async fn claim(&self, tags: &Tags) -> Result<(Props, Ledger), Error> {
        let resource = &self.request.resource;
        let read = |store: &Props| Ledger::read(resource.as_str(), store, &tags.incarnation);
        if tags.csi_name == self.request.name {
            let store = self.linstor.kv(resource).await?.unwrap_or_default();
            let ledger = read(&store)?;
            let is_void = ledger.ended.is_none() && ledger.reap_candidate.is_none();
            if is_void && ledger.claims.contains_key(&self.key()) {
                return Ok((store, ledger));
            }
        }
        let store = self.record(&tags.incarnation).await?;
        let ledger = read(&store)?;
        Ok((store, ledger))
    }

    /// A copy stands: from now on others may claim it, too.
    async fn claim_copy(&self, made: Created) -> Result<Step, Error> {
        let definition = self.create().existing().await?;
        let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(self.request.resource.clone()))?;
        let (store, ledger) = self.claim(&tags).await?;
        if generation::is_superseded(&store) {
            self.create().withdraw_claim(&tags).await?;
            return Ok(Step::Superseded);
        }
        self.check_marks(&tags, &ledger).await?;
        Ok(Step::Made(made))
    }

    /// A reaper is about to remove the volume: whoever sees the other backs off. The claim is taken back, unless it has
    /// the volume attached, so that a reaper's successor may finish and the next call finds a way.
    async fn check_marks(&self, tags: &Tags, ledger: &Ledger) -> Result<(), Error> {
        let Some(mark) = &ledger.reap_final else { return Ok(()) };
        let id = self.request.id().to_string();
        if !ledger.attachments.values().any(|attachment| attachment.claim == id) {
            self.create().withdraw_claim(tags).await?;
        }
        let (by, time) = (mark.by.clone(), mark.time.clone());
        Err(OwnedError::Reaping { resource: self.request.resource.clone(), by, time }.into())
    }

    /// Two runs don't have a DAG's volume at one time.
    fn check_run(&self, ledger: &Ledger) -> Result<(), Error> {
        let Some(own) = ledger.claims.get(&self.key()).and_then(|claim| claim.run.as_ref()) else { return Ok(()) };
        for (node, attachment) in &ledger.attachments {
            let claim = VolumeId::parse(&attachment.claim).ok().and_then(|id| id.claim().cloned());
            let run = claim.and_then(|claim| ledger.claims.get(&claim)?.run.clone());
            if let Some(run) = run.filter(|run| run != own) {
                return Err(OwnedError::HeldByRun { volume: self.request.id(), run, node: node.clone() }.into());
            }
        }
        Ok(())
    }

    /// What is there of the volume. Only a claim that says the same as the one that made it may complete it.
    async fn whole(
        &self,
        fit: Fit,
        tags: &Tags,
        existing: &ResourceDefinition,
        ledger: &Ledger,
        seen: Option<Vec<Resource>>,
    ) -> Result<Whole, Error> {
        let create = self.create();
        let wanted = match fit {
            Fit::Same => return create.complete_all(tags, existing.size_kib(), seen, Some(ledger)).await,
            Fit::OtherWishes { wanted } => wanted,
        };
        let size_kib = existing.size_kib().ok_or_else(|| create.unfinished("it has no size yet".to_owned()))?;
        let wanted = ledger.replicas.map_or(wanted, |asked| wanted.min(asked));
        let there = match seen {
            Some(there) => there,
            None => create.view().await?,
        };
        Ok(Whole { size_kib, there, wanted })
    }

    async fn finish(&self, tags: &Tags, ledger: &Ledger, whole: &Whole) -> Result<Created, Error> {
        let request = CreateRequest { reach: tags.reach.clone(), ..self.request.clone() };
        let create = Create { request: &request, ..self.create() };
        let created = create.finish(whole.size_kib, &whole.there, whole.wanted).await?;
        match self.pinned(ledger, &whole.there) {
            Some(node) => Ok(Created { reachable_from: vec![hostname(&node)], ..created }),
            None => Ok(created),
        }
    }

    /// While a run's or a DAG's volume is attached to a node that lives, a new pod that brings its own claim is to land
    /// there. Other claims outlive their pods, and a PersistentVolume names its nodes for good.
    fn pinned(&self, ledger: &Ledger, there: &[Resource]) -> Option<NodeName> {
        let is_shared = matches!(self.owner.scope(), Scope::Run | Scope::Dag);
        if !is_shared || self.request.claim.pod.is_none() {
            return None;
        }
        let lives =
            |node: &NodeName| there.iter().any(|one| is_same_name(&one.node_name, node.as_str()) && one.is_live());
        let mut attached = ledger.attachments.iter().filter(|(_, attachment)| !attachment.detaching);
        attached.find(|(node, _)| lives(node)).map(|(node, _)| node.clone())
    }

    /// Removes what calls that were cut recorded of this claim for incarnations that were never made.
    async fn sweep(&self, store: &Props, incarnation: &Incarnation) -> Result<(), Error> {
        let suffix = format!("/claim/{}", self.key());
        let own = claim_key(incarnation, &self.key());
        let is_stale = |key: &&str| key.ends_with(&suffix) && *key != own;
        let keys = store.keys().map(|key| key.trim_start_matches('/'));
        let stale: Vec<String> = keys.filter(is_stale).map(str::to_owned).collect();
        if !stale.is_empty() {
            self.linstor.kv_put(&self.request.resource, &Props::new(), &stale).await?;
        }
        Ok(())
    }
}
