use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::linstor::name::ResourceName;

macro_rules! fixture {
    ($name:literal) => {
        parse(include_str!(concat!("../../../tests/fixtures/linstor/", $name, ".json")))
    };
}

fn parse<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

fn on<'a>(resources: &'a [Resource], node: &str) -> &'a Resource {
    resources.iter().find(|resource| resource.node_name == node).unwrap()
}

#[test]
fn two_drbd_replicas_and_a_tie_breaker_are_told_apart() {
    let view: Vec<Resource> = fixture!("view_drbd");
    let (replica, tie_breaker) = (on(&view, "node-1"), on(&view, "node-3"));
    assert!(!replica.is_diskless() && !replica.is_tie_breaker() && replica.is_live());
    assert!(tie_breaker.is_diskless() && tie_breaker.is_tie_breaker() && tie_breaker.is_live());
    assert!(!view.iter().any(|one| one.is_deleting() || one.is_inactive()));
    assert_eq!((replica.in_use(), replica.may_promote()), (Some(false), Some(true)));
    assert_eq!(replica.disk_state(0), Some(DiskState::UpToDate));
    assert_eq!(tie_breaker.disk_state(0), Some(DiskState::Diskless));
    assert!(replica.has_layer(DRBD) && replica.has_layer(STORAGE) && !replica.has_layer("LUKS"));
    assert!(replica.drbd().unwrap().connections["node-2"].connected);
}

#[test]
fn the_device_is_known_by_path_and_size() {
    let view: Vec<Resource> = fixture!("view_drbd");
    let replica = on(&view, "node-1");
    assert_eq!(replica.device_path(0), Some("/dev/drbd1000"));
    assert_eq!(replica.device_path(1), None);
    assert_eq!(replica.volume(0).unwrap().usable_size_kib(), Some(102340));
}

#[test]
fn a_replica_in_the_making_has_neither_device_nor_state() {
    let view: Vec<Resource> = fixture!("view_drbd_creating");
    let replica = on(&view, "node-1");
    assert!(!replica.is_live());
    assert_eq!((replica.device_path(0), replica.disk_state(0)), (None, None));
    assert_eq!(replica.volume(0).unwrap().allocated_size_kib, -1);
}

#[test]
fn nothing_is_known_of_a_replica_on_a_crashed_node() {
    let view: Vec<Resource> = fixture!("view_drbd_crashed");
    let (dead, survivor) = (on(&view, "node-1"), on(&view, "node-2"));
    assert!(!dead.is_live() && survivor.is_live());
    assert_eq!((dead.in_use(), dead.may_promote(), dead.disk_state(0)), (None, None, None));
    assert!(dead.drbd().unwrap().connections.is_empty());
    assert_eq!(survivor.may_promote(), Some(false));
}

#[test]
fn a_mounted_replica_is_in_use() {
    let view: Vec<Resource> = fixture!("view_drbd_in_use");
    assert_eq!(view[0].in_use(), Some(true));
}

#[test]
fn a_resync_tells_its_progress() {
    let view: Vec<Resource> = fixture!("view_drbd_syncing");
    assert_eq!(view[0].disk_state(0), Some(DiskState::SyncTarget(Some(44.81))));
}

#[test]
fn a_volume_without_drbd_is_live_but_does_not_tell_whether_it_is_in_use() {
    let view: Vec<Resource> = fixture!("view_storage");
    assert!(view[0].is_live() && !view[0].has_layer(DRBD) && view[0].has_layer(STORAGE));
    assert_eq!((view[0].in_use(), view[0].may_promote(), view[0].disk_state(0)), (None, None, None));
    assert!(view[0].device_path(0).unwrap().starts_with("/dev/loop"));
}

#[test]
fn flags_of_resources_are_questions() {
    for (flag, question) in [
        ("DELETE", Resource::is_deleting as fn(&Resource) -> bool),
        ("DRBD_DELETE", Resource::is_deleting),
        ("INACTIVE", Resource::is_inactive),
        ("DISKLESS", Resource::is_diskless),
        ("TIE_BREAKER", Resource::is_tie_breaker),
    ] {
        assert!(question(&parse(&json!({ "flags": [flag] }).to_string())), "{flag}");
        assert!(!question(&Resource::default()), "{flag}");
    }
}

#[test]
fn a_definition_tells_layers_size_and_quorum() {
    let definitions: Vec<ResourceDefinition> = fixture!("definitions_drbd");
    let definition = &definitions[0];
    assert_eq!(definition.layers().collect::<Vec<_>>(), [DRBD, STORAGE]);
    assert!(definition.uses_drbd() && definition.has_majority_quorum() && !definition.is_deleting());
    assert_eq!(definition.size_kib(), Some(98304));
    assert_eq!(definition.prop("DrbdOptions/auto-verify-alg"), Some("crct10dif"));
    assert_eq!(definition.resource_group_name, "rg2");
    assert!(!format!("{definition:?}").contains("XXXX"), "the DRBD secret is not kept");
}

#[test]
fn a_definition_whose_node_is_away_stays_flagged_for_deletion() {
    let definitions: Vec<ResourceDefinition> = fixture!("definition_deleting");
    assert!(definitions[0].is_deleting() && !definitions[0].uses_drbd());
    assert_eq!(definitions[0].size_kib(), None, "this answer came without volumes");
}

