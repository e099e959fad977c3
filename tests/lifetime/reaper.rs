//! The reaper: what it takes, when, and what it leaves alone.

use linflow::{
    csi::proto::ControllerPublishVolumeRequest,
    lifetime::{
        carry::{self, Named},
        keeping::{Keeping, Kept},
        reaper::Round,
        word::{self, RunRef},
    },
    sandbox::faults::{Action, Matcher, Moment},
    volume::{
        claims::{ClaimKey, owner_instance},
        ending::{Change, Mark, Outcome, Token, final_entry},
        generation, standing,
    },
    workflow::{DagId, FolderDirectory, Instance, RunId},
};
use serde_json::json;

use crate::{
    support::{
        create,
        csi::{block, resource},
        publish,
    },
    volumes::{Chosen, DRIVER, Life, Owned, look},
};

fn run() -> RunRef {
    RunRef {
        instance: Instance::parse("airflow").unwrap(),
        dag: DagId::parse("etl").unwrap(),
        run: RunId::parse("r1").unwrap(),
    }
}

async fn finish(life: &Life) -> Vec<String> {
    word::finish(&life.world.linstor(), &run(), Outcome::Success, "test", life.now()).await.unwrap()
}

/// A volume of the run, whose run was proven over long ago.
async fn over(life: &Life) -> Owned {
    let volume = life.volume("airflow/etl/r1").await;
    life.pass(1);
    finish(life).await;
    life.pass(200);
    volume
}

fn candidates(volume: &Owned) -> Round {
    Round { candidates: vec![volume.name.to_string()], ..Round::default() }
}

#[tokio::test]
async fn a_run_ends_its_retention_passes_and_the_reaper_takes_its_volumes() {
    let life = Life::start().await;
    let (mine, task) = (life.volume("airflow/etl/r1").await, life.volume("airflow/etl/r1/load/7").await);
    let (dags, others) = (life.volume("airflow/etl").await, life.volume("airflow/etl/r2").await);
    let mut reaper = life.reaper();
    life.pass(30);
    assert_eq!(look(&mut reaper).await, Round::default(), "silence proves nothing");
    let mut told = finish(&life).await;
    told.sort();
    let mut expected = [mine.name.to_string(), task.name.to_string()];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(look(&mut reaper).await, Round::default(), "it is kept for an hour");
    life.pass(1);
    assert_eq!(look(&mut reaper).await.candidates.len(), 2);
    assert!(life.is_there(&mine).await, "a candidate is removed at the next look");
    assert_eq!(look(&mut reaper).await.reaped.len(), 2);
    for gone in [&mine, &task] {
        assert!(!life.is_there(gone).await && life.world.store(gone.name.as_str()).await.is_none());
        let store = life.world.store(owner_instance(&gone.owner).as_str()).await.unwrap();
        assert_eq!(generation::current(&store), 1, "its name is never used again");
    }
    assert!(life.is_there(&dags).await && life.is_there(&others).await);
    life.pass(10_000);
    assert_eq!(look(&mut reaper).await, Round::default());
}

#[tokio::test]
async fn a_month_after_its_last_volume_went_an_owner_is_forgotten_and_begins_anew() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let instance = owner_instance(&volume.owner);
    let mut reaper = life.reaper();
    look(&mut reaper).await;
    assert_eq!(look(&mut reaper).await.reaped.len(), 1);
    for (hours, is_kept) in [(20 * 24, true), (20 * 24, false)] {
        life.pass(hours);
        let (_, requests) = life.world.count(look(&mut reaper)).await;
        assert_eq!(life.world.store(instance.as_str()).await.is_some(), is_kept, "{requests:#?}");
        assert!(is_kept || requests.len() <= 6, "two for the look, and four: {requests:#?}");
    }
    assert_eq!(life.volume("airflow/etl/r1").await.name, volume.name);
}

