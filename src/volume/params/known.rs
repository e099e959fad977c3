//! Every parameter that a StorageClass of ours may have: what the parser accepts, and what docs/parameters.md is
//! rendered from.

/// A parameter, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownParameter {
    /// Its key without prefix, in the spelling that messages use.
    pub key: &'static str,
    /// What may stand there.
    pub values: &'static str,
    /// What holds where it is left out.
    pub default: &'static str,
    /// What it does.
    pub meaning: &'static str,
    /// A value that makes sense and isn't the default.
    pub example: &'static str,
}

/// All of them, in the order of the documentation.
pub const PARAMETERS: [KnownParameter; 11] = [
    KnownParameter {
        key: "placementCount",
        values: "1 to 8",
        default: "2; 1 without the DRBD layer; with resourceGroup the group's",
        meaning: "how many nodes keep a copy; more than 1 needs the DRBD layer",
        example: "3",
    },
    KnownParameter {
        key: "storagePool",
        values: "LINSTOR storage pools, separated by spaces or commas",
        default: "any pool; with resourceGroup the group's",
        meaning: "the pools that the copies may be in",
        example: "fast",
    },
    KnownParameter {
        key: "layerList",
        values: "`drbd storage` or `storage`",
        default: "`drbd storage`; with resourceGroup the group's",
        meaning: "replicated and reachable from every node, or kept and reachable on one node alone",
        example: "storage",
    },
    KnownParameter {
        key: "resourceGroup",
        values: "a LINSTOR resource group that exists",
        default: "a group that linflow makes for these parameters",
        meaning: "an administrator's group, used as it is and never changed; it decides what the class leaves out",
        example: "gold",
    },
    KnownParameter {
        key: "fsType",
        values: "`ext4` or `xfs`",
        default: "`ext4`",
        meaning: "the filesystem where the volume capability names none; xfs volumes have 300 MiB at least",
        example: "xfs",
    },
    KnownParameter {
        key: "scope",
        values: "`task`, `run`, `dag`, `pod` or `none`",
        default: "the narrowest that the ids below name, else `none`",
        meaning: "how much of a workflow owns the volume; `pod` and `none` have no owner",
        example: "pod",
    },
    KnownParameter {
        key: "instance",
        values: "the name of an Airflow deployment",
        default: "the instance of the claim's namespace (`--airflow-instance`), which is the namespace itself unless listed",
        meaning: "the Airflow that the ids below are of",
        example: "prod",
    },
    KnownParameter {
        key: "dag-id",
        values: "an Airflow dag_id, up to 250 characters",
        default: "no owner",
        meaning: "the DAG that owns the volume",
        example: "sales",
    },
    KnownParameter {
        key: "run-id",
        values: "an Airflow run_id, up to 250 characters; needs dag-id",
        default: "every run of the DAG",
        meaning: "the run that owns the volume",
        example: "manual__2026-01-01T00:00:00+00:00",
    },
    KnownParameter {
        key: "task-id",
        values: "an Airflow task_id, up to 250 characters; needs run-id",
        default: "every task of the run",
        meaning: "the task that owns the volume",
        example: "load",
    },
    KnownParameter {
        key: "map-index",
        values: "a whole number from -1; needs task-id",
        default: "-1, a task that isn't mapped",
        meaning: "which copy of a mapped task owns the volume",
        example: "0",
    },
];

/// The parameter of this key without prefix, in any case.
pub(super) fn find(key: &str) -> Option<&'static KnownParameter> {
    PARAMETERS.iter().find(|known| known.key.eq_ignore_ascii_case(key))
}

/// The keys, for messages.
pub(super) fn keys() -> String {
    PARAMETERS.map(|known| known.key).join(", ")
}
