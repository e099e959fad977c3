//! LINSTOR's return codes and what goes wrong in the model, before REST dresses it up.

/// Codes of LINSTOR, the low 15 bits of a `ret_code`.
pub mod code {
    /// Something was created.
    pub const CREATED: u16 = 1;
    /// Something was deleted.
    pub const DELETED: u16 = 2;
    /// Something was modified.
    pub const MODIFIED: u16 = 3;
    /// The master passphrase was accepted.
    pub const PASSPHRASE_ACCEPTED: u16 = 4;
    /// A name of a resource or resource definition that breaks the rules.
    pub const INVALID_RESOURCE_NAME: u16 = 202;
    /// A volume number out of range.
    pub const INVALID_VOLUME_NUMBER: u16 = 205;
    /// A volume size out of range.
    pub const INVALID_SIZE: u16 = 206;
    /// A property that is not allowed, or not with this value.
    pub const INVALID_PROPERTY: u16 = 213;
    /// A name of a snapshot that breaks the rules.
    pub const INVALID_SNAPSHOT_NAME: u16 = 218;
    /// A place count below one.
    pub const INVALID_PLACE_COUNT: u16 = 219;
    /// A layer, or a kind of storage pool, that LINSTOR does not know.
    pub const INVALID_LAYER: u16 = 224;
    /// A layer stack that does not fit.
    pub const INVALID_LAYER_STACK: u16 = 225;
    /// A clone of what stands on pools that can't clone.
    pub const NOT_CLONABLE: u16 = 227;
    /// As many volume sizes as volume groups were expected.
    pub const INVALID_SIZE_COUNT: u16 = 228;
    /// A name of a resource group that breaks the rules.
    pub const INVALID_GROUP_NAME: u16 = 237;
    /// A name of a key-value store that breaks the rules.
    pub const INVALID_KV_NAME: u16 = 223;
    /// Properties are missing; a wrong master passphrase is told so.
    pub const MISSING_PROPERTIES: u16 = 600;
    /// A name could not be generated.
    pub const NO_GENERATED_NAME: u16 = 606;
    /// No such node.
    pub const NO_NODE: u16 = 300;
    /// No such resource definition.
    pub const NO_DEFINITION: u16 = 301;
    /// No such resource.
    pub const NO_RESOURCE: u16 = 302;
    /// No such volume definition.
    pub const NO_VOLUME_DEFINITION: u16 = 303;
    /// No such volume of a resource.
    pub const NO_VOLUME: u16 = 304;
    /// No such storage pool anywhere.
    pub const NO_POOL_DEFINITION: u16 = 309;
    /// No such storage pool on this node.
    pub const NO_POOL: u16 = 310;
    /// The master passphrase is unset or was not entered.
    pub const NO_MASTER_KEY: u16 = 312;
    /// No such snapshot of a resource definition.
    pub const NO_SNAPSHOT_DEFINITION: u16 = 313;
    /// No such snapshot, or not on this node.
    pub const NO_SNAPSHOT: u16 = 315;
    /// No such key-value store.
    pub const NO_KV: u16 = 316;
    /// No such resource group.
    pub const NO_GROUP: u16 = 317;
    /// No such volume group.
    pub const NO_VOLUME_GROUP: u16 = 318;
    /// The resource definition exists.
    pub const DEFINITION_EXISTS: u16 = 501;
    /// The resource definition has resources.
    pub const RESOURCE_IS_DEPLOYED: u16 = 502;
    /// The volume definition exists.
    pub const VOLUME_DEFINITION_EXISTS: u16 = 503;
    /// The storage pool exists on this node.
    pub const POOL_EXISTS: u16 = 510;
    /// There is a master passphrase, or none to modify.
    pub const PASSPHRASE_EXISTS: u16 = 512;
    /// The snapshot exists, or keeps its resource definition.
    pub const SNAPSHOT_EXISTS: u16 = 514;
    /// The resource group exists.
    pub const GROUP_EXISTS: u16 = 522;
    /// The volume group exists.
    pub const VOLUME_GROUP_EXISTS: u16 = 523;
    /// A DRBD device is not UpToDate.
    pub const NOT_UP_TO_DATE: u16 = 974;
    /// Replicas differ already in what replicas-on-same wants to be the same.
    pub const UNDECIDABLE: u16 = 985;
    /// The node can't have storage pools of this kind.
    pub const UNSUPPORTED_PROVIDER: u16 = 989;
    /// The last disk would go.
    pub const TOO_FEW_REPLICAS: u16 = 991;
    /// No replica is on a node that can be reached.
    pub const NO_DISK_ONLINE: u16 = 995;
    /// Autoplace found too few nodes, or too small ones.
    pub const NOT_ENOUGH_NODES: u16 = 996;
    /// The resource is in use.
    pub const IN_USE: u16 = 997;
    /// Anything else.
    pub const UNKNOWN: u16 = 998;
    /// A mistake of LINSTOR's own.
    pub const IMPLEMENTATION: u16 = 999;
    /// Warning: accepted, applied when the satellite returns.
    pub const NOT_CONNECTED: u16 = 1002;
    /// Warning: autoplace had nothing to do.
    pub const ALREADY_DEPLOYED: u16 = 1006;
    /// Warning: the resource to get a disk has one.
    pub const HAS_DISK: u16 = 1007;
    /// Warning: the resource to lose its disk has none.
    pub const HAS_NO_DISK: u16 = 1008;
    /// Warning: no node is left for a tie-breaker.
    pub const NO_TIE_BREAKER_NODE: u16 = 1013;
    /// Warning: the volume has this size already.
    pub const SIZE_UNCHANGED: u16 = 1023;
    /// Warning: what was to be deleted is not there.
    pub const NOT_FOUND: u16 = 3000;
    /// Information: definitions only, nothing deployed.
    pub const NOT_SPAWNED: u16 = 10000;
    /// Information: a property was set by LINSTOR itself.
    pub const AUTO_PROPERTY: u16 = 10002;
    /// Information: a tie-breaker was created.
    pub const TIE_BREAKER_CREATED: u16 = 10003;
    /// Information: a tie-breaker goes.
    pub const TIE_BREAKER_DELETING: u16 = 10004;
    /// Information: the quorum property was removed.
    pub const QUORUM_REMOVED: u16 = 10005;
    /// Information: a client became the tie-breaker instead of being deleted.
    pub const TIE_BREAKER_TAKEOVER: u16 = 10006;
    /// Information: the resource is there already.
    pub const RESOURCE_EXISTS: u16 = 10008;
}