#[tokio::test]
async fn an_owner_that_has_a_volume_or_whose_instance_holds_anothers_keys_is_not_forgotten() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let instance = owner_instance(&volume.owner);
    let mut reaper = life.reaper();
    look(&mut reaper).await;
    look(&mut reaper).await;
    let next = life.volume("airflow/etl/r1").await;
    assert_eq!(generation::of(&next.name).unwrap().1, 1);
    life.pass(365 * 24);
    look(&mut reaper).await;
    assert_eq!(generation::current(&life.world.store(instance.as_str()).await.unwrap()), 1);
    life.world.linstor().delete_definition(&next.name).await.unwrap();
    let note = Change { set: [("note".to_owned(), "mine".to_owned())].into(), remove: Vec::new() };
    standing::write(&life.world.linstor(), &instance, &note).await.unwrap();
    look(&mut reaper).await;
    assert_eq!(generation::current(&life.world.store(instance.as_str()).await.unwrap()), 1);
}

#[tokio::test]
async fn a_definition_goes_before_its_records_and_its_name_before_both() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut reaper = life.reaper();
    look(&mut reaper).await;
    let (_, requests) = life.world.count(look(&mut reaper)).await;
    let changes: Vec<String> = requests
        .iter()
        .filter(|one| one.method != "GET")
        .map(|one| format!("{} {}", one.method, one.path.trim_start_matches("/v1/")))
        .collect();
    let (name, owner) = (&volume.name, owner_instance(&volume.owner));
    assert_eq!(
        changes,
        [
            format!("PUT key-value-store/{name}"),
            format!("PUT key-value-store/{owner}"),
            format!("DELETE resource-definitions/{name}"),
            format!("DELETE key-value-store/{name}"),
        ]
    );
}

#[tokio::test]
async fn clearing_a_run_in_airflow_finds_its_data() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut reaper = life.reaper();
    assert_eq!(look(&mut reaper).await, candidates(&volume));
    // The same run_id again: a new claim of the same owner, which voids the proof and the mark.
    life.claim(&volume, "pvc-2").await;
    assert_eq!(look(&mut reaper).await, Round::default());
    let ledger = life.ledger(&volume).await;
    assert!(ledger.ending.ended.is_none() && ledger.ending.candidate.is_none());
    life.release(&volume, "pvc-2").await;
    life.pass(1000);
    assert_eq!(look(&mut reaper).await, Round::default(), "the old proof says nothing of the cleared run");
    assert!(life.is_there(&volume).await);
}

#[tokio::test]
async fn a_claim_at_another_volume_of_the_run_voids_the_proof_for_good() {
    let life = Life::start().await;
    let (mine, other) = (life.volume("airflow/etl/r1/load/-1").await, life.volume("airflow/etl/r1/check/-1").await);
    life.pass(1);
    finish(&life).await;
    life.pass(1);
    life.claim(&other, "pvc-2").await;
    life.pass(200);
    let mut reaper = life.reaper();
    assert_eq!(look(&mut reaper).await, Round::default());
    assert!(life.ledger(&mine).await.ending.ended.is_none(), "the volume that shows it may be gone tomorrow");
}

#[tokio::test]
async fn where_kubernetes_cannot_be_asked_nothing_is_reaped() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut reaper = life.reaper();
    look(&mut reaper).await;
    std::fs::write(life.folder.path().join("broken.yaml"), "kind: [").unwrap();
    let error = reaper.round().await.expect_err("a PersistentVolume may be in it").to_string();
    assert!(error.contains("broken.yaml"), "{error}");
    assert!(life.is_there(&volume).await);
    std::fs::remove_file(life.folder.path().join("broken.yaml")).unwrap();
    assert_eq!(look(&mut reaper).await.reaped.len(), 1);
}

#[tokio::test]
async fn a_persistent_volume_that_names_it_is_a_claim_whatever_linstor_says() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut reaper = life.reaper();
    for handle in [volume.name.to_string(), format!("{}@{}", volume.name, "a".repeat(32))] {
        life.persistent_volume(&handle);
        assert_eq!(look(&mut reaper).await, Round::default(), "{handle}");
    }
    // One that appears after the volume became a candidate, too.
    life.persistent_volume("another");
    assert_eq!(look(&mut reaper).await, candidates(&volume));
    life.persistent_volume(volume.name.as_str());
    assert_eq!(look(&mut reaper).await, Round::default());
    assert!(life.is_there(&volume).await);
}

#[tokio::test]
async fn snapshots_block_reaping() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let path = format!("/v1/resource-definitions/{}/snapshots", volume.name);
    life.world.change("POST", &path, &json!({"name": "kept"})).await;
    let mut reaper = life.reaper();
    assert_eq!((look(&mut reaper).await, look(&mut reaper).await), (Round::default(), Round::default()));
    assert!(life.is_there(&volume).await);
    life.world.change("DELETE", &format!("{path}/kept"), &json!(null)).await;
    look(&mut reaper).await;
    assert_eq!(look(&mut reaper).await.reaped.len(), 1);
}

