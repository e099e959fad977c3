//! One claim at one generation of an owner's volume.

use tokio::time::Instant;

use super::{OwnedError, Step, fit, fit::Fit, generation, growth};
use crate::linstor::{
    Client,
    model::{Resource, ResourceDefinition, is_same_name},
    name::NodeName,
};
use crate::volume::{
    Error,
    asking::{self, Answer, Asking, Seen},
    claims::{ClaimKey, ClaimRecord, owned_name, owner_instance},
    copy::{self, Origin, Source},
    create::{Create, CreateRequest, Created, Made, Prospect, Whole, new_tags},
    ending::Token,
    groups::Groups,
    moment::Moment,
    record::Ledger,
    topology::hostname,
};
use crate::workflow::{ClaimRef, Scope, Tags, WorkflowRef, label::airflow_label};

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
        let claimed = asking::claimed(&tags.incarnation, &self.key(), &self.record(), Moment::now());
        asking::write(self.linstor, &request.resource, &claimed).await?;
        if let Some(current) = self.given_up().await? {
            // The owner had a volume of this name before, or others made one, let it go and removed it since the look.
            // That removal may still arrive; nobody was told of this volume, so it goes at once.
            self.linstor.delete_definition(&request.resource).await?;
            self.linstor.kv_delete(&request.resource).await?;
            return Ok(Step::Superseded(current));
        }
        let created = create.finish(size_kib, &create.view().await?, create.wanted()).await?;
        Ok(Step::Made(Box::new(created)))
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
            Some(source) if !has_own_tags || tags.csi_name == self.request.name => {
                return self.copy(source, self.request.name.clone()).await;
            }
            _ if !has_own_tags => return Err(self.create().unfinished("it is still being copied".to_owned())),
            _ => {}
        }
        let fit = fit::check(self.request, self.owner, &tags, &existing, origin.as_ref())?;
        let ledger = self.ledger(&tags).await?;
        if origin.is_some() && ledger.ending.claimed.is_none() {
            return match asked {
                Some(source) => self.copy(source, tags.csi_name).await,
                None => Err(self.create().unfinished("it is still being copied".to_owned())),
            };
        }
        let mut growth = growth::check(&self.create(), &existing).await?;
        self.check_run(&ledger)?;
        if let Some(generation) = self.claim(&tags, &ledger).await? {
            return Ok(Step::Superseded(generation));
        }
        let whole = self.whole(fit, &tags, &existing, &ledger, growth.there.take()).await?;
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

    /// Makes the claim stand, beside a reaper that may be removing the volume. None: it stands, as it may have before;
    /// else the generation that is the present one.
    async fn claim(&self, tags: &Tags, ledger: &Ledger) -> Result<Option<u32>, Error> {
        if ledger.claims.contains_key(&self.key()) {
            return Ok(None);
        }
        let (resource, incarnation) = (&self.request.resource, tags.incarnation.clone());
        if ledger.ending.claimed.is_none() {
            // Nobody was ever told of it: a spawn that arrived late may have made it of a name that was given up.
            if let Some(current) = self.given_up().await? {
                return Ok(Some(current));
            }
        }
        let asking = Asking::new(incarnation, self.key(), self.record(), Token::random()?, Moment::now());
        asking::write(self.linstor, resource, &asking.ask()).await?;
        let instance = owner_instance(self.owner);
        let (definition, store, owner) =
            tokio::try_join!(self.linstor.definition(resource), self.linstor.kv(resource), self.linstor.kv(&instance))?;
        let (store, owner) = (store.unwrap_or_default(), owner.unwrap_or_default());
        let answer = asking.answer(resource, Seen { definition: definition.as_ref(), store: &store }, &owner)?;
        let (change, refused) = match answer {
            Answer::Granted(change) => (change, None),
            Answer::Reaped(change) => (change, Some(OwnedError::Reaping { resource: resource.clone() }.into())),
            Answer::Gone(change) => (change, Some(Error::Deleting(resource.clone()))),
        };
        asking::write(self.linstor, resource, &change).await?;
        refused.map_or(Ok(None), Err)
    }

    /// The present generation, where it isn't the one of this name any more.
    async fn given_up(&self) -> Result<Option<u32>, Error> {
        let current = generation::current(self.linstor, self.owner).await?;
        Ok((owned_name(self.owner, current) != self.request.resource).then_some(current))
    }

    /// Makes the copy, or sees it through under the CSI name that it was begun by, and claims it.
    async fn copy(&self, source: &Source, name: String) -> Result<Step, Error> {
        let patience = self.until.saturating_duration_since(Instant::now());
        let begun = CreateRequest { name, ..self.request.clone() };
        let made = Box::pin(copy::create(self.linstor, self.groups, &begun, source, patience)).await?;
        self.claim_copy(Created { id: self.request.id(), ..made }).await
    }

    /// A copy stands: from now on others may claim it, too.
    async fn claim_copy(&self, made: Created) -> Result<Step, Error> {
        let definition = self.create().existing().await?;
        let tags = Tags::read(&definition.props)?.ok_or_else(|| Error::Foreign(self.request.resource.clone()))?;
        let ledger = self.ledger(&tags).await?;
        Ok(match self.claim(&tags, &ledger).await? {
            Some(generation) => Step::Superseded(generation),
            None => Step::Made(Box::new(made)),
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
        attached.find(|(seat, _)| lives(&seat.node)).map(|(seat, _)| seat.node.clone())
    }
}
