//! What a person has done to volumes.

use super::{Asked, CommandError, Desk, Done, EXIT_REFUSED, word::size};
use crate::config::{Deletion, Naming, Selection, Until};
use crate::lifetime::{
    carry::{self, Halt, Named, Names},
    keeping::{Keeping, Kept},
    reaping::{End, NAMED, Reaping},
    survey::{Survey, Surveyed},
    word,
};
use crate::volume::{
    ending::{Change, Mark, Token},
    moment::Moment,
    standing,
};
use crate::workflow::{AnyDirectory, Directory};

impl Desk<'_> {
    pub(super) async fn release(&self, selection: &Selection, at_once: bool) -> Result<u8, CommandError> {
        let mut done = Vec::new();
        for volume in self.selected(selection).await?.volumes {
            let word = word::let_go(&self.linstor, &volume, self.now, at_once).await?;
            let what = match (&word, at_once) {
                (Err(claimed), _) => claimed.to_string(),
                (Ok(()), true) => "let go; it may be removed at the reaper's next look".to_owned(),
                (Ok(()), false) => "let go; it is kept for its retention, then removed".to_owned(),
            };
            done.push(Done { volume: volume.resource.to_string(), done: word.is_ok(), what });
        }
        self.report(done)
    }

    pub(super) async fn extend(&self, selection: &Selection, until: Until) -> Result<u8, CommandError> {
        let until = match until {
            Until::Time(time) => Moment::of(time),
            Until::After(span) => self.now.after(span),
        };
        let mut done = Vec::new();
        for volume in self.selected(selection).await?.volumes {
            word::hold(&self.linstor, &volume, until).await?;
            done.push(Done { volume: volume.resource.to_string(), done: true, what: format!("held until {until}") });
        }
        self.report(done)
    }

    pub(super) async fn keep(
        &self,
        selection: &Selection,
        naming: &Naming,
        directory: &AnyDirectory,
    ) -> Result<u8, CommandError> {
        let (names, asked) = asking(naming, directory);
        let mut done = Vec::new();
        for volume in self.selected(selection).await?.volumes {
            let keeping = Keeping::new(&volume.resource, &volume.tags.incarnation, Token::random()?, self.now);
            let kept = carry::keep(&self.linstor, &names, &volume.resource, keeping).await?;
            let (is_kept, what) = match kept {
                Kept::Withdrawn(_) => (true, "the final mark is withdrawn"),
                Kept::Unmarked => (true, "no final mark stands there"),
                Kept::Unclaimed => (
                    false,
                    "no claim of it is attached or named, so its removal may be under way; the next reaper finishes it",
                ),
                Kept::Gone => (false, "it is gone, or LINSTOR deletes it"),
            };
            done.push(Done { volume: volume.resource.to_string(), done: is_kept, what: what.to_owned() });
        }
        self.report_with(done, Some(asked))
    }

    pub(super) async fn delete(&self, deletion: &Deletion, directory: &AnyDirectory) -> Result<u8, CommandError> {
        let (names, asked) = asking(&deletion.naming, directory);
        let survey = self.selected(&deletion.selection).await?;
        // Where Kubernetes does not answer nothing is begun: no claim is forgotten, and no mark is written.
        let handles = names.names().await.map_err(Halt::from)?;
        let bytes: u64 = survey.volumes.iter().map(|volume| volume.bytes).sum();
        let question = format!("{asked}.\nDelete {} volumes of {} with their data?", survey.volumes.len(), size(bytes));
        if !survey.volumes.is_empty() && !deletion.is_sure && !self.is_agreed(&question)? {
            eprintln!("linflow: nothing was deleted; give --yes where there is no terminal to ask");
            return Ok(EXIT_REFUSED);
        }
        let mut done = Vec::new();
        for volume in survey.volumes {
            let name = volume.resource.to_string();
            let end = match carry::named(&handles, &volume.resource).is_empty() {
                true => self.delete_one(volume, deletion.forgets_claims, &names).await?,
                false => End::Left(NAMED.to_owned()),
            };
            done.push(match end {
                End::Reaped => Done { volume: name, done: true, what: "deleted".to_owned() },
                End::Gone => Done { volume: name, done: true, what: "gone already, or LINSTOR deletes it".to_owned() },
                End::Left(why) => Done { volume: name, done: false, what: format!("not deleted: {why}") },
            });
        }
        self.report_with(done, Some(asked))
    }

    /// As the reaper does it, with a mark of its own: a claim that comes meanwhile stops it.
    async fn delete_one(
        &self,
        volume: Surveyed,
        forgets_claims: bool,
        names: &impl Names,
    ) -> Result<End, CommandError> {
        let left = if forgets_claims { self.forget_claims(volume).await? } else { Some(volume) };
        let Some(volume) = left else { return Ok(End::Gone) };
        let mark = Mark { by: "linflow volumes delete".to_owned(), time: self.now };
        let (incarnation, judged) = (&volume.tags.incarnation, &volume.ledger.ending);
        match Reaping::new(&volume.resource, incarnation, judged, mark, Token::random()?) {
            Some(mut reaping) => Ok(carry::remove(&self.linstor, names, &mut reaping).await?),
            None => Ok(End::Left("its name is not that of a workflow's volume".to_owned())),
        }
    }

    /// Removes the records of the claims that were seen, and looks at the volume anew.
    async fn forget_claims(&self, volume: Surveyed) -> Result<Option<Surveyed>, CommandError> {
        let incarnation = &volume.tags.incarnation;
        let remove: Vec<String> =
            volume.ledger.claims.keys().flat_map(|claim| volume.ledger.claim_keys(incarnation, claim)).collect();
        if remove.is_empty() {
            return Ok(Some(volume));
        }
        standing::write(&self.linstor, &volume.resource, &Change { remove, ..Change::default() }).await?;
        let filter = crate::workflow::Filter {
            instance: volume.tags.ownership.workflow().map(|workflow| workflow.instance().clone()),
            dag: volume.tags.ownership.workflow().map(|workflow| workflow.dag().clone()),
            ..Default::default()
        };
        let Survey { volumes, .. } = self.survey(&filter).await?;
        Ok(volumes.into_iter().find(|one| one.resource == volume.resource))
    }
}

/// Whom to ask for the names that PersistentVolumes give, and how to say whether anybody was.
fn asking<'a>(naming: &'a Naming, directory: &'a AnyDirectory) -> (Option<Named<'a, AnyDirectory>>, Asked) {
    let driver = naming.driver_name.as_str();
    let names = directory.is_configured().then_some(Named { directory, driver });
    let asked = Asked { persistent_volumes_of: names.as_ref().map(|_| driver.to_owned()) };
    (names, asked)
}