/// A refusal: code and texts as LINSTOR gives them; the call that met it adds operation, object and references.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// One of [`code`].
    pub code: u16,
    /// What was refused.
    pub message: String,
    /// Why; empty where LINSTOR says nothing.
    pub cause: Box<str>,
    /// Details that stand before those of the call.
    pub details: Box<str>,
    /// What to do.
    pub correction: Box<str>,
    /// Does LINSTOR write an error report for it?
    pub report: bool,
    /// The volume that it is about, where the call is about a whole resource definition.
    pub volume: Option<(String, u32)>,
}

impl Fault {
    /// A refusal with a message alone.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), ..Self::default() }
    }

    /// Adds the cause.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into().into_boxed_str();
        self
    }

    /// Adds details.
    pub fn detailed(mut self, details: impl Into<String>) -> Self {
        self.details = details.into().into_boxed_str();
        self
    }

    /// Adds what to do.
    pub fn advise(mut self, correction: impl Into<String>) -> Self {
        self.correction = correction.into().into_boxed_str();
        self
    }

    /// Marks it as one that LINSTOR writes an error report for.
    pub fn reported(mut self) -> Self {
        self.report = true;
        self
    }

    /// What LINSTOR says when it looks up a parent object in vain.
    pub fn not_found(code: u16, what: &str, name: &str) -> Self {
        let lower = what.to_lowercase();
        Self::new(code, format!("{what} '{name}' not found."))
            .because(format!("The specified {lower} '{name}' could not be found in the database"))
            .advise(format!("Create a {lower} with the name '{name}' first."))
    }

    /// A change was not written down, so it is not acknowledged.
    pub fn unsaved(error: &std::io::Error) -> Self {
        Self::new(code::UNKNOWN, format!("The sandbox could not write the change into its state folder: {error}"))
    }

    /// The backing refused: what LINSTOR reports as a satellite's failed command.
    pub fn backing(error: &std::io::Error) -> Self {
        Self::new(code::UNKNOWN, format!("The satellite could not prepare the device: {error}")).reported()
    }
}