/// Where LINSTOR can't clone, a snapshot stands between a volume and the copy of it; a cut call leaves it there.
#[tokio::test]
async fn what_a_copy_left_at_its_source_keeps_that_only_until_the_copy_is_filled() {
    let life = Life::start().await;
    let task = |name: &str, task: &str| {
        let owner = [("instance", "airflow"), ("dag-id", "etl"), ("run-id", "r1"), ("task-id", task)];
        owner.iter().fold(create(name).mib(8).storage_alone(), |wanted, (key, value)| wanted.parameter(key, value))
    };
    let controller = &life.world.controller;
    let source = controller.create(task("pvc-1", "extract")).await.unwrap().volume_id;
    controller.delete(&source).await.unwrap();
    life.pass(1);
    finish(&life).await;
    life.pass(200);
    let copy = || task("pvc-2", "transform").parameter("from", "task:extract");
    let faults = life.world.sandbox.faults();
    let restore = faults.inject(Matcher::contains("/snapshot-restore-resource/"), Action::Drop(Moment::Before));
    controller.create(copy()).await.unwrap_err();
    let mut reaper = life.reaper();
    assert_eq!((look(&mut reaper).await, look(&mut reaper).await), (Round::default(), Round::default()));
    assert!(faults.release(restore));
    faults.inject(
        Matcher::contains("/snapshots/").method(&"DELETE".parse().unwrap()).times(1),
        Action::Drop(Moment::Before),
    );
    controller.create(copy()).await.unwrap_err();
    assert_eq!(life.world.snapshots().await.len(), 1, "the copy is whole, and what stood between is left");
    look(&mut reaper).await;
    assert_eq!(look(&mut reaper).await.reaped, [resource(&source)]);
    assert!(life.world.definition(&source).await.is_none() && life.world.snapshots().await.is_empty());
    controller.create(copy()).await.unwrap();
}

#[tokio::test]
async fn only_the_elected_reaps_and_a_dry_run_writes_nothing() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut idle = life.reaper_with(|_| {}, Chosen(false));
    let mut dry = life.reaper_with(|settings| settings.is_dry = true, Chosen(true));
    let before = life.world.store(volume.name.as_str()).await;
    assert_eq!((look(&mut idle).await, look(&mut idle).await), (Round::default(), Round::default()));
    assert_eq!((look(&mut dry).await, look(&mut dry).await), (candidates(&volume), candidates(&volume)));
    assert_eq!(life.world.store(volume.name.as_str()).await, before);
}

#[tokio::test]
async fn one_look_removes_no_more_than_a_minute_may() {
    let life = Life::start().await;
    for task in 0..3 {
        life.volume(&format!("airflow/etl/r1/load/{task}")).await;
    }
    life.pass(1);
    finish(&life).await;
    life.pass(9);
    let mut reaper = life.reaper_with(|settings| settings.per_minute = 2, Chosen(true));
    look(&mut reaper).await;
    let first = look(&mut reaper).await;
    assert_eq!((first.reaped.len(), first.has_more), (2, true));
    let second = look(&mut reaper).await;
    assert_eq!((second.reaped.len(), second.has_more), (1, false));
}

#[tokio::test]
async fn a_successor_finishes_a_final_mark_that_nobody_claims() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    mark(&life, &volume).await;
    assert_eq!(look(&mut life.reaper()).await.reaped, [volume.name.to_string()]);
    assert!(!life.is_there(&volume).await);
}

#[tokio::test]
async fn beside_a_foreign_final_mark_and_a_claim_both_stay_until_a_person_keeps_it() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    life.claim(&volume, "pvc-2").await;
    mark(&life, &volume).await;
    let mut reaper = life.reaper();
    assert_eq!(look(&mut reaper).await, Round::default());
    let ledger = life.ledger(&volume).await;
    assert_eq!((ledger.ending.finals.len(), ledger.claims.len()), (1, 1));
    // This record alone may be of a call that saw the mark, and is about to take it back.
    assert_eq!(keep(&life, &volume).await, Kept::Unclaimed);
    let claim = ClaimKey::of("pvc-2");
    life.persistent_volume(&format!("{}@{claim}", volume.name));
    assert_eq!(keep(&life, &volume).await, Kept::Withdrawn(1));
    let ledger = life.ledger(&volume).await;
    assert_eq!((ledger.ending.finals.len(), ledger.claims.len(), ledger.asking.len()), (0, 1, 0));
    assert_eq!(keep(&life, &volume).await, Kept::Unmarked);
}

