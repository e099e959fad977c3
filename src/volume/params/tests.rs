//! What a class says, and what becomes of it.

use super::*;
use crate::workflow::key::PARAMETERS as WORKFLOW_KEYS;
use crate::workflow::key::PREFIX;

fn parse(pairs: &[(&str, &str)]) -> Result<Parameters, ParameterError> {
    Parameters::parse(&pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
}

#[test]
fn two_replicas_on_drbd_are_the_default() {
    let parameters = parse(&[]).unwrap();
    assert_eq!(parameters.placement.replicas(), Some(2));
    assert!(parameters.placement.may_use_drbd());
}

#[test]
fn keys_are_bare_or_prefixed_in_any_case() {
    let parameters =
        parse(&[("linflow.csi/PlacementCount", "3"), ("STORAGEPOOL", "fast, slow"), ("fstype", "xfs")]).unwrap();
    assert_eq!(parameters.placement.replicas(), Some(3));
    assert_eq!(parameters.placement.pools.len(), 2);
    assert_eq!(parameters.fs_type, Some(FsType::Xfs));
}

#[test]
fn storage_alone_means_one_replica_and_more_is_refused() {
    assert_eq!(parse(&[("layerList", "storage")]).unwrap().placement.replicas(), Some(1));
    let refused = parse(&[("layerList", "storage"), ("placementCount", "2")]);
    assert_eq!(refused, Err(ParameterError::ReplicasWithoutDrbd { count: 2 }));
}

#[test]
fn an_unknown_key_a_foreign_prefix_and_a_double_key_are_refused() {
    assert!(matches!(parse(&[("linflow.csi/placmentCount", "2")]), Err(ParameterError::Unknown { .. })));
    assert!(matches!(parse(&[("other.csi/placementCount", "2")]), Err(ParameterError::Unknown { .. })));
    assert!(matches!(parse(&[("fsType", "xfs"), ("linflow.csi/fstype", "xfs")]), Err(ParameterError::Twice { .. })));
}

#[test]
fn every_known_parameter_is_read_and_goes_where_it_belongs() {
    for known in all() {
        let parameters = parse(&[(known.key, known.example)]).unwrap();
        assert_ne!(parameters, Parameters::default(), "{} is not read", known.key);
        for key in parameters.claim.keys() {
            assert!(WORKFLOW_KEYS.contains(&key.as_str()), "{key} is not the workflow's");
        }
    }
    for key in WORKFLOW_KEYS {
        assert!(super::find(key.trim_start_matches(PREFIX)).is_some(), "{key} is not known");
    }
}

#[test]
fn a_misspelt_parameter_is_answered_with_its_spelling_and_the_known_ones() {
    let message = parse(&[("linflow.csi/PlacmentCount", "2")]).unwrap_err().to_string();
    assert!(message.starts_with("unknown parameter \"linflow.csi/PlacmentCount\""), "{message}");
    assert!(message.contains("placementCount, storagePool"), "{message}");
}

#[test]
fn values_that_make_no_sense_are_refused_by_name() {
    for (key, value) in [
        ("placementCount", "0"),
        ("placementCount", "two"),
        ("placementCount", "9"),
        ("storagePool", " "),
        ("storagePool", "p/q"),
        ("layerList", "storage drbd"),
        ("layerList", "raid storage"),
        ("fsType", "zfs"),
        ("resourceGroup", "-"),
        ("layerList", "luks drbd storage"),
        ("layerList", "drbd luks"),
        ("layerList", "drbd storage storage"),
        ("layerList", " "),
        ("encryption", "yes please"),
        ("replicasOnSame", " "),
        ("xReplicasOnDifferent", "zone"),
        ("xReplicasOnDifferent", "{}"),
        ("xReplicasOnDifferent", "{zone: 0}"),
        ("xReplicasOnDifferent", "{zone: -1}"),
        ("disklessOnRemaining", ""),
        ("disklessStoragePool", "p/q"),
        ("usePvcName", "maybe"),
        ("overProvision", "0.9"),
        ("overProvision", "NaN"),
        ("overProvision", "1001"),
        ("qosReadIops", "many"),
    ] {
        assert!(parse(&[(key, value)]).is_err(), "{key}={value}");
    }
}

#[test]
fn the_workflow_and_the_claim_are_kept_apart_from_placement() {
    let parameters = parse(&[
        ("linflow.csi/dag-id", "sales"),
        ("scope", "dag"),
        ("csi.storage.k8s.io/pvc/name", "data"),
        ("csi.storage.k8s.io/pvc/namespace", "airflow"),
        ("csi.storage.k8s.io/pv/name", "pvc-1"),
    ])
    .unwrap();
    assert_eq!(parameters.claim.get("linflow.csi/dag-id").map(String::as_str), Some("sales"));
    assert_eq!(parameters.claim.get("csi.storage.k8s.io/pvc/namespace").map(String::as_str), Some("airflow"));
}

#[test]
fn linstor_csis_prefix_and_aliases_mean_the_same() {
    let ours = parse(&[("placementCount", "3"), ("storagePool", "fast slow"), ("qosReadIops", "100")]).unwrap();
    for prefix in ["linstor.csi.linbit.com/", "LINSTOR.csi.linbit.com/", "linflow.csi/", ""] {
        let (count, pools) = (format!("{prefix}autoPlace"), format!("{prefix}storagePool"));
        let theirs = parse(&[(&count, "3"), (&pools, "fast slow"), ("qos.linbit.com/riops", "100")]);
        assert_eq!(theirs.unwrap(), ours, "{prefix}");
    }
    assert_eq!(parse(&[("autoPlace", "")]).unwrap().placement.count, Some(1));
    let twice = parse(&[("linstor.csi.linbit.com/autoPlace", "2"), ("placementCount", "2")]);
    assert_eq!(twice, Err(ParameterError::Twice { key: "placementCount".to_owned() }));
}

#[test]
fn encryption_puts_luks_above_the_storage_and_below_drbd() {
    let layers = |pairs: &[(&str, &str)]| parse(pairs).unwrap().placement.layer_names().join(" ");
    assert_eq!(layers(&[("encryption", "true")]), "DRBD LUKS STORAGE");
    assert_eq!(layers(&[("encryption", "True"), ("layerList", "storage")]), "LUKS STORAGE");
    assert_eq!(layers(&[("encryption", "true"), ("layerList", "drbd luks storage")]), "DRBD LUKS STORAGE");
    assert_eq!(layers(&[("encryption", "false")]), "DRBD STORAGE");
    assert_eq!(layers(&[("layerList", "DRBD, cache, storage"), ("encryption", "1")]), "DRBD CACHE LUKS STORAGE");
}

#[test]
fn layers_that_are_not_tested_are_passed_on_with_a_remark() {
    let remarks = parse(&[("layerList", "drbd writecache cache storage"), ("sizeKiB", "4096")]).unwrap().remarks;
    assert!(remarks.iter().any(|remark| remark.contains("WRITECACHE, CACHE")), "{remarks:?}");
    assert!(remarks.iter().any(|remark| remark.contains("sizeKiB")), "{remarks:?}");
    assert!(parse(&[("layerList", "drbd luks storage")]).unwrap().remarks.is_empty());
}

#[test]
fn node_properties_are_in_the_namespace_aux() {
    let placement = parse(&[
        ("replicasOnSame", "zone=a Aux/room"),
        ("replicasOnDifferent", "rack"),
        ("xReplicasOnDifferent", "zone: 2\nAux/rack: 1"),
    ]);
    let filter = placement.unwrap().placement.filter();
    assert_eq!(filter.replicas_on_same, ["Aux/zone=a", "Aux/room"]);
    assert_eq!(filter.replicas_on_different, ["Aux/rack"]);
    let spread = [("Aux/rack".to_owned(), 1), ("Aux/zone".to_owned(), 2)];
    assert_eq!(filter.x_replicas_on_different_map, spread.into());
}

#[test]
fn properties_are_passed_on_by_their_own_name() {
    let properties = parse(&[
        ("DrbdOptions/Net/max-buffers", "8000"),
        ("linstor.csi.linbit.com/drbdoptions/auto-quorum", "suspend-io"),
        ("property.linstor.csi.linbit.com/DrbdOptions/Net/rr-conflict", "retry-connect"),
        ("Property.linflow.csi/Aux/Team", "storage"),
        ("qosWriteIops", "10"),
    ]);
    let expected = [
        ("Aux/Team", "storage"),
        ("DrbdOptions/Net/max-buffers", "8000"),
        ("DrbdOptions/Net/rr-conflict", "retry-connect"),
        ("DrbdOptions/auto-quorum", "suspend-io"),
        ("sys/fs/blkio_throttle_write_iops", "10"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(properties.unwrap().properties, expected);
}

#[test]
fn properties_that_linflow_rests_on_are_refused_by_name_however_they_are_spelt() {
    for key in [
        "Aux/linflow/driver",
        "Aux//linflow/driver",
        "/Aux/airflow/dag_id",
        "aux/linflow/driver",
        "Aux/csi.storage.k8s.io/pvc/name",
        "FileSystem/Type",
        "StorDriver/LvcreateOptions",
        "StorPoolName",
        "AutoSnapshot/RunEvery",
        "Internal/Drbd/QuorumSetBy",
        "DrbdOptions/Net/allow-two-primaries",
        "DrbdOptions//Resource/quorum",
        "DrbdOptions/auto-quorum",
        "DrbdOptions/SkipDisk",
    ] {
        let refused = parse(&[(&format!("property.linflow.csi/{key}"), "1")]).unwrap_err().to_string();
        let name = key.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        assert!(refused.contains(&name), "{key}: {refused}");
    }
    let twice = [("property.linflow.csi/Aux/a", "1"), ("property.linstor.csi.linbit.com/Aux//a", "2")];
    assert_eq!(parse(&twice), Err(ParameterError::Twice { key: "Aux/a".to_owned() }));
    let limits = [("property.linflow.csi/sys/fs/blkio_throttle_read", "1"), ("qosReadBytesPerSecond", "2")];
    assert!(matches!(parse(&limits), Err(ParameterError::Twice { .. })));
    for (key, value) in [("", "1".to_owned()), (&*"a".repeat(251), "1".to_owned()), ("Aux/a", "a".repeat(4097))] {
        let refused = parse(&[(&format!("property.linflow.csi/{key}"), &value)]);
        assert!(matches!(refused, Err(ParameterError::Value { .. })), "{key}: {refused:?}");
    }
}

#[test]
fn what_needs_an_nfs_server_is_refused_with_the_reason() {
    for (key, _) in REFUSED {
        let refused = parse(&[(&format!("linstor.csi.linbit.com/{key}"), "x")]).unwrap_err().to_string();
        assert!(refused.contains(key) && refused.contains("NFS"), "{refused}");
    }
}

#[test]
fn the_claims_name_is_used_where_it_is_told() {
    let claim = [("csi.storage.k8s.io/pvc/name", "b-c"), ("csi.storage.k8s.io/pvc/namespace", "a")];
    let name = |pairs: &[(&str, &str)]| parse(pairs).unwrap().resource_name("pvc-1").map(|name| name.to_string());
    assert_eq!(name(&[claim[0], claim[1]]), Ok("pvc-1".to_owned()));
    assert_eq!(name(&[("usePvcName", "true"), claim[0], claim[1]]), Ok("a_b-c".to_owned()));
    assert_eq!(name(&[("usePvcName", "true"), claim[0]]), Err(ParameterError::NoClaim));
    assert_eq!(name(&[("usePvcName", "true")]), Err(ParameterError::NoClaim));
}

#[test]
fn over_provisioning_is_a_ratio_and_says_nothing_of_placement() {
    let parameters = parse(&[("overProvision", "1.5")]).unwrap();
    assert_eq!(parameters.over_provision.map(OverProvision::ratio), Some(1.5));
    assert_eq!(parameters.placement, Placement::default());
}
