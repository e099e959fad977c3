use proptest::prelude::*;

use super::*;
use crate::workflow::fixtures::{any_workflow, workflow};

fn tags(ownership: Ownership) -> Tags {
    Tags {
        fs_uuid: Some(FsUuid::from_random([1; 16])),
        pvc_namespace: Some("airflow".to_owned()),
        pvc_name: Some("scratch".to_owned()),
        ..Tags::new(Incarnation::from_random([7; 16]), ownership, "pvc-1")
    }
}

fn task() -> Tags {
    tags(Ownership::Workflow(workflow("airflow/etl_daily/scheduled__1%3A2/extract/-1")))
}

#[test]
fn a_tasks_tag_has_these_properties() {
    let tags = Tags { try_number: Some(2), ti_id: Some("019ab0de".to_owned()), ..task() };
    let text: Vec<String> = tags.to_properties().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        text,
        [
            "Aux/airflow/dag_id=etl_daily",
            "Aux/airflow/instance=airflow",
            "Aux/airflow/map_index=-1",
            "Aux/airflow/run_id=scheduled__1:2",
            "Aux/airflow/task_id=extract",
            "Aux/airflow/ti_id=019ab0de",
            "Aux/airflow/try_number=2",
            "Aux/csi.storage.k8s.io/pvc/name=scratch",
            "Aux/csi.storage.k8s.io/pvc/namespace=airflow",
            "Aux/linflow/csi-name=pvc-1",
            concat!("Aux/linflow/driver=linflow/", env!("CARGO_PKG_VERSION")),
            "Aux/linflow/fs-uuid=01010101-0101-4101-8101-010101010101",
            "Aux/linflow/incarnation=07070707070707070707070707070707",
            "Aux/linflow/scope=task",
            "Aux/linflow/workflow-id=airflow/etl_daily/scheduled__1%3A2/extract/-1",
        ]
    );
}

#[test]
fn a_volume_without_the_driver_tag_is_not_ours() {
    let mut properties = task().to_properties();
    properties.remove(DRIVER);
    assert_eq!(Tags::read(&properties), Ok(None));
    assert_eq!(Tags::read(&BTreeMap::new()), Ok(None));
}

#[test]
fn a_volume_tagged_by_another_driver_is_an_error() {
    let mut properties = task().to_properties();
    properties.insert(DRIVER.to_owned(), "other/1.0".to_owned());
    assert_eq!(Tags::read(&properties), Err(TagError::OtherDriver("other/1.0".to_owned())));
}

#[test]
fn each_property_that_names_the_owner_is_needed() {
    let needed = [
        INCARNATION,
        SCOPE,
        WORKFLOW_ID,
        CSI_NAME,
        AIRFLOW_INSTANCE,
        AIRFLOW_DAG_ID,
        AIRFLOW_RUN_ID,
        AIRFLOW_TASK_ID,
        AIRFLOW_MAP_INDEX,
    ];
    for missing in needed {
        let mut properties = task().to_properties();
        properties.remove(missing);
        assert_eq!(Tags::read(&properties), Err(TagError::Missing(missing)));
    }
}

#[test]
fn an_id_that_was_changed_by_hand_is_noticed() {
    let mut properties = task().to_properties();
    properties.insert(AIRFLOW_RUN_ID.to_owned(), "another".to_owned());
    assert!(matches!(Tags::read(&properties), Err(TagError::Contradiction { .. })));
}

#[test]
fn unreadable_values_name_their_property() {
    for (key, value) in [
        (INCARNATION, "0707"),
        (SCOPE, "worker"),
        (AIRFLOW_DAG_ID, "a b"),
        (AIRFLOW_MAP_INDEX, "-2"),
        (AIRFLOW_TRY_NUMBER, "two"),
        (FS_UUID, "none"),
        (REMOTE_ACCESS, "maybe"),
        (CLIENTS, "no/de"),
    ] {
        let mut properties = task().to_properties();
        properties.insert(key.to_owned(), value.to_owned());
        let error = Tags::read(&properties).expect_err("unreadable").to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn who_may_use_it_over_the_network_is_said_where_not_everybody_may() {
    let clients = vec!["node-3".parse().unwrap(), "node-4".parse().unwrap()];
    let remote = RemoteAccess::parse("- fromSame: [zone, rack]").unwrap();
    let tags = Tags { reach: Reach { remote, clients }, ..tags(Ownership::None) };
    let properties = tags.to_properties();
    assert_eq!(properties[REMOTE_ACCESS], r#"[{"fromSame":["rack","zone"]}]"#);
    assert_eq!(properties[CLIENTS], "node-3 node-4");
    assert_eq!(Tags::read(&properties), Ok(Some(tags)));
}

#[test]
fn how_long_it_is_kept_is_said_where_its_class_says_so() {
    let retain = Some("success=2h,failure=3days".parse().unwrap());
    let tags = Tags { retain, reap_unproven: Some(Duration::from_secs(30 * 86400)), ..task() };
    let properties = tags.to_properties();
    assert_eq!((&*properties[RETAIN], &*properties[REAP_UNPROVEN]), ("success=2h,failure=3days", "30days"));
    assert_eq!(Tags::read(&properties), Ok(Some(tags)));
    for key in [RETAIN, REAP_UNPROVEN] {
        let mut damaged = properties.clone();
        damaged.insert(key.to_owned(), "a while".to_owned());
        assert!(Tags::read(&damaged).expect_err("it can't be read").to_string().contains(key));
    }
}

#[test]
fn a_volume_of_nobody_has_a_scope_and_no_workflow() {
    for ownership in [Ownership::Pod, Ownership::None] {
        let tags = Tags { fs_uuid: None, pvc_name: None, pvc_namespace: None, ..tags(ownership) };
        let properties = tags.to_properties();
        let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(keys, [CSI_NAME, DRIVER, INCARNATION, SCOPE]);
        assert_eq!(Tags::read(&properties), Ok(Some(tags)));
    }
}

proptest! {
    #[test]
    fn a_tag_reads_back_among_other_properties(
        workflow in any_workflow(),
        csi_name in ".{1,128}",
        try_number in proptest::option::of(1..1000_u32),
        random: [u8; 16],
    ) {
        let tags = Tags {
            csi_name,
            try_number,
            incarnation: Incarnation::from_random(random),
            ..tags(Ownership::Workflow(workflow))
        };
        let mut properties = tags.to_properties();
        properties.insert("Aux/someone/else".to_owned(), "x".to_owned());
        prop_assert!(properties.values().all(|value| value.chars().count() <= 512));
        prop_assert_eq!(Tags::read(&properties), Ok(Some(tags)));
    }
}