#[test]
fn only_an_online_node_is_online() {
    let nodes: Vec<Node> = fixture!("nodes_one_offline");
    let online: Vec<_> = nodes.iter().filter(|node| node.is_online()).collect();
    assert!(!online.is_empty() && online.len() < nodes.len());
    assert!(online[0].supports_layer(STORAGE) && !online[0].supports_layer(DRBD) && !online[0].is_evicted());
    for status in ["", "CONNECTED", "UNKNOWN", "VERSION_MISMATCH"] {
        let node = Node { connection_status: status.to_owned(), ..Node::default() };
        assert!(!node.is_online(), "{status}");
    }
}

#[test]
fn pools_tell_their_kind_and_space() {
    let pools: Vec<StoragePool> = fixture!("storage_pools");
    let (diskless, with_data): (Vec<_>, Vec<_>) = pools.iter().partition(|pool| pool.is_diskless());
    assert_eq!((diskless.len(), with_data.len()), (1, 1));
    assert_eq!(with_data[0].provider_kind, "FILE_THIN");
    assert_eq!(with_data[0].total_capacity, Some(20905984));
    assert_eq!(diskless[0].free_capacity, Some(i64::MAX));
}

#[test]
fn a_group_and_its_space_are_read() {
    let group: ResourceGroup = fixture!("group");
    assert_eq!(group.select_filter.storage_pool_list, ["pool-thin"]);
    assert_eq!((group.select_filter.place_count, group.description.as_str()), (Some(1), "lab"));
    let size: SizeAnswer = fixture!("size");
    let space = size.space_info.unwrap();
    assert_eq!((space.max_vlm_size_in_kib, space.available_size_in_kib), (414542800, 20727140));
    assert_eq!(space.next_spawn_result[1].node_name, "node-2");
    let missing: SizeAnswer = fixture!("size_missing_group");
    assert!(missing.space_info.is_none() && missing.reports.len() == 1);
}

#[test]
fn requests_hold_only_what_was_set() {
    let spawn = Spawn {
        resource_definition_name: ResourceName::parse("vol1").unwrap(),
        volume_sizes: vec![4096],
        select_filter: None,
        definitions_only: false,
        resource_definition_props: Props::new(),
    };
    let plain = json!({ "resource_definition_name": "vol1", "volume_sizes": [4096] });
    assert_eq!(serde_json::to_value(&spawn).unwrap(), plain);
    assert_eq!(serde_json::to_value(AutoPlace::default()).unwrap(), json!({ "select_filter": {} }));
    assert_eq!(serde_json::to_value(SizeQuery::default()).unwrap(), json!({}));
    let resize = VolumeDefinitionChange { volume_number: None, size_kib: 8 };
    assert_eq!(serde_json::to_value(resize).unwrap(), json!({ "size_kib": 8 }));
}

#[test]
fn names_are_the_same_whatever_their_case() {
    assert!(is_same_name("Vol-1", "vOL-1"));
    assert!(!is_same_name("vol-1", "vol-2"));
}

#[test]
fn recorded_disk_states_are_read_and_written_alike() {
    for text in ["UpToDate", "Outdated", "Inconsistent", "Consistent", "Diskless", "DUnknown", "SyncTarget(16.38%)"] {
        let state: DiskState = text.parse().unwrap();
        assert!(!matches!(state, DiskState::Other(_)), "{text}");
        assert_eq!(state.to_string(), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_disk_state(text in "\\PC{0,20}|SyncTarget\\(.{0,6}%\\)") {
        let state: DiskState = text.parse().unwrap();
        if let DiskState::Other(kept) = state {
            prop_assert_eq!(kept, text);
        }
    }
}

/// recordings/linstor-drbd/d06: one of two replicas was away.
#[test]
fn a_snapshot_that_leaves_a_replica_out_is_partial() {
    let snapshots: Vec<Snapshot> = fixture!("snapshot_partial");
    let [snapshot] = snapshots.as_slice() else { panic!("one snapshot") };
    assert_eq!((snapshot.nodes.as_slice(), snapshot.size_kib()), (["node-2".to_owned()].as_slice(), Some(98_304)));
    assert!(snapshot.is_ready() && snapshot.is_partial() && snapshot.uses_drbd());
    assert_eq!(snapshot.created_ms(), Some(1_795_408_906_655));
    assert_eq!(snapshot.definition_props.get("DrbdOptions/Resource/quorum").map(String::as_str), Some("majority"));
}

/// recordings/linstor/13_snapshots.
#[test]
fn a_snapshot_without_drbd_is_whole_on_any_number_of_nodes() {
    let snapshots: Vec<Snapshot> = fixture!("snapshots_storage");
    assert!(snapshots.iter().all(|snapshot| snapshot.is_ready() && !snapshot.is_partial() && !snapshot.uses_drbd()));
    assert_eq!(snapshots.iter().map(|snapshot| snapshot.nodes.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_snapshot_that_failed_or_is_worked_on_is_not_ready() {
    let whole: Vec<Snapshot> = fixture!("snapshots_storage");
    let flagged =
        |flags: &[&str]| Snapshot { flags: flags.iter().map(|&flag| flag.to_owned()).collect(), ..whole[0].clone() };
    assert!(flagged(&["SUCCESSFUL"]).is_ready());
    for flags in [&[][..], &["SUCCESSFUL", "SHIPPING"], &["SUCCESSFUL", "DELETE"], &["FAILED_DEPLOYMENT"]] {
        assert!(!flagged(flags).is_ready(), "{flags:?}");
    }
    let mut untaken = whole[0].clone();
    untaken.snapshots[0].create_timestamp = None;
    assert!(!untaken.is_ready());
    assert!(!Snapshot { snapshots: Vec::new(), ..whole[0].clone() }.is_ready());
}
