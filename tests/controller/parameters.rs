//! What a StorageClass asks for, and what LINSTOR then has.

use std::collections::BTreeMap;

use linflow::csi::proto::ControllerPublishVolumeRequest as Publish;
use serde_json::{Value, json};
use tonic::Code;

use crate::support::{
    NODES, POOL, World, create,
    csi::{Create, block, mount},
    publish, refused,
};

/// A class of linstor-csi's own kind, as its users have it.
const THEIRS: [(&str, &str); 10] = [
    ("linstor.csi.linbit.com/autoPlace", "2"),
    ("linstor.csi.linbit.com/storagePool", POOL),
    ("linstor.csi.linbit.com/layerList", "drbd storage"),
    ("linstor.csi.linbit.com/mountOpts", "noatime"),
    ("linstor.csi.linbit.com/fsOpts", "-i 8192"),
    ("linstor.csi.linbit.com/sizeKiB", "4096"),
    ("property.linstor.csi.linbit.com/DrbdOptions/auto-quorum", "suspend-io"),
    ("DrbdOptions/Net/rr-conflict", "retry-connect"),
    ("qos.linbit.com/riops", "100"),
    ("csi.storage.k8s.io/pv/name", "pvc-1"),
];

fn with(name: &str, parameters: &[(&str, &str)]) -> Create {
    parameters.iter().fold(create(name), |create, (key, value)| create.parameter(key, value))
}

/// For a claim of that namespace and name, as external-provisioner tells it.
fn of_claim(create: Create, namespace: &str, claim: &str) -> Create {
    create.parameter("csi.storage.k8s.io/pvc/namespace", namespace).parameter("csi.storage.k8s.io/pvc/name", claim)
}

async fn group_of(world: &World, volume: &str) -> Value {
    let group = world.definition(volume).await.expect("it was made").resource_group_name;
    world.rest("GET", &format!("/v1/resource-groups/{group}"), &json!(null)).await.1
}

