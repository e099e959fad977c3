use super::*;
use crate::workflow::Ownership;
use csi::volume_capability::{AccessMode as Mode, AccessType, BlockVolume, MountVolume, access_mode};

fn capability_of(access: AccessType, mode: access_mode::Mode) -> csi::VolumeCapability {
    csi::VolumeCapability { access_mode: Some(Mode { mode: mode.into() }), access_type: Some(access) }
}

fn mount(fs_type: &str) -> csi::VolumeCapability {
    let mount = MountVolume { fs_type: fs_type.to_owned(), ..MountVolume::default() };
    capability_of(AccessType::Mount(mount), access_mode::Mode::SingleNodeWriter)
}

fn block() -> csi::VolumeCapability {
    capability_of(AccessType::Block(BlockVolume {}), access_mode::Mode::SingleNodeWriter)
}

fn request() -> csi::CreateVolumeRequest {
    csi::CreateVolumeRequest {
        name: "pvc-1".to_owned(),
        volume_capabilities: vec![mount("")],
        ..csi::CreateVolumeRequest::default()
    }
}

fn segments(pairs: &[(&str, &str)]) -> csi::Topology {
    let segments = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    csi::Topology { segments }
}

#[test]
fn the_filesystem_is_the_capabilitys_then_the_classes_then_ext4() {
    let class = Some(FsType::Xfs);
    assert_eq!(filesystem(&[mount("ext4")], class).unwrap(), Some(FsType::Ext4));
    assert_eq!(filesystem(&[mount("")], class).unwrap(), class);
    assert_eq!(filesystem(&[mount("")], None).unwrap(), Some(FsType::Ext4));
    assert_eq!(filesystem(&[block()], class).unwrap(), None);
    assert!(matches!(filesystem(&[mount("ext4"), mount("xfs")], None), Err(RequestError::Unsupported(_))));
}

#[test]
fn a_capability_without_a_part_or_with_one_that_is_not_supported_is_refused() {
    let typeless = csi::VolumeCapability { access_type: None, ..block() };
    assert!(matches!(capability(Some(&typeless)), Err(RequestError::Missing("volume_capability.access_type"))));
    let modeless = csi::VolumeCapability { access_mode: None, ..block() };
    assert!(matches!(capability(Some(&modeless)), Err(RequestError::Missing("volume_capability.access_mode"))));
    assert!(matches!(capability(None), Err(RequestError::Missing("volume_capability"))));
    assert!(matches!(capability(Some(&mount("zfs"))), Err(RequestError::FsType(_))));
}

#[test]
fn every_mode_with_writers_on_one_node_or_none_is_known_and_the_others_are_refused_by_name() {
    use access_mode::Mode;
    for number in 0..=7 {
        let word = Mode::try_from(number).unwrap();
        for access in [AccessType::Block(BlockVolume {}), AccessType::Mount(MountVolume::default())] {
            let is_filesystem = matches!(access, AccessType::Mount(_));
            match (word, capability(Some(&capability_of(access, word)))) {
                (Mode::Unknown | Mode::MultiNodeSingleWriter | Mode::MultiNodeMultiWriter, Err(refused)) => {
                    let refused = refused.to_string();
                    assert!(refused.contains(word.as_str_name()), "{refused}");
                    let names_nfs = is_filesystem && word == Mode::MultiNodeMultiWriter;
                    assert_eq!(refused.contains("NFS"), names_nfs, "{refused}");
                }
                (_, Ok((_, mode))) => assert_eq!(mode.as_str(), word.as_str_name()),
                (_, Err(refused)) => panic!("{refused}"),
            }
        }
    }
}

#[test]
fn a_mount_group_is_passed_on() {
    let mount = MountVolume { volume_mount_group: "2000".to_owned(), ..MountVolume::default() };
    let asked = capability_of(AccessType::Mount(mount), access_mode::Mode::SingleNodeWriter);
    let (used, _) = capability(Some(&asked)).unwrap();
    assert_eq!(used, Use::Mount { fs_type: None, flags: Vec::new(), group: Some("2000".to_owned()) });
}

fn create_of(request: &csi::CreateVolumeRequest) -> Result<CreateRequest, RequestError> {
    create(request, parameters(request)?, Ownership::None.into())
}

#[test]
fn a_create_that_asks_for_what_cannot_be_had_is_refused_by_name() {
    type Change = fn(&mut csi::CreateVolumeRequest);
    let changes: [(&str, Change); 6] = [
        ("name is missing", |it| it.name.clear()),
        ("name has 129 characters", |it| it.name = "n".repeat(129)),
        ("volume_capabilities is missing", |it| it.volume_capabilities.clear()),
        ("volume_content_source", |it| it.volume_content_source = Some(csi::VolumeContentSource::default())),
        ("\"a\" is no attribute", |it| drop(it.mutable_parameters.insert("a".to_owned(), "b".to_owned()))),
        ("capacity_range", |it| it.capacity_range = Some(csi::CapacityRange::default())),
    ];
    for (named, change) in changes {
        let mut request = request();
        change(&mut request);
        let refused = create_of(&request).unwrap_err().to_string();
        assert!(refused.contains(named), "{refused}");
    }
    assert!(create_of(&request()).is_ok());
}

#[test]
fn a_term_that_names_its_node_is_that_node_and_any_other_its_segments() {
    let required = csi::TopologyRequirement {
        requisite: vec![segments(&[(TOPOLOGY_KEY, "node-1"), ("zone", "a")]), segments(&[("zone", "b")])],
        preferred: vec![segments(&[(TOPOLOGY_KEY, "node-1")])],
    };
    let (requisite, preferred) = topology(Some(&required)).unwrap();
    let node = Term::Node("node-1".parse().unwrap());
    assert_eq!(requisite, [node.clone(), Term::Segments([("zone".to_owned(), "b".to_owned())].into())]);
    assert_eq!(preferred, [node]);
    let bad = csi::TopologyRequirement { requisite: vec![segments(&[(TOPOLOGY_KEY, "no/de")])], ..required };
    assert!(matches!(topology(Some(&bad)), Err(RequestError::NodeId(_))));
    let of = |place| csi::GetCapacityRequest { accessible_topology: Some(place), ..csi::GetCapacityRequest::default() };
    assert!(matches!(capacity(&of(segments(&[(TOPOLOGY_KEY, "no/de")]))), Err(RequestError::NodeId(_))));
    assert_eq!(capacity(&of(segments(&[]))).unwrap().from, None);
}

#[test]
fn an_attach_names_a_volume_a_node_and_one_capability() {
    let asked = csi::ControllerPublishVolumeRequest {
        volume_id: "pvc-1".to_owned(),
        node_id: "node-1".to_owned(),
        volume_capability: Some(mount("")),
        readonly: true,
        ..csi::ControllerPublishVolumeRequest::default()
    };
    let parsed = attach(&asked).unwrap();
    assert_eq!(
        (parsed.volume.to_string(), parsed.node.as_str(), parsed.read_only),
        ("pvc-1".to_owned(), "node-1", true)
    );
    let reader = Some(capability_of(AccessType::Block(BlockVolume {}), access_mode::Mode::MultiNodeReaderOnly));
    let reader = csi::ControllerPublishVolumeRequest { volume_capability: reader, readonly: false, ..asked.clone() };
    assert!(attach(&reader).unwrap().read_only);
    let nowhere = csi::ControllerPublishVolumeRequest { node_id: String::new(), ..asked };
    assert!(matches!(attach(&nowhere), Err(RequestError::Missing("node_id"))));
}
