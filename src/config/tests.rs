use super::*;
use crate::kube::Place;
use crate::linstor::{Pem, Settings};
use crate::sandbox::latency::Latency;
use crate::workflow::Confirm;
use clap::{CommandFactory, FromArgMatches, builder::Resettable};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;

/// Parses the words with nothing but `variables` in the environment. That of the process may name a LINSTOR for other
/// tests.
fn parse(words: &[&str], variables: &[(&str, &str)]) -> Result<Config, Vec<ConfigError>> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let forget = |command: clap::Command| command.mut_args(|arg| arg.env(Resettable::Reset));
    let command = forget(Args::command()).mut_subcommands(forget);
    let matches =
        command.try_get_matches_from(["linflow"].iter().chain(words)).expect("the words are flags of linflow");
    let args = Args::from_arg_matches(&matches).expect("what was matched is whole");
    args.validate(&|name| variables.get(name).cloned())
}

fn flags(errors: &[ConfigError]) -> Vec<&str> {
    errors.iter().map(|error| error.flag).collect()
}

const CONTROLLER: [&str; 3] = ["controller", "--csi-endpoint", "unix:///csi/csi.sock"];

fn linstor(words: &[&str], variables: &[(&str, &str)]) -> Result<Settings, Vec<ConfigError>> {
    match parse(&[&CONTROLLER, words].concat(), variables)?.command {
        Command::Controller(driver) => Ok(driver.linstor),
        other => panic!("controller was asked for, not {other:?}"),
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let words = [
        "all",
        "--csi-endpoint",
        "csi.sock",
        "--driver-name",
        "-",
        "--linstor-url",
        "ftp://a,,http://b",
        "--linstor-in-flight",
        "0",
        "--linstor-read-timeout",
        "soon",
        "--admin-listen",
        "here",
        "--drain-timeout",
        "25",
        "--max-volumes-per-node",
        "-1",
        "--log-format=xml",
        "--log=a=b=c",
        "--pods",
        "/does/not/exist",
        "--kubernetes",
        "perhaps",
        "--kubeconfig",
        "/does/not/exist",
        "--airflow-instance",
        "prod",
        "--pod-lookups",
        "1",
        "--confirm",
        "maybe",
    ];
    let errors = parse(&words, &[]).expect_err("there are 18 mistakes");
    let expected = [
        "--log-format",
        "--log",
        "--csi-endpoint",
        "--driver-name",
        "--linstor-url",
        "--linstor-url",
        "--linstor-in-flight",
        "--linstor-read-timeout",
        "--pods",
        "--kubernetes",
        "--kubeconfig",
        "--airflow-instance",
        "--confirm",
        "--admin-listen",
        "--drain-timeout",
        "--max-volumes-per-node",
        "--node-name",
        "--pod-lookups",
    ];
    assert_eq!(flags(&errors), expected);
    assert_eq!(
        errors[16].to_string(),
        "--node-name: is missing; name this node as LINSTOR knows it, such as --node-name node-1"
    );
}

#[test]
fn a_full_command_line_becomes_typed_values() {
    let words = [
        "all",
        "--csi-endpoint",
        "unix:///csi/csi.sock",
        "--linstor-url",
        "http://a:1,b",
        "--node-name",
        "node-1",
        "--max-volumes-per-node",
        "20",
        "--topology-pools",
        "false",
        "--confirm",
        "audit",
        "--admin-listen",
        "127.0.0.1:0",
        "--linstor-write-timeout",
        "2m",
    ];
    let config = parse(&words, &[]).expect("it is valid");
    let Command::All(driver, node) = config.command else { panic!("all was asked for") };
    assert_eq!(driver.csi_endpoint.to_str(), Some("/csi/csi.sock"));
    assert_eq!(driver.driver_name.as_str(), "linflow.csi");
    let urls: Vec<&str> = driver.linstor.urls.iter().map(url::Url::as_str).collect();
    assert_eq!(urls, ["http://a:1/", "http://b:3370/"]);
    assert_eq!((driver.linstor.max_in_flight, driver.linstor.write_timeout.as_secs()), (16, 120));
    assert_eq!(driver.confirm, Confirm::Audit);
    assert_eq!((node.name.as_str(), driver.max_volumes_per_node, node.topology_pools), ("node-1", Some(20), false));
}

#[test]
fn kubernetes_is_asked_at_one_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path.to_str().expect("temporary paths are UTF-8").to_owned()
    };
    let (good, bare) = (write("good", "{kind: Config, current-context: c}"), write("bare", "{kind: Config}"));
    let broken = write("broken", "users: [{name: u, user: {token: hunter2, token: [}}]");
    let pods = folder.path().to_str().expect("temporary paths are UTF-8");
    let directory = |words: &[&str]| {
        let words = [&CONTROLLER[..], &["--linstor-url", "a"], words].concat();
        match parse(&words, &[]).map(|config| config.command) {
            Ok(Command::Controller(driver)) => Ok(driver.directory),
            other => Err(other.map(|_| ()).expect_err("controller was asked for")),
        }
    };
    assert_eq!(directory(&[]), Ok(DirectoryConfig::None));
    assert_eq!(directory(&["--pods", pods]), Ok(DirectoryConfig::Folder(pods.into())));
    let asked = DirectoryConfig::Kubernetes(Place::Kubeconfig(good.clone().into()));
    assert_eq!(directory(&["--kubeconfig", &good]), Ok(asked.clone()));
    assert_eq!(directory(&["--kubeconfig", &good, "--kubernetes=true"]), Ok(asked));
    for (words, flag, word) in [
        (&["--pods", pods, "--kubeconfig", &good][..], "--pods", "excludes --kubeconfig"),
        (&["--pods", pods, "--kubernetes=true"], "--pods", "excludes --kubernetes true"),
        (&["--kubeconfig", &good, "--kubernetes=false"], "--kubeconfig", "excludes --kubernetes false"),
        (&["--kubernetes=true"], "--kubernetes", "KUBERNETES_SERVICE_HOST"),
        (&["--kubeconfig", &bare], "--kubeconfig", "no current-context"),
        (&["--kubeconfig", &broken], "--kubeconfig", "it is no kubeconfig"),
    ] {
        let errors = directory(words).expect_err("it can't be");
        assert_eq!(flags(&errors), [flag], "{words:?}");
        let said = errors[0].to_string();
        assert!(said.contains(word) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_controller_needs_no_node_name_and_a_node_does() {
    let tail = ["--csi-endpoint", "unix:///csi/csi.sock", "--linstor-url", "a"];
    assert!(parse(&[&["controller"], &tail[..]].concat(), &[]).is_ok());
    let errors = parse(&[&["node"], &tail[..]].concat(), &[]).expect_err("the node's name is missing");
    assert_eq!(flags(&errors), ["--node-name"]);
}

#[test]
fn linstors_own_variables_count_where_no_flag_is_given() {
    let known = [("LS_CONTROLLERS", "linstor+ssl://one,two"), ("LS_ROOT_CA", "-----BEGIN CERTIFICATE-----")];
    let config = linstor(&[], &known).expect("the variables are enough");
    let urls: Vec<&str> = config.urls.iter().map(url::Url::as_str).collect();
    assert_eq!(urls, ["https://one:3371/", "https://two:3371/"]);
    let root_ca = config.root_ca.expect("it was given").read().expect("text needs no file");
    assert_eq!(root_ca.expose_secret(), "-----BEGIN CERTIFICATE-----");

    let config = linstor(&["--linstor-url", "flag"], &known[..1]).expect("the flag is enough");
    assert_eq!(config.urls[0].as_str(), "http://flag:3370/");
}

#[test]
fn pem_is_taken_as_text_or_from_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("tls.crt");
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n").expect("the folder is writable");
    let path = path.to_str().expect("temporary paths are UTF-8");
    for (words, variables) in [
        (vec!["--root-ca", path], vec![]),
        (vec![], vec![("LS_ROOT_CA", path)]),
        (vec![], vec![("LS_ROOT_CA_FILE", path)]),
    ] {
        let words = [&["--linstor-url", "a"], &words[..]].concat();
        let config = linstor(&words, &variables).expect("the file holds PEM");
        assert!(matches!(config.root_ca, Some(Pem::File(_))), "{words:?} {variables:?}");
        assert_eq!(config.urls[0].scheme(), "https", "a CA means TLS");
    }
    let errors = linstor(&["--linstor-url", "a"], &[("LS_ROOT_CA_FILE", "-----BEGIN CERTIFICATE-----")]);
    assert_eq!(flags(&errors.expect_err("a _FILE variable holds a path")), ["LS_ROOT_CA_FILE"]);
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let certificate = [("LS_USER_CERTIFICATE", "-----BEGIN CERTIFICATE-----")];
    let errors = linstor(&["--linstor-url", "a"], &certificate).expect_err("the key is missing");
    assert_eq!(flags(&errors), ["--user-key"]);
}

#[test]
fn no_secret_is_repeated() {
    let key = [("LS_USER_KEY", "LS0tLS1CRUdJTiBQUklWQVRF"), ("LS_CONTROLLERS", "http://me:hunter2@host")];
    let errors = linstor(&[], &key).expect_err("neither is valid");
    let shown: String = errors.iter().map(ToString::to_string).collect();
    assert_eq!(flags(&errors), ["LS_USER_KEY", "LS_CONTROLLERS"]);
    assert!(!shown.contains("LS0tLS1") && !shown.contains("hunter2"), "{shown}");

    let config = linstor(&["--linstor-url", "a"], &[("LS_ROOT_CA", "-----BEGIN SECRET-----")]).expect("it is PEM");
    assert!(!format!("{config:?}").contains("SECRET"));
}

#[test]
fn the_bearer_token_file_must_hold_something() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "\n").expect("the folder is writable");
    let path = path.to_str().expect("temporary paths are UTF-8");
    let errors = linstor(&["--linstor-url", "a"], &[("LS_BEARER_TOKEN_FILE", path)]).expect_err("it is empty");
    assert_eq!(flags(&errors), ["LS_BEARER_TOKEN_FILE"]);
}

