//! The binary's command line as a person or a script meets it.

use std::{
    io::Write,
    process::{Output, Stdio},
};

/// Runs linflow with nothing but `variables` in its environment.
#[expect(clippy::disallowed_methods, reason = "a test may wait for a process that ends by itself")]
fn linflow(words: &[&str], variables: &[(&str, &str)]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_linflow"))
        .args(words)
        .env_clear()
        .env("COLUMNS", "100")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("cargo built the binary")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("linflow prints UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("linflow prints UTF-8")
}

#[test]
fn all_mistakes_are_listed_at_once_with_exit_64() {
    let output = linflow(&["all", "--csi-endpoint", "csi.sock", "--max-volumes-per-node", "0"], &[]);
    assert_eq!(output.status.code(), Some(64));
    insta::assert_snapshot!("mistakes", stderr(&output));
    assert_eq!(stdout(&output), "");
}

#[test]
fn peer_weakness_8_nought_is_refused_with_the_range_wherever_it_makes_no_sense() {
    let flags = ["--max-volumes-per-node", "--linstor-in-flight", "--linstor-read-timeout", "--linstor-write-timeout"];
    for flag in flags {
        for nought in ["0", "0s", "-1", "00"] {
            let output = linflow(&["controller", "--csi-endpoint", "/x/csi.sock", &format!("{flag}={nought}")], &[]);
            assert_eq!(output.status.code(), Some(64), "{flag} {nought}");
            let line = stderr(&output).lines().find(|line| line.contains(flag)).expect("the flag is named");
            assert!(line.contains("give a ") && !stderr(&output).contains("panicked"), "{line}");
        }
    }
}

#[test]
fn what_clap_refuses_also_exits_64() {
    for words in [&["all", "--no-such-flag"][..], &["no-such-command"], &[]] {
        let output = linflow(words, &[]);
        assert_eq!(output.status.code(), Some(64), "{words:?}");
        assert_ne!(stderr(&output), "", "{words:?}");
    }
}

#[test]
fn help_and_version_exit_0_on_stdout() {
    for words in [&["--help"][..], &["all", "--help"], &["--version"]] {
        let output = linflow(words, &[]);
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{words:?}");
        assert_ne!(stdout(&output), "", "{words:?}");
    }
}

#[test]
fn the_help_is_as_reviewed() {
    for command in ["", "all", "sandbox", "demo", "doctor"] {
        let words: Vec<&str> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let name = if command.is_empty() { "help".to_owned() } else { format!("help_{command}") };
        insta::assert_snapshot!(name, stdout(&linflow(&words, &[])));
    }
}

#[test]
fn the_help_about_volumes_and_runs_is_as_reviewed() {
    let volumes = ["list", "show", "release", "extend", "keep", "delete"].map(|verb| ["volumes", verb, "--help"]);
    let runs = ["list", "show", "finish", "resume", "release"].map(|verb| ["runs", verb, "--help"]);
    for words in volumes.iter().chain(&runs) {
        let output = linflow(words, &[]);
        // What every command has is in the others' help.
        let (own, _) = stdout(&output).split_once("\nLINSTOR:").expect("each takes LINSTOR's flags");
        let (_, examples) = stdout(&output).split_once("Examples:").expect("each has examples");
        insta::assert_snapshot!(format!("help_{}_{}", words[0], words[1]), format!("{own}\nExamples:{examples}"));
    }
    for command in ["volumes", "runs"] {
        insta::assert_snapshot!(format!("help_{command}"), stdout(&linflow(&[command, "--help"], &[])));
    }
}

#[test]
fn controller_and_node_take_the_flags_of_all() {
    let flags = |command: &str| -> Vec<String> {
        let output = linflow(&[command, "--help"], &[]);
        let words = stdout(&output).split_whitespace().map(str::to_owned);
        words.filter(|word| word.starts_with("--")).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(flags("controller"), flags("all"));
    assert_eq!(flags("node"), flags("all"));
}

#[test]
fn every_flag_has_an_environment_name() {
    for command in ["controller", "node", "all", "sandbox", "demo", "doctor"] {
        let output = linflow(&[command, "--help"], &[]);
        let (options, _) = stdout(&output).split_once("Examples:").expect("each command has examples");
        for option in options.split("\n      --").skip(1) {
            let words: Vec<&str> = option.split_whitespace().collect();
            assert!(words.join(" ").contains("[env: LINFLOW_"), "{command}: --{option}");
        }
        assert!(options.matches("\n      --").count() > 3, "{command}: {options}");
    }
}

#[test]
fn the_environment_counts_as_the_flags_do() {
    let variables = [
        ("LINFLOW_CSI_ENDPOINT", "csi.sock"),
        ("LINFLOW_NODE_NAME", "-"),
        ("LINFLOW_DRIVER_NAME", "-"),
        ("LINFLOW_MAX_VOLUMES_PER_NODE", "many"),
        ("LINFLOW_LINSTOR_IN_FLIGHT", "none"),
        ("LS_CONTROLLERS", "ftp://linstor"),
    ];
    let output = linflow(&["all"], &variables);
    assert_eq!(output.status.code(), Some(64));
    let list = stderr(&output);
    assert!(list.starts_with("linflow: 6 mistakes"), "{list}");
    for flag in ["--csi-endpoint", "--node-name", "--driver-name", "--max-volumes-per-node", "LS_CONTROLLERS"] {
        assert!(list.contains(&format!("\n  {flag} ")), "{flag}: {list}");
    }
}

#[test]
fn no_secret_of_the_environment_is_printed() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(b"token-of-mine").expect("it is writable");
    let token = file.path().to_str().expect("temporary paths are UTF-8");
    let variables = [
        ("LINFLOW_LINSTOR_URL", "http://admin:hunter2@linstor"),
        ("LINFLOW_USER_KEY", "hunter2-in-base64"),
        ("LINFLOW_BEARER_TOKEN_FILE", token),
    ];
    for words in [&["all"][..], &["all", "--help"]] {
        let output = linflow(words, &variables);
        let printed = [stdout(&output), stderr(&output)].concat();
        assert!(!printed.contains("hunter2") && !printed.contains("token-of-mine"), "{printed}");
    }
}

/// Kubernetes starts it again, so that it serves once the path is right.
#[test]
fn a_socket_that_cannot_be_made_is_named_with_its_flag() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let socket = file.path().join("csi.sock");
    let endpoint = format!("unix://{}", socket.display());
    let words = ["controller", "--csi-endpoint", &endpoint, "--linstor-url", "http://127.0.0.1:1"];
    let output = linflow(&words, &[]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for part in [&endpoint["unix://".len()..], "--csi-endpoint"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[test]
fn an_address_that_is_taken_is_named_once_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = taken.local_addr().expect("it listens").to_string();
    let (state, socket) = (folder.path().join("state"), folder.path().join("csi.sock"));
    let endpoint = format!("unix://{}", socket.display());
    let sandbox = ["sandbox", "--bookkeeping", "--listen", &address, "--state", state.to_str().expect("UTF-8")];
    let driver = ["--csi-endpoint", &endpoint, "--linstor-url", "http://127.0.0.1:1", "--admin-listen", &address];
    for words in [&sandbox[..], &[&["controller"], &driver[..]].concat()] {
        let output = linflow(words, &[]);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let said = stderr(&output);
        assert!(said.contains(&address), "{said}");
        assert_eq!(said.matches("Address already in use").count(), 1, "{said}");
    }
}
