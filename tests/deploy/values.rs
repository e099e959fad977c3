//! The chart's values: each is described, each has a default, and there are no others.

use crate::yaml::{Value, documents, text, word};

/// Each value of the schema by its path; the items of lists are looked through too.
fn described(schema: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    if let Some(properties) = schema["properties"].as_mapping() {
        assert_eq!(schema["additionalProperties"], false, "{path} takes what it does not know");
        for (name, property) in properties {
            let path = format!("{path}/{}", word(name));
            found.push((path.clone(), property.clone()));
            described(property, &path, found);
        }
    }
    if let Some(items) = schema.get("items") {
        described(items, &format!("{path}/*"), found);
    }
}

fn schema() -> Value {
    serde_norway::from_str(&text("deploy/helm/linflow/values.schema.json")).expect("JSON is YAML")
}

/// The paths of a map of values, down to where the schema knows no names.
fn paths(values: &Value, schema: &Value, path: &str, found: &mut Vec<String>) {
    let Some(entries) = values.as_mapping().filter(|_| schema.get("properties").is_some()) else { return };
    for (name, value) in entries {
        let path = format!("{path}/{}", word(name));
        found.push(path.clone());
        paths(value, &schema["properties"][name], &path, found);
    }
}

#[test]
fn every_value_is_described() {
    let mut found = Vec::new();
    described(&schema(), "", &mut found);
    assert!(found.len() > 100, "the schema was not understood: {} values", found.len());
    for (path, property) in found {
        assert!(property["description"].as_str().is_some_and(|said| said.len() > 5), "{path} is not described");
    }
}

#[test]
fn every_value_has_a_default_and_nothing_else_has() {
    let schema = schema();
    let [values] = &documents("deploy/helm/linflow/values.yaml")[..] else { panic!("one document") };
    let (mut expected, mut given) = (Vec::new(), Vec::new());
    described(&schema, "", &mut expected);
    paths(values, &schema, "", &mut given);
    // `global` is Helm's; a list's items have no defaults.
    let mut expected: Vec<String> = expected.into_iter().map(|(path, _)| path).collect();
    expected.retain(|path| path != "/global" && !path.contains("/*"));
    // What is not limited by default is not there.
    expected.retain(|path| path != "/node/resources/limits");
    expected.sort();
    given.sort();
    assert_eq!(given, expected);
}

#[test]
fn the_chart_is_of_this_version() {
    let [chart] = &documents("deploy/helm/linflow/Chart.yaml")[..] else { panic!("one document") };
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
