use std::{collections::BTreeMap, fmt::Debug};

use prost::Message;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MapKey, MessageDescriptor, Value,
};

use super::{SERVICE_ACCOUNT_TOKENS, STRIPPED};
use crate::csi::proto;

const SECRET: &str = "hunter2";
const HARMLESS: &str = "seen";

/// What the generated `Debug` makes of an encoded message.
type Rendering = fn(&[u8]) -> String;

fn rendering<M: Message + Default + Debug>(encoded: &[u8]) -> String {
    format!("{:?}", M::decode(encoded).unwrap())
}

macro_rules! renderings {
    ($($message:ident),* $(,)?) => { [$((stringify!($message), rendering::<proto::$message> as Rendering)),*] };
}

/// Every message that bears secrets, as of CSI 1.13.
const RENDERINGS: [(&str, Rendering); 22] = renderings![
    ControllerExpandVolumeRequest,
    ControllerGetVolumeHealthRequest,
    ControllerListVolumeHealthRequest,
    ControllerModifyVolumeRequest,
    ControllerPublishVolumeRequest,
    ControllerUnpublishVolumeRequest,
    CreateSnapshotRequest,
    CreateVolumeGroupSnapshotRequest,
    CreateVolumeRequest,
    DeleteSnapshotRequest,
    DeleteVolumeGroupSnapshotRequest,
    DeleteVolumeRequest,
    GetMetadataAllocatedRequest,
    GetMetadataDeltaRequest,
    GetSnapshotRequest,
    GetVolumeGroupSnapshotRequest,
    ListSnapshotsRequest,
    NodeExpandVolumeRequest,
    NodeGetStorageHealthRequest,
    NodePublishVolumeRequest,
    NodeStageVolumeRequest,
    ValidateVolumeCapabilitiesRequest,
];

fn descriptor() -> DescriptorPool {
    let mut compiler = protox::Compiler::new([concat!(env!("CARGO_MANIFEST_DIR"), "/proto")]).unwrap();
    compiler.include_imports(true).open_file("csi.proto").unwrap();
    compiler.descriptor_pool()
}

/// A message with every text field and every map filled, with a secret where the descriptor marks one.
fn filled(message: &MessageDescriptor, mark: &ExtensionDescriptor) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let is_secret = *field.options().get_extension(mark) == Value::Bool(true);
        let text = Value::String(if is_secret { SECRET } else { HARMLESS }.to_owned());
        if field.is_map() {
            filled.set_field(&field, Value::Map([(MapKey::String("key".to_owned()), text)].into()));
        } else if field.kind() == Kind::String {
            filled.set_field(&field, if field.is_list() { Value::List(vec![text]) } else { text });
        }
    }
    filled
}

#[test]
fn every_field_marked_secret_is_stripped_and_no_other_text_is() {
    let pool = descriptor();
    let mark = pool.get_extension_by_name("csi.v1.csi_secret").unwrap();
    let bears_secrets = |message: &MessageDescriptor| {
        message.fields().any(|field| *field.options().get_extension(&mark) == Value::Bool(true))
    };
    let mut bearers: Vec<_> = pool.all_messages().filter(bears_secrets).collect();
    bearers.sort_by(|a, b| a.name().cmp(b.name()));
    assert_eq!(bearers.iter().map(|message| message.name()).collect::<Vec<_>>(), RENDERINGS.map(|(name, _)| name));

    for (message, (name, render)) in bearers.iter().zip(RENDERINGS) {
        let filled = filled(message, &mark);
        let rendered = render(&filled.encode_to_vec());
        assert!(!rendered.contains(SECRET), "{name} leaks: {rendered}");
        assert_eq!(rendered.matches(STRIPPED).count(), 1, "{name}: {rendered}");
        let harmless = format!("{filled:?}").matches(HARMLESS).count();
        assert_eq!(rendered.matches(HARMLESS).count(), harmless, "{name} hides too much: {rendered}");
    }
}

fn context() -> BTreeMap<String, String> {
    [(SERVICE_ACCOUNT_TOKENS, SECRET), ("csi.storage.k8s.io/pod.name", HARMLESS)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn service_account_tokens_are_stripped_from_every_volume_context() {
    let rendered = [
        format!("{:?}", proto::NodePublishVolumeRequest { volume_context: context(), ..Default::default() }),
        format!("{:?}", proto::NodeStageVolumeRequest { volume_context: context(), ..Default::default() }),
        format!("{:?}", proto::ControllerPublishVolumeRequest { volume_context: context(), ..Default::default() }),
        format!("{:?}", proto::ValidateVolumeCapabilitiesRequest { volume_context: context(), ..Default::default() }),
        format!("{:?}", proto::Volume { volume_context: context(), ..Default::default() }),
    ];
    for rendered in rendered {
        assert!(rendered.contains(r#""csi.storage.k8s.io/serviceAccount.tokens": "***stripped***""#), "{rendered}");
        assert!(rendered.contains(r#""csi.storage.k8s.io/pod.name": "seen""#), "{rendered}");
        assert!(!rendered.contains(SECRET), "{rendered}");
    }
}

#[test]
fn mount_flags_are_stripped_wherever_a_capability_is_nested() {
    let mount = proto::volume_capability::MountVolume { mount_flags: vec![SECRET.to_owned()], ..Default::default() };
    let capability = proto::VolumeCapability {
        access_type: Some(proto::volume_capability::AccessType::Mount(mount)),
        ..Default::default()
    };
    let request = proto::CreateVolumeRequest { volume_capabilities: vec![capability], ..Default::default() };
    let rendered = format!("{:?} {request:#?}", tonic::Request::new(request.clone()));
    assert!(!rendered.contains(SECRET), "{rendered}");
    assert!(rendered.contains("mount_flags: ***stripped***"), "{rendered}");
}