#[test]
fn kubelet_sees_the_csi_socket_where_it_is_unless_it_is_told_otherwise() {
    let node = |words: &[&str]| {
        let role = ["node", "--csi-endpoint", "/csi/csi.sock", "--node-name", "a1", "--linstor-url", "a"];
        match parse(&[&role, words].concat(), &[]).map(|config| config.command) {
            Ok(Command::Node(_, node)) => Ok(node.kubelet.map(|it| (it.socket, it.csi_path))),
            other => other.map(|other| panic!("node was asked for, not {other:?}")),
        }
    };
    let socket = "/k/plugins_registry/linflow.csi@reg.sock";
    let both = |csi_path: &str| Ok(Some((socket.into(), csi_path.into())));
    assert_eq!(node(&[]), Ok(None));
    assert_eq!(node(&["--kubelet-dir", "/k"]), both("/csi/csi.sock"));
    assert_eq!(node(&["--kubelet-dir", "/k", "--kubelet-csi-path", "/k/csi.sock"]), both("/k/csi.sock"));
    let errors = node(&["--kubelet-dir", "k", "--kubelet-csi-path", "k.sock"]).expect_err("both are relative");
    assert_eq!(flags(&errors), ["--kubelet-dir", "--kubelet-csi-path"]);
}

#[test]
fn the_sandbox_has_defaults_for_all_but_its_state() {
    let config = parse(&["sandbox", "--state", "here"], &[]).expect("the state is enough");
    let Command::Sandbox(sandbox) = config.command else { panic!("sandbox was asked for") };
    assert_eq!(sandbox.listen.to_string(), "127.0.0.1:3370");
    assert_eq!((sandbox.nodes.len(), sandbox.pool.as_str(), sandbox.pool_bytes), (3, "pool", 20 << 30));

    assert_eq!(sandbox.latency, Latency::None);

    let words =
        ["sandbox", "--listen", "x", "--nodes", "a1,A1", "--pool", "p", "--pool-size", "1KiB", "--latency", "x"];
    let errors = parse(&words, &[]).expect_err("six mistakes");
    assert_eq!(flags(&errors), ["--listen", "--nodes", "--state", "--pool", "--pool-size", "--latency"]);
}

#[test]
fn the_demo_takes_its_three_flags() {
    let config = parse(&["demo", "--json", "--keep", "there", "--color=never"], &[]).expect("they are valid");
    let Command::Demo(demo) = config.command else { panic!("demo was asked for") };
    assert_eq!((demo.json, demo.color), (true, Color::Never));
    assert_eq!(flags(&parse(&["demo", "--color", "red"], &[]).expect_err("red is no choice")), ["--color"]);
}

#[test]
fn the_demo_logs_errors_only_unless_it_is_told_otherwise() {
    let filter = |words: &[&str]| parse(words, &[]).expect("the words are valid").log.filter.to_string();
    assert_eq!(filter(&["demo"]), "error");
    assert_eq!(filter(&["demo", "--log", "info"]), "info");
    assert_eq!(filter(&["sandbox", "--state", "/tmp/state"]), "info");
}
