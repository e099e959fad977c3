//! One claim at one generation of an owner's volume.

use tokio::time::Instant;

use super::{OwnedError, Owners, Step, fit, fit::Fit, generation, growth};
use crate::linstor::{
    Client,
    model::{Resource, ResourceDefinition, is_same_name},
    name::NodeName,
};
use crate::volume::{
    Error,
    claims::{ClaimKey, ClaimRecord, owner_instance},
    copy::{self, Origin, Source},
    create::{Create, CreateRequest, Created, Made, Prospect, Whole, new_tags},
    ending::Token,
    groups::Groups,
    moment::Moment,
    record::Ledger,
    size::CapacityRange,
    standing::{self, Answer, Attempt},
    topology::hostname,
};
use crate::workflow::{ClaimRef, Scope, Tags, WorkflowRef, label::airflow_label};

/// What came of a claim of what is there.
enum Claimed {
    /// It stands, and these are the volume's records.
    Stands(Box<Ledger>),
    /// The volume has a name that was given up; that generation is the present one.
    Superseded(u32),
}

/// A request, at one generation.
pub(super) struct Claiming<'a> {
    pub linstor: &'a Client,
    pub groups: &'a Groups,
    pub owners: &'a Owners,
    pub request: &'a CreateRequest,
    pub owner: &'a WorkflowRef,
    pub until: Instant,
}