#[tokio::test]
async fn a_claim_that_is_attached_stands_and_may_be_kept_by_a_person() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    life.claim(&volume, "pvc-2").await;
    let id = format!("{}@{}", volume.name, ClaimKey::of("pvc-2"));
    let request = ControllerPublishVolumeRequest { volume_capability: Some(block()), ..publish(&id, "node-1") };
    life.world.controller.publish(request).await.unwrap();
    mark(&life, &volume).await;
    assert_eq!(keep(&life, &volume).await, Kept::Withdrawn(1));
}

#[tokio::test]
async fn without_a_claim_a_removal_that_may_be_under_way_is_not_stopped_by_a_person() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    mark(&life, &volume).await;
    assert_eq!(keep(&life, &volume).await, Kept::Unclaimed);
    assert_eq!(life.ledger(&volume).await.ending.finals.len(), 1);
}

#[tokio::test]
async fn a_volume_without_our_tag_is_never_reaped() {
    let life = Life::start().await;
    let volume =
        life.volume_with("airflow/etl/r1", |tags| tags.reap_unproven = Some(std::time::Duration::from_secs(60))).await;
    let path = format!("/v1/resource-definitions/{}", volume.name);
    life.world.change("PUT", &path, &json!({"delete_props": ["Aux/linflow/driver"]})).await;
    life.pass(100);
    let mut reaper = life.reaper();
    assert_eq!((look(&mut reaper).await, look(&mut reaper).await), (Round::default(), Round::default()));
    assert!(life.is_there(&volume).await);
}

#[tokio::test]
async fn a_class_may_have_volumes_go_whose_runs_end_nothing_proves() {
    let life = Life::start().await;
    let month = std::time::Duration::from_secs(30 * 86_400);
    for owner in ["airflow/etl", "airflow/etl/r1", "airflow/etl/r1/load/-1"] {
        life.volume_with(owner, |tags| tags.reap_unproven = Some(month)).await;
    }
    let mut reaper = life.reaper();
    life.pass(30 * 24 - 1);
    assert_eq!(look(&mut reaper).await, Round::default());
    life.pass(1);
    assert_eq!(look(&mut reaper).await.candidates.len(), 3);
    assert_eq!(look(&mut reaper).await.reaped.len(), 3);
}

#[tokio::test]
async fn a_removal_that_linstor_cuts_off_is_gone_on_with_at_the_next_look() {
    let life = Life::start().await;
    let volume = over(&life).await;
    let mut reaper = life.reaper();
    look(&mut reaper).await;
    let matcher = Matcher::prefix(&format!("/v1/resource-definitions/{}", volume.name)).times(1);
    life.world.sandbox.faults().inject(matcher.method(&"DELETE".parse().unwrap()), Action::Drop(Moment::Before));
    assert_eq!(look(&mut reaper).await, Round::default());
    // Its mark stands, so that nobody claims it meanwhile, and the reaper knows that it may go on.
    assert!(life.is_there(&volume).await && life.ledger(&volume).await.ending.finals.len() == 1);
    assert_eq!(look(&mut reaper).await.reaped.len(), 1);
    assert!(!life.is_there(&volume).await);
}

pub async fn mark(life: &Life, volume: &Owned) {
    let mark = Mark { by: "another".to_owned(), time: life.now() };
    let set = final_entry(&volume.incarnation, &Token::of([9; 16]), &mark);
    life.write(volume, &Change { set, remove: Vec::new() }).await;
}

async fn keep(life: &Life, volume: &Owned) -> Kept {
    let keeping = Keeping::new(&volume.name, &volume.incarnation, Token::random().unwrap(), life.now());
    let directory = FolderDirectory::new(life.folder.path());
    let names = Named { directory: &directory, driver: DRIVER };
    carry::keep(&life.world.linstor(), &names, &volume.name, keeping).await.unwrap()
}
