use std::fs;

use tempfile::TempDir;

use super::*;

fn pod(name: &str, uid: Option<&str>) -> PodRef {
    PodRef { namespace: "airflow".to_owned(), name: name.to_owned(), uid: uid.map(str::to_owned) }
}

fn manifest(name: &str, uid: &str, run: &str) -> String {
    format!(
        "kind: Pod\nmetadata:\n  name: {name}\n  namespace: airflow\n  uid: {uid}\n  annotations: {{run_id: {run}}}\n"
    )
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> (TempDir, FolderDirectory) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("the file is written");
    }
    let directory = FolderDirectory::new(dir.path());
    (dir, directory)
}

fn set_time(path: &Path, time: SystemTime) {
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("the time is set");
}

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

#[tokio::test]
async fn a_pod_is_found_by_namespace_name_and_uid_among_documents_and_files() {
    let two = format!("{}---\n{}", manifest("a", "u1", "r1"), manifest("b", "u2", "r2"));
    let (_dir, directory) = folder(&[("two.yaml", &two), ("c.json", r#"{"kind":"Pod","metadata":{"name":"c"}}"#)]);
    let found = directory.pod(&pod("b", Some("u2"))).await.expect("it is there");
    assert_eq!(found.annotations["run_id"], "r2");
    let elsewhere = directory.pod(&pod("c", None)).await;
    assert!(matches!(elsewhere, Err(DirectoryError::NotFound { .. })), "c is in namespace default: {elsewhere:?}");
}

#[tokio::test]
async fn a_namesake_with_another_uid_is_not_the_pod() {
    let (_dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1"))]);
    let error = directory.pod(&pod("a", Some("u2"))).await.expect_err("replaced");
    assert_eq!(error, DirectoryError::WrongUid { object: Object::Pod(pod("a", Some("u2"))), found: "u1".to_owned() });
}

#[tokio::test]
async fn a_manifest_without_uid_stands_for_any_pod_of_its_name() {
    let text = "kind: Pod\nmetadata: {name: a, namespace: airflow}\n";
    let (_dir, directory) = folder(&[("a.yml", text)]);
    let found = directory.pod(&pod("a", Some("u2"))).await.expect("the operator says so");
    assert_eq!(found.reference.uid, None);
}

#[tokio::test]
async fn the_manifest_with_the_uid_is_chosen_among_namesakes() {
    let (_dir, directory) =
        folder(&[("old.yaml", &manifest("a", "u1", "r1")), ("new.yaml", &manifest("a", "u2", "r2"))]);
    for (uid, run) in [("u1", "r1"), ("u2", "r2")] {
        assert_eq!(directory.pod(&pod("a", Some(uid))).await.expect("it is there").annotations["run_id"], run);
    }
}

#[tokio::test]
async fn two_manifests_of_one_pod_that_differ_decide_nothing() {
    let (_dir, directory) =
        folder(&[("one.yaml", &manifest("a", "u1", "r1")), ("two.yaml", &manifest("a", "u1", "r2"))]);
    let error = directory.pod(&pod("a", Some("u1"))).await.expect_err("ambiguous").to_string();
    assert!(error.contains("one.yaml") && error.contains("two.yaml"), "{error}");
}

#[tokio::test]
async fn changed_new_and_removed_files_are_noticed() {
    let (dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1"))]);
    let file = dir.path().join("a.yaml");
    let run = async || directory.pod(&pod("a", Some("u1"))).await.map(|pod| pod.annotations["run_id"].clone());
    assert_eq!(run().await, Ok("r1".to_owned()));
    fs::write(&file, manifest("a", "u1", "longer")).expect("rewritten");
    assert_eq!(run().await, Ok("longer".to_owned()));
    fs::write(&file, manifest("a", "u1", "sameln")).expect("rewritten at once with the same length");
    assert_eq!(run().await, Ok("sameln".to_owned()));
    fs::rename(&file, dir.path().join("b.yaml")).expect("renamed");
    assert_eq!(run().await, Ok("sameln".to_owned()));
    fs::remove_file(dir.path().join("b.yaml")).expect("removed");
    assert!(matches!(run().await, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn who_waits_while_others_look_takes_what_a_look_that_began_after_the_question_saw() {
    let (dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1"))]);
    let looked = |at: Instant| directory.seen.lock().expect("nothing panicked").looked = Some(at);
    directory.pod(&pod("a", None)).await.expect("it is there");
    fs::remove_file(dir.path().join("a.yaml")).expect("removed");
    looked(Instant::now() + Duration::from_secs(3600));
    directory.pod(&pod("a", None)).await.expect("a later look saw it");
    looked(Instant::now());
    assert!(matches!(directory.pod(&pod("a", None)).await, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn an_old_file_is_read_once_and_again_when_it_is_replaced() {
    let (dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1"))]);
    let file = dir.path().join("a.yaml");
    set_time(&file, long_ago());
    directory.pod(&pod("a", None)).await.expect("it is there");
    fs::write(&file, manifest("a", "u1", "r2")).expect("rewritten in place");
    set_time(&file, long_ago());
    assert_eq!(
        directory.pod(&pod("a", None)).await.expect("kept").annotations["run_id"],
        "r1",
        "nothing shows a change"
    );
    let next = dir.path().join("next");
    fs::write(&next, manifest("a", "u1", "r3")).expect("written beside");
    set_time(&next, long_ago());
    fs::rename(&next, &file).expect("replaced");
    assert_eq!(directory.pod(&pod("a", None)).await.expect("it is there").annotations["run_id"], "r3");
}

#[tokio::test]
async fn a_file_too_young_for_its_time_to_show_a_change_is_read_each_time() {
    let (dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1"))]);
    let file = dir.path().join("a.yaml");
    let not_yet = SystemTime::now() + Duration::from_secs(3600);
    set_time(&file, not_yet);
    directory.pod(&pod("a", None)).await.expect("it is there");
    fs::write(&file, manifest("a", "u1", "r2")).expect("rewritten in place");
    set_time(&file, not_yet);
    assert_eq!(directory.pod(&pod("a", None)).await.expect("it is there").annotations["run_id"], "r2");
}

#[tokio::test]
async fn a_broken_file_hides_no_other_but_its_own_pods() {
    let (_dir, directory) = folder(&[("bad.yaml", "kind: Pod\nmetadata: [\n"), ("a.yaml", &manifest("a", "u1", "r1"))]);
    assert!(directory.pod(&pod("a", Some("u1"))).await.is_ok());
    for wanted in [pod("b", None), pod("a", Some("u2"))] {
        let error = directory.pod(&wanted).await.expect_err("it may be in the broken file");
        assert!(matches!(error, DirectoryError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("bad.yaml"), "{error}");
    }
}

#[tokio::test]
async fn files_of_other_names_are_passed_over() {
    let text = manifest("a", "u1", "r1");
    let (_dir, directory) = folder(&[(".a.yaml", &text), ("a.yaml~", &text), ("notes.txt", "[")]);
    assert!(matches!(directory.pod(&pod("a", None)).await, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn a_folder_that_is_not_there_makes_pods_unavailable_until_it_is() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let dir = parent.path().join("pods");
    let directory = FolderDirectory::new(&dir);
    let error = directory.pod(&pod("a", None)).await.expect_err("no folder");
    assert!(matches!(error, DirectoryError::Unavailable { .. }) && error.to_string().contains("--pods"), "{error}");
    fs::create_dir(&dir).expect("made");
    fs::write(dir.join("a.yaml"), manifest("a", "u1", "r1")).expect("written");
    assert!(directory.pod(&pod("a", None)).await.is_ok());
}

#[tokio::test]
async fn a_pod_that_ended_or_gave_its_name_to_another_is_not_alive() {
    let ended = format!("{}status: {{phase: Failed}}\n", manifest("ended", "u2", "r1"));
    let (_dir, directory) = folder(&[("a.yaml", &manifest("a", "u1", "r1")), ("ended.yaml", &ended)]);
    let presence = async |name: &str, uid: &str| directory.presence(&pod(name, Some(uid))).await;
    assert_eq!(presence("a", "u1").await, Ok(Presence::Alive));
    assert_eq!(presence("ended", "u2").await, Ok(Presence::Ended));
    assert_eq!(presence("a", "u9").await, Ok(Presence::Absent));
    assert_eq!(presence("gone", "u1").await, Ok(Presence::Absent));
}

#[tokio::test]
async fn a_claim_is_found_by_its_name_and_says_which_pod_owns_it() {
    let text = "kind: PersistentVolumeClaim\nmetadata:\n  name: c\n  namespace: n\n  uid: u3\n  \
                ownerReferences: [{kind: Pod, name: p, uid: u1}]\n";
    let (_dir, directory) = folder(&[("c.yaml", text)]);
    let claim = directory.claim("n", "c").await.expect("it is there");
    assert_eq!(claim.pod().map(|pod| pod.to_string()), Some("n/p (uid u1)".to_owned()));
    assert!(matches!(directory.claim("n", "other").await, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn persistent_volumes_are_those_of_the_driver_and_none_is_known_beside_a_broken_file() {
    let volume = |driver: &str, handle: &str| {
        format!(
            "kind: PersistentVolume\nmetadata: {{name: v}}\nspec: {{csi: {{driver: {driver}, volumeHandle: {handle}}}}}\n"
        )
    };
    let (dir, directory) =
        folder(&[("a.yaml", &volume("linflow.csi", "vol1")), ("b.yaml", &volume("other.csi", "vol2"))]);
    assert_eq!(directory.handles("linflow.csi").await, Ok(BTreeSet::from(["vol1".to_owned()])));
    fs::write(dir.path().join("c.yaml"), "kind: [").expect("written");
    assert!(matches!(directory.handles("linflow.csi").await, Err(DirectoryError::Unavailable { .. })));
}