impl Claiming<'_> {
    /// Nothing of that name is known to be there.
    pub async fn begin(&self) -> Result<Step, Error> {
        let request = self.request;
        let generation = generation::own(&request.resource);
        if generation > 0 {
            generation::use_now(self.linstor, self.owner, generation).await?;
        }
        if let Some(source) = &request.source {
            return match self.copy(source, request.name.clone()).await {
                // Another claim was faster, or the copy is not what is asked for.
                Err(error @ Error::Mismatch { .. }) => {
                    let existing = self.linstor.definition(&request.resource).await?;
                    existing.map(|existing| Step::Found(Box::new(existing))).ok_or(error)
                }
                step => step,
            };
        }
        let size_kib = request.range.choose_kib(request.fs_type)?;
        let create = self.create();
        let attempts = match create.prospect(self.groups).await? {
            Prospect::Attempts(attempts) => attempts,
            Prospect::There(existing) => return Ok(Step::Found(existing)),
        };
        let tags = new_tags(request)?;
        match create.make(self.groups, &attempts, &tags, size_kib).await? {
            Made::Replicas => {}
            Made::Elsewhere => return Ok(Step::Found(Box::new(create.existing().await?))),
        }
        let attempt = self.attempt(&tags)?;
        standing::write(self.linstor, &request.resource, &attempt.first_claim()).await?;
        if let Some(current) = self.given_up().await? {
            self.undo(&attempt, current).await?;
            return Ok(Step::Superseded(current));
        }
        self.saw_standing(&tags, &attempt);
        let created = create.finish(size_kib, &create.view().await?, create.wanted()).await?;
        Ok(Step::Made(Box::new(created)))
    }

    /// The owner had a volume of this name before, or others made one, let it go and removed it since the look. That
    /// removal may still arrive; nobody was told of the volume that was made, so it goes at once.
    async fn undo(&self, attempt: &Attempt, current: u32) -> Result<(), Error> {
        let resource = &self.request.resource;
        if let Err(error) = generation::use_now(self.linstor, self.owner, current).await {
            standing::write(self.linstor, resource, &attempt.take_back()).await?;
            return Err(error);
        }
        self.linstor.delete_definition(resource).await?;
        self.linstor.kv_delete(resource).await?;
        Ok(())
    }

    /// A definition of that name is there.
    pub async fn join(&self, existing: ResourceDefinition) -> Result<Step, Error> {
        let resource = &self.request.resource;
        let tags = Tags::read(&existing.props)?.ok_or_else(|| Error::Foreign(resource.clone()))?;
        let origin = Origin::read(resource, &existing.props)?;
        if existing.is_deleting() {
            return Ok(Step::Superseded(generation::supersede(self.linstor, self.owner, resource).await?));
        }
        let has_own_tags = origin.as_ref().is_none_or(|origin| origin.incarnation == tags.incarnation);
        let asked = self.request.source.as_ref().filter(|asked| origin.as_ref().is_some_and(|it| it.source == **asked));
        match asked {
            Some(source) if !has_own_tags => return self.copy_begun(source).await,
            Some(source) if tags.csi_name == self.request.name => {
                return self.copy(source, self.request.name.clone()).await;
            }
            _ if !has_own_tags => return Err(self.create().unfinished("it is still being copied".to_owned())),
            _ => {}
        }
        let fit = fit::check(self.request, self.owner, &tags, &existing, origin.as_ref())?;
        if origin.is_some() && self.ledger(&tags).await?.ending.made.is_none() {
            return match asked {
                Some(source) => self.copy(source, tags.csi_name).await,
                None => Err(self.create().unfinished("it is still being copied".to_owned())),
            };
        }
        let mut growth = growth::check(&self.create(), &existing).await?;
        let there = async {
            match growth.there.take() {
                Some(there) => Ok(there),
                None => self.create().view().await,
            }
        };
        let (claimed, there) = tokio::join!(self.claim(&tags), there);
        let ledger = match claimed? {
            Claimed::Stands(ledger) => ledger,
            Claimed::Superseded(generation) => return Ok(Step::Superseded(generation)),
        };
        let whole = self.whole(fit, &tags, &existing, &ledger, there?).await?;
        let created = self.finish(&tags, &ledger, &whole).await?;
        let grown = growth.grow(&self.create(), &existing, &whole.there, created, self.until).await?;
        Ok(Step::Made(Box::new(grown)))
    }

    fn create(&self) -> Create<'_> {
        Create { linstor: self.linstor, request: self.request, resource: &self.request.resource }
    }

    fn key(&self) -> ClaimKey {
        ClaimKey::of(&self.request.name)
    }

    fn record(&self) -> ClaimRecord {
        let claim = &self.request.claim;
        let pvc = claim.pvc_namespace.clone().zip(claim.pvc_name.clone());
        ClaimRecord {
            name: self.request.name.clone(),
            pvc: pvc.map(|(namespace, name)| ClaimRef { namespace, name, uid: claim.pvc_uid.clone() }),
            pod: claim.pod.clone(),
            time: Moment::now().to_string(),
        }
    }

    async fn ledger(&self, tags: &Tags) -> Result<Ledger, Error> {
        self.create().ledger(tags).await
    }

    fn attempt(&self, tags: &Tags) -> Result<Attempt, Error> {
        Ok(Attempt::new(tags.incarnation.clone(), self.key(), self.record(), Token::random()?, Moment::now()))
    }

    /// Makes the claim stand, beside a reaper that may be removing the volume.
    async fn claim(&self, tags: &Tags) -> Result<Claimed, Error> {
        if let Some(token) = self.owners.stood_by(&tags.incarnation, &self.key()) {
            let ledger = self.ledger(tags).await?;
            if ledger.says(&self.key(), &token) {
                self.check_run(&ledger)?;
                return Ok(Claimed::Stands(Box::new(ledger)));
            }
        }
        let attempt = self.attempt(tags)?;
        standing::write(self.linstor, &self.request.resource, &attempt.claim()).await?;
        let claimed = self.answer(tags, &attempt).await;
        if !matches!(claimed, Ok(Claimed::Stands(_)) | Err(Error::Linstor(_))) {
            standing::write(self.linstor, &self.request.resource, &attempt.take_back()).await?;
        }
        claimed
    }

    /// Does the claim stand that was written?
    async fn answer(&self, tags: &Tags, attempt: &Attempt) -> Result<Claimed, Error> {
        let resource = &self.request.resource;
        let ledger = self.ledger(tags).await?;
        match attempt.answer(&ledger) {
            Answer::Reaped => return Err(OwnedError::Reaping { resource: resource.clone() }.into()),
            Answer::Gone => return Err(Error::Deleting(resource.clone())),
            Answer::Unsure => {
                let instance = owner_instance(self.owner);
                let (there, owner) = tokio::try_join!(self.linstor.definition(resource), self.linstor.kv(&instance))?;
                let owner = owner.unwrap_or_default();
                if !attempt.stands_beside(resource, there.as_ref(), &owner) {
                    return match generation::superseding(resource, &owner) {
                        Some(current) => Ok(Claimed::Superseded(current)),
                        None => Err(Error::Deleting(resource.clone())),
                    };
                }
                standing::write(self.linstor, resource, &attempt.made()).await?;
            }
            Answer::Stands => {
                if !self.owners.is_present(&tags.incarnation)
                    && let Some(current) = self.given_up().await?
                {
                    return Ok(Claimed::Superseded(current));
                }
            }
        }
        self.check_run(&ledger)?;
        self.saw_standing(tags, attempt);
        Ok(Claimed::Stands(Box::new(ledger)))
    }

    fn saw_standing(&self, tags: &Tags, attempt: &Attempt) {
        self.owners.saw_present(&tags.incarnation);
        self.owners.stands(&tags.incarnation, &self.key(), attempt.token());
    }

    /// The present generation, where it isn't the one of this name any more.
    async fn given_up(&self) -> Result<Option<u32>, Error> {
        let owner = self.linstor.kv(&owner_instance(self.owner)).await?.unwrap_or_default();
        Ok(generation::superseding(&self.request.resource, &owner))
    }

    /// Makes the copy, or sees it through under the CSI name that it was begun by, and claims it.
    async fn copy(&self, source: &Source, name: String) -> Result<Step, Error> {
        let patience = self.until.saturating_duration_since(Instant::now());
        let begun = CreateRequest { name, ..self.request.clone() };
        let made = Box::pin(copy::create(self.linstor, self.groups, &begun, source, patience)).await?;
        self.claim_copy(Created { id: self.request.id(), ..made }).await
    }

    /// Sees a copy through that still bears its source's tags, whatever size this claim asks for: it grows as any other.
    async fn copy_begun(&self, source: &Source) -> Result<Step, Error> {
        let request = CreateRequest { range: CapacityRange::any(), ..self.request.clone() };
        let copied = Claiming { request: &request, ..*self }.copy(source, request.name.clone()).await?;
        match copied {
            Step::Made(made) if !self.request.range.holds(made.bytes) => {
                Ok(Step::Found(Box::new(self.create().existing().await?)))
            }
            step => Ok(step),
        }
    }

    /// A copy stands: from now on others may claim it, too.
    async fn claim_copy(&self, made: Created) -> Result<Step, Error> {
        let definition = self.create().existing().await?;
        let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(self.request.resource.clone()))?;
        Ok(match self.claim(&tags).await? {
            Claimed::Superseded(generation) => Step::Superseded(generation),
            Claimed::Stands(_) => Step::Made(Box::new(made)),
        })
    }

    /// Two runs don't have a DAG's volume at one time.
    fn check_run(&self, ledger: &Ledger) -> Result<(), Error> {
        let Some(own) = self.request.claim.run.as_ref().filter(|_| self.owner.scope() == Scope::Dag) else {
            return Ok(());
        };
        let own = airflow_label(own.as_ref());
        let other = |run: &&String| **run != own;
        let held = ledger.attachments.iter().find_map(|(seat, one)| Some((seat, one.run.as_ref().filter(other)?)));
        match held {
            Some((seat, run)) => {
                Err(OwnedError::HeldByRun { volume: self.request.id(), run: run.clone(), node: seat.node.clone() }
                    .into())
            }
            None => Ok(()),
        }
    }

    /// What is there of the volume. Only a claim that says the same as the one that made it may complete it.
    async fn whole(
        &self,
        fit: Fit,
        tags: &Tags,
        existing: &ResourceDefinition,
        ledger: &Ledger,
        there: Vec<Resource>,
    ) -> Result<Whole, Error> {
        let create = self.create();
        let wanted = match fit {
            Fit::Same => return create.complete_all(tags, existing.size_kib(), Some(there), Some(ledger)).await,
            Fit::OtherWishes { wanted } => wanted,
        };
        let size_kib = existing.size_kib().ok_or_else(|| create.unfinished("it has no size yet".to_owned()))?;
        let wanted = ledger.replicas.map_or(wanted, |asked| wanted.min(asked));
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
        attached.find(|(seat, _)| lives(&seat.node)).map(|(seat, _)| seat.node.clone())
    }
}
