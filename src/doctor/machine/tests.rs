use std::fs;

use tempfile::TempDir;

use super::*;

/// A machine below a temporary folder.
struct Played {
    root: TempDir,
}

impl Played {
    fn new() -> Self {
        Self { root: TempDir::new().unwrap() }
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self
    }

    fn program(self, path: &str) -> Self {
        let played = self.file(path, "");
        fs::set_permissions(played.root.path().join(path), fs::Permissions::from_mode(0o755)).unwrap();
        played
    }

    async fn look(&self, may_write: bool) -> MachineFacts {
        let (root, kubelet_dir) = (Some(self.root.path().to_owned()), PathBuf::from("/var/lib/kubelet"));
        Machine { root, kubelet_dir, may_write, limit: Duration::from_secs(60) }.look().await
    }
}

#[tokio::test]
async fn the_module_s_version_is_read_where_either_file_tells_it() {
    for (played, version) in [
        (Played::new(), None),
        (Played::new().file("sys/module/drbd/version", "9.2.11\n"), Some("9.2.11")),
        (Played::new().file("proc/drbd", "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: X\n"), Some("8.4.11")),
        (Played::new().file("proc/drbd", ""), None),
    ] {
        assert_eq!(played.look(false).await.drbd.unwrap().as_deref(), version);
    }
}

#[tokio::test]
async fn a_program_is_an_executable_file_in_the_path() {
    let played = Played::new().program("usr/sbin/mkfs.xfs").program("sbin/drbdsetup").file("usr/sbin/mkfs.ext4", "");
    let missing = played.look(false).await.missing_programs.unwrap();
    assert_eq!(missing, ["mkfs.ext4", "tune2fs", "xfs_admin", "e2fsck", "resize2fs", "xfs_growfs", "xfs_io"]);
}

#[tokio::test]
async fn directories_are_looked_at_and_left_as_they_were() {
    let played = Played::new().file("var/lib/kubelet/plugins_registry/x.sock", "").file("var/lib/kubelet/plugins", "");
    let states = |facts: MachineFacts| -> Vec<DirectoryState> {
        facts.kubelet.unwrap().into_iter().map(|directory| directory.state).collect()
    };
    let no_folder = DirectoryState::Unusable("it is not a directory".to_owned());
    let (there, writable, missing) = (DirectoryState::There, DirectoryState::Writable, DirectoryState::Missing);
    assert_eq!(states(played.look(true).await), [there.clone(), writable, no_folder.clone(), missing.clone()]);
    assert_eq!(states(played.look(false).await), [there.clone(), there, no_folder, missing]);
    let left = fs::read_dir(played.root.path().join("var/lib/kubelet/plugins_registry")).unwrap().count();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn mounts_of_another_root_are_those_of_its_first_process() {
    let played = Played::new().file("proc/1/mountinfo", "27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n");
    assert!(played.look(false).await.mounts.unwrap().0[0].is_shared);
    let none = Played::new().look(false).await.mounts.unwrap_err();
    assert!(matches!(&none, Untold::NoAnswer(why) if why.contains("/proc/1/mountinfo")), "{none:?}");
}

#[tokio::test]
async fn control_groups_are_told_by_their_files() {
    for (played, expected) in [
        (Played::new(), Cgroups::None),
        (Played::new().file("sys/fs/cgroup/cgroup.controllers", "io"), Cgroups::Version2),
        (Played::new().file("sys/fs/cgroup/blkio/tasks", ""), Cgroups::Version1),
    ] {
        assert_eq!(played.look(false).await.cgroups, Ok(expected));
    }
}

#[tokio::test]
async fn a_look_that_hangs_ends_at_its_limit() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    static HELD: std::sync::Mutex<Option<std::sync::mpsc::Receiver<()>>> = std::sync::Mutex::new(None);
    *HELD.lock().unwrap() = Some(held);
    let machine = Machine { root: None, kubelet_dir: "/".into(), may_write: false, limit: Duration::from_millis(50) };
    let told = machine
        .aside(|_| {
            let held = HELD.lock().unwrap().take().unwrap();
            // Until the test has seen that nobody waits for it.
            let _ = held.recv();
            Ok(())
        })
        .await;
    assert_eq!(told, Err(Untold::NoAnswer("this machine's files did not answer within 50ms".to_owned())));
    drop(release);
}
