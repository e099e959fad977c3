//! YAML and JSON of the tree, and how tests walk through them.

use std::path::Path;

use serde::Deserialize as _;
pub use serde_norway::Value;

/// The text of a file of the project.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is part of the project")
}

/// The documents of a YAML file, or the one of a JSON file.
pub fn documents(path: &str) -> Vec<Value> {
    let text = text(path);
    let documents = serde_norway::Deserializer::from_str(&text);
    let documents = documents.map(|document| Value::deserialize(document).expect("the file is YAML"));
    documents.filter(|document| !document.is_null()).collect()
}

/// The plain manifests.
pub fn manifests() -> Vec<Value> {
    documents("deploy/manifests/linflow.yaml")
}

/// The objects of a kind among the plain manifests; there is one at least.
pub fn all(kind: &str) -> Vec<Value> {
    let objects: Vec<Value> = manifests().into_iter().filter(|object| object["kind"] == kind).collect();
    assert!(!objects.is_empty(), "no {kind}");
    objects
}

/// The object of that kind and name.
pub fn one(kind: &str, name: &str) -> Value {
    let mut found = all(kind).into_iter().filter(|object| object["metadata"]["name"] == name);
    let object = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
    assert!(found.next().is_none(), "two of {kind} {name}");
    object
}

/// The pod of the controller, or of the node plugin.
pub fn pod(component: &str) -> Value {
    let kind = if component == "node" { "DaemonSet" } else { "Deployment" };
    one(kind, &format!("linflow-{component}"))["spec"]["template"]["spec"].clone()
}

/// A pod's containers; it has no others.
pub fn containers(pod: &Value) -> Vec<Value> {
    assert!(pod.get("initContainers").is_none() && pod.get("ephemeralContainers").is_none());
    list(&pod["containers"])
}

/// The entries of a list; none where it is absent.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_sequence().cloned().unwrap_or_default()
}

/// The texts of a list.
pub fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|entry| word(entry).to_owned()).collect()
}

/// The value as text.
pub fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value:?} is no text"))
}

/// The entry of a list with that name.
pub fn named(value: &Value, name: &str) -> Value {
    list(value).into_iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The texts of a map, by key.
pub fn map(value: &Value) -> Vec<(String, String)> {
    let entries = value.as_mapping().into_iter().flatten();
    entries.map(|(key, value)| (word(key).to_owned(), word(value).to_owned())).collect()
}
