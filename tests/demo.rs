//! `linflow demo` as a person or a script meets it: every step is told, the data survives, and nothing is left on the
//! machine.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

/// The steps of a demo that has devices.
const STEPS: [&str; 26] = [
    "start",
    "create",
    "attach",
    "stage",
    "refuse",
    "publish",
    "write",
    "crash",
    "retry",
    "failover",
    "mount",
    "verify",
    "stale",
    "distrust",
    "return",
    "again",
    "home",
    "remount",
    "reread",
    "unpublish",
    "unstage",
    "detach",
    "release",
    "finish",
    "reap",
    "check",
];
/// Those that need devices.
const OF_DEVICES: [&str; 8] = ["stage", "publish", "write", "mount", "verify", "remount", "reread", "unpublish"];
/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;

/// A folder of its own for each demo, so that what it leaves can be told from what others do.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).expect("it is ours");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn tmp(&self) -> std::path::PathBuf {
        let tmp = self.path().join("tmp");
        fs::create_dir_all(&tmp).expect("the folder is ours");
        fs::set_permissions(&tmp, PermissionsExt::from_mode(0o777)).expect("it is ours");
        tmp
    }

    #[expect(clippy::disallowed_methods, reason = "a test may wait for a process that ends by itself")]
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("TMPDIR", self.tmp()).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
        command
    }

    fn demo(&self, words: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_linflow"));
        command.arg("demo").args(words);
        command
    }

    /// The demo as somebody who is not root. The build's folder may be closed to others, so the binary is copied.
    fn demo_without_root(&self, words: &[&str]) -> Command {
        if !is_root() {
            return self.demo(words);
        }
        let copy = self.path().join("linflow");
        // By a child: a file that this process had open for writing could not be run while another test starts its own.
        let copied = self.command("cp").args([env!("CARGO_BIN_EXE_linflow").as_ref(), copy.as_path()]).status();
        assert!(copied.expect("cp is everywhere").success());
        let mut command = self.command(copy);
        command.arg("demo").args(words).uid(NOBODY).gid(NOBODY).current_dir("/");
        command
    }

    fn assert_nothing_is_left(&self) {
        let left: Vec<_> =
            fs::read_dir(self.tmp()).expect("it was there").flatten().map(|entry| entry.path()).collect();
        assert_eq!(left, Vec::<std::path::PathBuf>::new());
        let ours = self.path().to_str().expect("the system's temporary folder has a name in UTF-8");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("Linux has it");
        assert!(!mounts.contains(ours), "{mounts}");
        for device in fs::read_dir("/sys/block").expect("Linux has it").flatten() {
            let file = fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
            assert!(!file.contains(ours), "{} is on {file}", device.path().display());
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("Linux has it").uid() == 0
}

/// Tells the person who runs the tests. Not by `eprintln!`, which the test runner keeps to itself.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

fn run(mut command: Command) -> Output {
    let output = command.output().expect("cargo built the binary");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}\n{out}\n{err}", output.status);
    output
}

fn objects(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("linflow prints UTF-8");
    text.lines().map(|line| line.parse().expect("each line is an object")).collect()
}

fn names(steps: &[Value]) -> Vec<&str> {
    steps.iter().filter_map(|step| step["step"].as_str()).collect()
}

fn step<'a>(steps: &'a [Value], name: &str) -> &'a Value {
    steps.iter().find(|step| step["step"] == name).expect("the story has the step")
}

#[test]
fn the_data_survives_and_nothing_is_left() {
    if !is_root() {
        say("SKIPPED the demo with devices, which needs root; without_root_books_are_kept_and_the_demo_says_so runs");
        return;
    }
    let scene = Scene::new();
    let objects = objects(&run(scene.demo(&["--json"])));
    let (summary, steps) = objects.split_last().expect("it says something");
    assert_eq!(names(steps), STEPS);
    assert!(
        steps.iter().all(|step| step["ok"] == true && step["ms"].is_u64() && step["requests"].is_u64()),
        "{steps:#?}"
    );
    let written = &step(steps, "write")["sha256"];
    assert_eq!(written.as_str().map(str::len), Some(64));
    assert_eq!((written, written), (&step(steps, "verify")["sha256"], &step(steps, "reread")["sha256"]));
    let file = |name| step(steps, name)["file"].as_str().expect("the replica's file is told").to_owned();
    assert!(file("verify").starts_with("node-2/") && file("reread").starts_with("node-1/"));
    assert_eq!((&summary["ok"], &summary["mode"]), (&true.into(), &"devices".into()));
    assert_eq!((&summary["steps"], &summary["checksum_held"]), (&STEPS.len().into(), &true.into()));
    scene.assert_nothing_is_left();
}

