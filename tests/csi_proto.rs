//! The contracts in proto/, written by us, are the published ones, of CSI 1.13 and of kubelet's registration: both are
//! taken apart into facts, one line each, and the facts must be the same. Comments and order are no facts.
#![allow(clippy::unwrap_used, reason = "clippy.toml's leave for tests doesn't reach the functions beside them")]

use std::{collections::BTreeSet, fmt::Write as _, io::Write as _, path::Path};

use protox::prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, MessageDescriptor};

const CSI: &str = "github.com/container-storage-interface/spec@v1.13.0";
const KUBELET: &str = "k8s.io/kubelet@v0.37.2";
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

/// Compiles csi.proto of a folder into its facts.
fn facts(folder: &Path) -> BTreeSet<String> {
    facts_in(folder, "csi.proto")
}

/// Compiles a file of a folder into its facts.
fn facts_in(folder: &Path, file: &str) -> BTreeSet<String> {
    let mut compiler = protox::Compiler::new([folder]).unwrap();
    compiler.include_imports(true).open_file(file).unwrap();
    facts_of(&compiler.descriptor_pool(), file)
}

fn facts_of(pool: &DescriptorPool, file: &str) -> BTreeSet<String> {
    let file = pool.get_file_by_name(file).unwrap();
    let go_package = file.file_descriptor_proto().options.clone().unwrap().go_package.unwrap();
    let mut facts = BTreeSet::from([format!("package {} {:?} {go_package}", file.package_name(), file.syntax())]);
    for extension in file.extensions() {
        let (name, of) = (extension.full_name(), extension.containing_message());
        facts.insert(format!("extend {} {name} = {}: {:?}", of.full_name(), extension.number(), extension.kind()));
    }
    for service in file.services() {
        facts.insert(format!("service {}{}", service.full_name(), options(&service.options())));
        for method in service.methods() {
            let (input, output) = (method.input(), method.output());
            facts.insert(format!(
                "rpc {}({} {}) returns ({} {}){}",
                method.full_name(),
                if method.is_client_streaming() { "stream" } else { "one" },
                input.full_name(),
                if method.is_server_streaming() { "stream" } else { "one" },
                output.full_name(),
                options(&method.options()),
            ));
        }
    }
    pool.all_messages().filter(|message| message.parent_file() == file).for_each(|it| message(&it, &mut facts));
    pool.all_enums().filter(|choice| choice.parent_file() == file).for_each(|it| enumeration(&it, &mut facts));
    facts
}

fn message(message: &MessageDescriptor, facts: &mut BTreeSet<String>) {
    let reserved: Vec<_> = message.reserved_ranges().collect();
    let names: Vec<_> = message.reserved_names().collect();
    let (name, options) = (message.full_name(), options(&message.options()));
    facts.insert(format!("message {name}{options} reserved {reserved:?} {names:?}"));
    facts.extend(message.oneofs().map(|oneof| format!("oneof {}", oneof.full_name())));
    facts.extend(message.fields().map(|it| field(&it)));
}

/// A map is seen as a repeated entry, and its entry is a message of its own.
fn field(field: &FieldDescriptor) -> String {
    let name = field.full_name();
    let (number, kind, cardinality) = (field.number(), field.kind(), field.cardinality());
    let oneof = field.containing_oneof().map(|oneof| oneof.name().to_owned());
    let (map, packed, presence) = (field.is_map(), field.is_packed(), field.supports_presence());
    let options = options(&field.options());
    format!(
        "field {name} = {number}: {kind:?} {cardinality:?} map {map} packed {packed} presence {presence} \
         oneof {oneof:?} json {}{options}",
        field.json_name()
    )
}

fn enumeration(choice: &EnumDescriptor, facts: &mut BTreeSet<String>) {
    let reserved: Vec<_> = choice.reserved_ranges().collect();
    facts.insert(format!("enum {}{} reserved {reserved:?}", choice.full_name(), options(&choice.options())));
    let values = choice.values();
    facts.extend(values.map(|it| {
        let parent = it.parent_enum();
        format!("value {}.{} = {}{}", parent.full_name(), it.name(), it.number(), options(&it.options()))
    }));
}