#[tokio::test]
async fn a_class_of_linstor_csi_is_accepted_as_it_is() {
    let world = World::start().await;
    let made = world.controller.create(with("data", &THEIRS)).await.unwrap();
    let context =
        [("linflow.csi/fs-type", "ext4"), ("linflow.csi/fs-opts", "-i 8192"), ("linflow.csi/mount-opts", "noatime")];
    assert_eq!(made.volume_context, context.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let properties = world.definition("data").await.unwrap().props;
    for (key, value) in [
        ("DrbdOptions/auto-quorum", "suspend-io"),
        ("DrbdOptions/Net/rr-conflict", "retry-connect"),
        ("sys/fs/blkio_throttle_read_iops", "100"),
    ] {
        assert_eq!(properties.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(world.replicas("data").await.len(), 2);
    // The same class in linflow's own words is the same class.
    let ours = [
        ("placementCount", "2"),
        ("storagePool", POOL),
        ("linflow.csi/mountOpts", "noatime"),
        ("fsOpts", "-i 8192"),
        ("property.linflow.csi/DrbdOptions/auto-quorum", "suspend-io"),
        ("linflow.csi/DrbdOptions/Net/rr-conflict", "retry-connect"),
        ("qosReadIops", "100"),
    ];
    assert_eq!(world.controller.create(with("data", &ours)).await.unwrap(), made);
}

#[tokio::test]
async fn what_linstor_csi_shares_over_nfs_is_refused_with_the_reason() {
    let world = World::start().await;
    for key in ["nfsServiceName", "nfsSquash", "nfsConfigTemplate", "nfsRecoveryVolumeSize"] {
        let class = with("data", &[(&format!("linstor.csi.linbit.com/{key}"), "x")]);
        let message = refused(world.controller.create(class).await, Code::InvalidArgument);
        assert!(message.contains(key) && message.contains("no NFS server"), "{message}");
    }
}

#[tokio::test]
async fn a_misspelt_key_or_prefix_is_answered_with_what_was_meant() {
    let world = World::start().await;
    for (key, meant) in [("placmentCount", "placementCount"), ("linstor.csi.linbit.con/storagePool", "storagePool")] {
        let message = refused(world.controller.create(with("data", &[(key, "2")])).await, Code::InvalidArgument);
        assert!(message.contains(&format!("{key:?}, did you mean {meant}?")), "{message}");
    }
    let twice = with("data", &[("storagePool", POOL), ("linstor.csi.linbit.com/StoragePool", POOL)]);
    let message = refused(world.controller.create(twice).await, Code::InvalidArgument);
    assert!(message.contains("storagePool is given twice"), "{message}");
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn a_generated_group_holds_the_whole_rule_of_its_class() {
    let world = World::start().await;
    for (node, zone) in NODES.iter().zip(["a", "a", "b"]) {
        let zone = json!({"override_props": {"Aux/zone": zone, "Aux/rack": node}});
        world.change("PUT", &format!("/v1/nodes/{node}"), &zone).await;
    }
    let class = [
        ("placementCount", "2"),
        ("storagePool", POOL),
        ("replicasOnSame", "zone"),
        ("replicasOnDifferent", "Aux/rack"),
        ("doNotPlaceWithRegex", "^db-.*"),
    ];
    world.controller.create(with("data", &class)).await.unwrap();
    assert_eq!(world.replicas("data").await, ["node-1", "node-2"]);
    let group = group_of(&world, "data").await;
    let filter = json!({
        "place_count": 2, "storage_pool": POOL, "storage_pool_list": [POOL], "layer_stack": ["DRBD", "STORAGE"],
        "replicas_on_same": ["Aux/zone"], "replicas_on_different": ["Aux/rack"], "not_place_with_rsc_regex": "^db-.*",
    });
    assert_eq!(group["select_filter"], filter);
    let said = group["description"].as_str().unwrap();
    assert!(said.contains("replicasOnSame=\"Aux/zone\"") && said.contains("doNotPlaceWithRegex"), "{said}");
    let spread = with("spread", &[("placementCount", "3"), ("xReplicasOnDifferent", "{zone: 2}")]);
    world.controller.create(spread).await.unwrap();
    let filter = &group_of(&world, "spread").await["select_filter"];
    assert_eq!(filter["x_replicas_on_different_map"], json!({"Aux/zone": 2}));
}

#[tokio::test]
async fn peer_weakness_18_classes_that_share_a_group_change_neither_it_nor_each_others_volumes() {
    let world = World::start().await;
    let gold = json!({"name": "gold", "select_filter": {"place_count": 2, "layer_stack": ["DRBD", "STORAGE"]}});
    world.change("POST", "/v1/resource-groups", &gold).await;
    world.change("PUT", "/v1/resource-groups/gold", &json!({"override_props": {"Aux/kept": "by-hand"}})).await;
    let (_, before) = world.rest("GET", "/v1/resource-groups/gold", &json!(null)).await;
    let option = "DrbdOptions/Net/max-buffers";
    for (name, count, buffers) in [("one", "3", "8000"), ("two", "1", "4000"), ("three", "3", "8000")] {
        let class = with(name, &[("resourceGroup", "gold"), ("placementCount", count), (option, buffers)]);
        world.controller.create(class).await.unwrap();
        assert_eq!(world.replicas(name).await.len().to_string(), count);
    }
    assert_eq!(world.rest("GET", "/v1/resource-groups/gold", &json!(null)).await.1, before);
    for (name, count, buffers) in [("one", 3, "8000"), ("two", 1, "4000")] {
        assert_eq!(world.definition(name).await.unwrap().props[option], buffers);
        assert_eq!(world.replicas(name).await.len(), count);
    }
    // The last volume of a class leaves the administrator's group where it is.
    for name in ["one", "two", "three"] {
        world.controller.delete(name).await.unwrap();
    }
    assert_eq!(world.rest("GET", "/v1/resource-groups/gold", &json!(null)).await.1, before);
}

#[tokio::test]
async fn a_repeat_with_another_parameter_is_refused_by_the_parameters_name() {
    let world = World::start().await;
    let gold = json!({"name": "gold", "select_filter": {"place_count": 2}});
    world.change("POST", "/v1/resource-groups", &gold).await;
    for (name, class) in [("plain", vec![]), ("in-gold", vec![("resourceGroup", "gold")])] {
        world.controller.create(with(name, &class)).await.unwrap();
        for (key, value, named) in [
            ("placementCount", "3", "placementCount"),
            ("storagePool", POOL, "storagePool"),
            ("replicasOnSame", "zone", "replicasOnSame"),
            ("replicasOnDifferent", "zone", "replicasOnDifferent"),
            ("xReplicasOnDifferent", "{zone: 1}", "xReplicasOnDifferent"),
            ("doNotPlaceWithRegex", "x", "doNotPlaceWithRegex"),
            ("disklessOnRemaining", "true", "disklessOnRemaining"),
            ("fsOpts", "-i 8192", "fsOpts"),
            ("mountOpts", "noatime", "mountOpts"),
            ("DrbdOptions/Net/max-buffers", "8000", "DrbdOptions/Net/max-buffers=8000"),
            ("property.linflow.csi/Aux/team", "x", "Aux/team=x"),
            ("qosWriteIops", "7", "blkio_throttle_write_iops=7"),
            ("placementPolicy", "FollowTopology", "placementPolicy"),
            ("confirm", "audit", "confirm"),
        ] {
            let other = with(name, &class).parameter(key, value);
            let message = refused(world.controller.create(other).await, Code::AlreadyExists);
            assert!(message.contains(named), "{name}, {key}={value}: {message}");
        }
        let xfs = with(name, &class).capability(mount("xfs"));
        assert!(refused(world.controller.create(xfs).await, Code::AlreadyExists).contains("fsType"));
        world.controller.create(with(name, &class)).await.unwrap();
    }
}

#[tokio::test]
async fn a_property_that_linstor_does_not_know_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    for (key, value) in [("property.linflow.csi/NoSuch", "1"), ("DrbdOptions/Net/max-buffers", "7")] {
        let message = refused(world.controller.create(with("data", &[(key, value)])).await, Code::InvalidArgument);
        assert!(message.contains(key.trim_start_matches("property.linflow.csi/")), "{message}");
        assert!(world.definition("data").await.is_none());
    }
}

#[tokio::test]
async fn a_property_that_endangers_data_never_reaches_linstor() {
    let world = World::start().await;
    for key in [
        "DrbdOptions/Net/allow-two-primaries",
        "property.linflow.csi/DrbdOptions/Resource/quorum",
        "property.linstor.csi.linbit.com/FileSystem/Type",
        "property.linflow.csi/Aux//linflow/driver",
        "property.linflow.csi/StorDriver/LvcreateOptions",
    ] {
        let class = with("data", &[(key, "yes")]);
        let (answer, requests) = world.count(world.controller.create(class)).await;
        let message = refused(answer, Code::InvalidArgument);
        let name = key.rsplit("csi/").next().unwrap().rsplit("linbit.com/").next().unwrap().replace("//", "/");
        assert!(message.contains(&name) && message.contains(": "), "{key}: {message}");
        assert!(requests.is_empty(), "{requests:?}");
    }
}

#[tokio::test]
async fn options_of_the_filesystem_travel_with_the_volume_or_are_refused() {
    let world = World::start().await;
    let class = [("fsType", "xfs"), ("fsOpts", "-i size=512"), ("postMountXfsOpts", "extsize 2m")];
    let made = world.controller.create(with("data", &class).capability(mount(""))).await.unwrap();
    let expected: BTreeMap<String, String> = [
        ("linflow.csi/fs-type", "xfs"),
        ("linflow.csi/fs-opts", "-i size=512"),
        ("linflow.csi/post-mount-xfs-opts", "extsize 2m"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    assert_eq!(made.volume_context, expected);
    for (key, value) in [("fsOpts", "-U 0"), ("mountOpts", "noatime,dax=rubbish"), ("postMountXfsOpts", "extsize 2m")] {
        refused(world.controller.create(with("other", &[(key, value)])).await, Code::InvalidArgument);
    }
    assert!(world.definition("other").await.is_none());
    // Raw block has no filesystem that they could be for.
    let raw = world.controller.create(with("raw", &class).capability(block())).await.unwrap();
    assert!(raw.volume_context.is_empty());
}

#[tokio::test]
async fn a_diskless_resource_that_the_class_wants_everywhere_stays_after_a_detach() {
    let world = World::start().await;
    let class = [("disklessOnRemaining", "true"), ("placementCount", "1")];
    world.controller.create(with("data", &class).on("node-1")).await.unwrap();
    let two = [("disklessOnRemaining", "true"), ("placementCount", "2")];
    world.controller.create(with("two", &two).on("node-3")).await.unwrap();
    let replicas = world.replicas("two").await;
    assert!(replicas.len() == 2 && replicas.contains(&"node-3".to_owned()), "{replicas:?}");
    assert_eq!(world.resources("two").await.len(), NODES.len());
    let nodes = || async {
        let resources = world.resources("data").await;
        resources.iter().map(|one| (one.node_name.clone(), one.is_diskless())).collect::<BTreeMap<_, _>>()
    };
    let everywhere = nodes().await;
    assert_eq!(everywhere.len(), NODES.len(), "{everywhere:?}");
    for node in ["node-2", "node-3"] {
        world.controller.publish(publish("data", node)).await.unwrap();
        world.controller.unpublish("data", node).await.unwrap();
        assert_eq!(nodes().await, everywhere);
    }
    world.controller.delete("data").await.unwrap();
    assert!(world.resources("data").await.is_empty());
}

#[tokio::test]
async fn peer_weakness_2_claims_of_two_namespaces_never_share_a_volume_by_its_name() {
    let world = World::start().await;
    let class = [("usePvcName", "true")];
    let first = of_claim(with("pvc-1", &class), "a", "b-c");
    let second = of_claim(with("pvc-2", &class), "a-b", "c");
    let one = world.controller.create(first.clone()).await.unwrap();
    let two = world.controller.create(second).await.unwrap();
    assert_eq!((one.volume_id.as_str(), two.volume_id.as_str()), ("a_b-c", "a-b_c"));
    assert_eq!(world.definition("a_b-c").await.unwrap().props["Aux/linflow/csi-name"], "pvc-1");
    assert_eq!(world.controller.create(first).await.unwrap(), one);
    // A claim of the same name that came later is another claim.
    let later = of_claim(with("pvc-3", &class), "a", "b-c");
    assert!(refused(world.controller.create(later).await, Code::AlreadyExists).contains("CSI name"));
    // What LINSTOR can't call so is called by a hash.
    let long = of_claim(with("pvc-4", &class), "team", &"data.".repeat(20));
    assert!(world.controller.create(long).await.unwrap().volume_id.starts_with("lf-"));
    let unnamed = world.controller.create(with("pvc-5", &class)).await;
    assert!(refused(unnamed, Code::InvalidArgument).contains("--extra-create-metadata"));
}

#[tokio::test]
async fn peer_weakness_3_a_definition_of_the_claims_name_that_is_not_ours_is_neither_adopted_nor_deleted() {
    let world = World::start().await;
    let spawn = json!({"resource_definition_name": "a_data", "volume_sizes": [1 << 20],
        "select_filter": {"place_count": 2, "layer_stack": ["DRBD", "STORAGE"]}});
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &spawn).await;
    let before = (world.definition("a_data").await, world.resources("a_data").await);
    for class in [vec![("usePvcName", "true")], vec![("usePvcName", "true"), ("placementCount", "4")]] {
        let wanted = of_claim(with("pvc-1", &class), "a", "data");
        let message = refused(world.controller.create(wanted).await, Code::FailedPrecondition);
        assert!(message.contains("not made by linflow"), "{message}");
    }
    assert_eq!((world.definition("a_data").await, world.resources("a_data").await), before);
}

#[tokio::test]
async fn peer_weakness_3_a_repeat_that_finds_no_room_never_removes_a_volume_that_was_used() {
    let world = World::start().await;
    let wanted = || create("raw").capability(block()).parameter("placementCount", "3");
    world.controller.create(wanted()).await.unwrap();
    let raw = Publish { volume_capability: Some(block()), ..publish("raw", "node-1") };
    world.controller.publish(raw).await.unwrap();
    world.controller.unpublish("raw", "node-1").await.unwrap();
    assert!(world.records("raw").await.is_empty());
    world.change("DELETE", "/v1/resource-definitions/raw/resources/node-3", &json!(null)).await;
    world.sandbox.cluster().lock().fill_pool("node-3", crate::support::POOL_KIB).unwrap();
    let before = world.definition("raw").await;
    let message = refused(world.controller.create(wanted()).await, Code::Aborted);
    assert!(message.contains("it has been used"), "{message}");
    assert_eq!((world.definition("raw").await, world.replicas("raw").await.len()), (before, 2));
}

/// Sets LINSTOR's master passphrase, which is entered with that.
async fn set_passphrase(world: &World) {
    world.change("POST", "/v1/encryption/passphrase", &json!({"new_passphrase": "a long one"})).await;
}

#[tokio::test]
async fn peer_weakness_21_encryption_adds_the_layer_that_encrypts() {
    let world = World::start().await;
    set_passphrase(&world).await;
    let gold = json!({"name": "gold", "select_filter": {"place_count": 1, "layer_stack": ["STORAGE"]}});
    world.change("POST", "/v1/resource-groups", &gold).await;
    for (name, class, layers) in [
        ("replicated", vec![], "DRBD LUKS STORAGE"),
        ("local", vec![("layerList", "storage")], "LUKS STORAGE"),
        ("listed", vec![("layerList", "drbd luks storage")], "DRBD LUKS STORAGE"),
        ("in-gold", vec![("resourceGroup", "gold")], "LUKS STORAGE"),
    ] {
        let wanted = with(name, &class).parameter("linstor.csi.linbit.com/encryption", "true");
        let made = world.controller.create(wanted.clone().on("node-2")).await.unwrap();
        assert_eq!(world.controller.create(wanted.on("node-2")).await.unwrap(), made, "{name} again");
        let definition = world.definition(name).await.unwrap();
        assert_eq!(definition.layers().collect::<Vec<_>>().join(" "), layers, "{name}");
        let context = world.controller.publish(publish(name, "node-2")).await.unwrap();
        assert_eq!(context["linflow.csi/drbd"], layers.starts_with("DRBD").to_string());
    }
    let plain = refused(world.controller.create(create("replicated")).await, Code::AlreadyExists);
    assert!(plain.contains("layerList"), "{plain}");
}

#[tokio::test]
async fn a_passphrase_that_is_not_set_or_not_entered_is_told_with_what_to_do() {
    let world = World::start().await;
    let wanted = || with("data", &[("encryption", "true")]);
    let refuse = async |wanted: Create| {
        let message = refused(world.controller.create(wanted).await, Code::FailedPrecondition);
        assert!(message.contains("create-passphrase") && message.contains("enter-passphrase"), "{message}");
        assert!(world.definition("data").await.is_none() && world.resources("data").await.is_empty());
    };
    refuse(wanted()).await;
    refuse(wanted().on("node-1")).await;
    set_passphrase(&world).await;
    world.sandbox.cluster().lock().encryption.close();
    refuse(wanted().on("node-1")).await;
    // Others are not kept from anything.
    world.controller.create(create("plain")).await.unwrap();
    world.change("PATCH", "/v1/encryption/passphrase", &json!("a long one")).await;
    world.controller.create(wanted().on("node-1")).await.unwrap();
    assert_eq!(world.replicas("data").await.len(), 2);
}