#[test]
fn without_root_books_are_kept_and_the_demo_says_so() {
    let scene = Scene::new();
    let objects = objects(&run(scene.demo_without_root(&["--json"])));
    let (summary, steps) = objects.split_last().expect("it says something");
    let expected: Vec<&str> =
        STEPS.into_iter().filter(|step| !OF_DEVICES.contains(step) && *step != "unstage").collect();
    assert_eq!(names(steps), expected);
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:#?}");
    assert_eq!((&steps[0]["mode"], &summary["mode"]), (&"bookkeeping".into(), &"bookkeeping".into()));
    let refusals = step(steps, "refuse")["notes"].as_array().expect("the refusals are told");
    for (refusal, why) in refusals.iter().zip(["names dag_id \"etl_daily\"", "was attached for the pod with uid"]) {
        let refusal = refusal.as_str().expect("a note is text");
        assert!(refusal.starts_with("PERMISSION_DENIED: ") && refusal.contains(why), "{refusal}");
    }
    assert_eq!(refusals.len(), 2);
    scene.assert_nothing_is_left();
}

#[test]
fn a_pipe_gets_plain_text_with_a_summary_as_the_last_line() {
    let scene = Scene::new();
    let text = String::from_utf8(run(scene.demo_without_root(&[])).stdout).expect("linflow prints UTF-8");
    assert!(!text.contains('\x1b') && text.contains("Bookkeeping mode (not root"), "{text}");
    let last = text.lines().last().expect("it says something");
    assert!(last.starts_with("demo: 17 steps in ") && last.ends_with(", nothing left over"), "{last}");
    let colored = run(scene.demo_without_root(&["--color", "always"])).stdout;
    assert!(colored.contains(&0x1b));
}

#[test]
fn an_interrupted_demo_takes_everything_away() {
    let scene = Scene::new();
    let mut child = scene.demo(&["--json"]).stdout(Stdio::piped()).spawn().expect("cargo built the binary");
    // With devices the next step writes into what is mounted by now.
    let last = if is_root() { "publish" } else { "refuse" };
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains(&format!("\"step\":\"{last}\"")) {
        line.clear();
        assert_ne!(output.read_line(&mut line).expect("linflow prints UTF-8"), 0, "the demo ended early");
    }
    interrupt(&scene, &child);
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("linflow prints UTF-8");
    assert_eq!(child.wait().expect("it was started").code(), Some(1));
    assert!(rest.lines().last().is_some_and(|line| line.contains("interrupted")), "{rest}");
    scene.assert_nothing_is_left();
}

#[test]
fn a_failing_step_is_told_and_everything_is_taken_away() {
    if !is_root() {
        say("SKIPPED a failing step: without root no step runs a program that could be made to fail");
        return;
    }
    let scene = Scene::new();
    std::os::unix::fs::symlink("/bin/false", scene.path().join("mkfs.ext4")).expect("the folder is ours");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", scene.path().display());
    let output = scene.demo(&["--json"]).env("PATH", path).output().expect("cargo built the binary");
    assert_eq!(output.status.code(), Some(1));
    let objects = objects(&output);
    assert_eq!((&step(&objects, "stage")["ok"], objects.len()), (&false.into(), 5));
    let summary = objects[4]["summary"].as_str().expect("it ends with a summary");
    assert!(summary.starts_with("failed at step stage: NodeStageVolume answered Internal: mkfs.ext4 on "), "{summary}");
    scene.assert_nothing_is_left();
}

fn interrupt(scene: &Scene, child: &Child) {
    let sent = scene.command("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is everywhere").success());
}

#[test]
fn a_kept_state_stays() {
    let scene = Scene::new();
    let kept = scene.tmp().join("kept");
    let words = ["--json", "--keep", kept.to_str().expect("the system's temporary folder has a name in UTF-8")];
    let objects = objects(&run(scene.demo_without_root(&words)));
    assert!(objects.last().is_some_and(|summary| summary["summary"].to_string().contains("state kept in")));
    fs::remove_dir_all(&kept).expect("it is there");
    scene.assert_nothing_is_left();
}