/// What is set of the options, CSI's own among them.
fn options(options: &DynamicMessage) -> String {
    let known = options.fields().map(|(field, value)| format!("{}={value:?}", field.name()));
    let ours = options.extensions().map(|(extension, value)| format!("({})={value:?}", extension.full_name()));
    let mut set: Vec<_> = known.chain(ours).collect();
    set.sort();
    if set.is_empty() { String::new() } else { format!(" [{}]", set.join(", ")) }
}

/// One line per fact that only one side has; empty when they agree.
fn differences(ours: &BTreeSet<String>, published: &BTreeSet<String>) -> String {
    let mut out = String::new();
    for fact in ours.difference(published) {
        writeln!(out, "only ours:      {fact}").unwrap();
    }
    for fact in published.difference(ours) {
        writeln!(out, "only published: {fact}").unwrap();
    }
    out
}

/// Where Go keeps a published module; `None` where there is no Go, which is told.
async fn published(module: &str) -> Option<std::path::PathBuf> {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut go = tokio::process::Command::new("go");
    let download = go.args(["mod", "download", "-json", module]).current_dir(elsewhere.path()).output().await;
    let output = match download {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // Not by eprintln!, which the test runner keeps to itself.
            let skipped = format!("SKIPPED: no Go here, so proto/ was not compared with {module}\n");
            std::io::stderr().write_all(skipped.as_bytes()).unwrap();
            return None;
        }
        download => download.unwrap(),
    };
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "go mod download: {stdout} {}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    Some(answer["Dir"].as_str().unwrap().into())
}

#[tokio::test]
async fn our_contract_is_the_published_one() {
    let Some(published) = published(CSI).await else { return };
    let (ours, published) = (facts(OURS.as_ref()), facts(&published));
    assert!(published.len() > 400, "only {} facts found in the published contract", published.len());
    let differences = differences(&ours, &published);
    assert!(differences.is_empty(), "{differences}");
}

#[tokio::test]
async fn our_registration_is_kubelets() {
    let Some(published) = published(KUBELET).await else { return };
    let ours = facts_in(OURS.as_ref(), "pluginregistration.proto");
    let published = facts_in(&published.join("pkg/apis/pluginregistration/v1"), "api.proto");
    assert!(published.len() > 10, "only {} facts found in the published contract", published.len());
    let differences = differences(&ours, &published);
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_kind_of_drift_is_noticed() {
    let ours = std::fs::read_to_string(format!("{OURS}/csi.proto")).unwrap();
    let published = facts(OURS.as_ref());
    let drifts = [
        ("string vendor_version = 2;", "string vendor_version = 4;"),
        ("string vendor_version = 2;", "string version = 2;"),
        ("int64 required_bytes = 1;", "uint64 required_bytes = 1;"),
        ("repeated Snapshot snapshots = 2;", "Snapshot snapshots = 2;"),
        ("map<string, string> segments = 1;", "map<string, bool> segments = 1;"),
        ("secrets = 5 [(csi_secret) = true];", "secrets = 5;"),
        ("option (alpha_service) = true;", ""),
        ("option (alpha_method) = true;", ""),
        ("option (alpha_message) = true;", ""),
        ("minimum_volume_size = 3 [(alpha_field) = true];", "minimum_volume_size = 3;"),
        ("GET_VOLUME = 12 [(alpha_enum_value) = true];", "GET_VOLUME = 12;"),
        ("LIST_VOLUMES = 3;", "LIST_VOLUMES = 18;"),
        ("reserved 11;", ""),
        ("returns (stream GetMetadataDeltaResponse)", "returns (GetMetadataDeltaResponse)"),
        ("rpc Probe(ProbeRequest)", "rpc Probe(NodeGetInfoRequest)"),
        ("oneof access_type {", "oneof access {"),
        ("bool csi_secret = 1059;", "bool csi_secret = 1061;"),
    ];
    for (was, becomes) in drifts {
        assert!(ours.contains(was), "{was} is not in csi.proto");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("csi.proto"), ours.replacen(was, becomes, 1)).unwrap();
        assert_ne!(differences(&facts(folder.path()), &published), "", "{was} became {becomes}, unnoticed");
    }
}
