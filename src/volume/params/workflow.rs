//! Whose volume it is. The values are `workflow::Claim`'s to understand.

use std::collections::BTreeMap;

use super::{Family, Given, KnownParameter};
use crate::workflow::key::PREFIX;

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Workflow",
    parameters: &[
        KnownParameter {
            key: "scope",
            aliases: &[],
            values: "`task`, `run`, `dag`, `pod` or `none`",
            default: "the narrowest that the ids below name, else `none`",
            meaning: "how much of a workflow owns the volume; `pod` and `none` have no owner",
            example: "pod",
        },
        KnownParameter {
            key: "instance",
            aliases: &[],
            values: "the name of an Airflow deployment",
            default: "the instance of the claim's namespace (`--airflow-instance`), which is the namespace itself unless listed",
            meaning: "the Airflow that the ids below are of",
            example: "prod",
        },
        KnownParameter {
            key: "dag-id",
            aliases: &[],
            values: "an Airflow dag_id, up to 250 characters",
            default: "no owner",
            meaning: "the DAG that owns the volume",
            example: "sales",
        },
        KnownParameter {
            key: "run-id",
            aliases: &[],
            values: "an Airflow run_id, up to 250 characters; needs dag-id",
            default: "every run of the DAG",
            meaning: "the run that owns the volume",
            example: "manual__2026-01-01T00:00:00+00:00",
        },
        KnownParameter {
            key: "task-id",
            aliases: &[],
            values: "an Airflow task_id, up to 250 characters; needs run-id",
            default: "every task of the run",
            meaning: "the task that owns the volume",
            example: "load",
        },
        KnownParameter {
            key: "map-index",
            aliases: &[],
            values: "a whole number from -1; needs task-id",
            default: "-1, a task that isn't mapped",
            meaning: "which copy of a mapped task owns the volume",
            example: "0",
        },
        KnownParameter {
            key: "retain",
            aliases: &[],
            values: "a duration, or `success=…,failure=…`",
            default: "success=1h,failure=168h",
            meaning: "how long a task's or run's volume is kept after its release, from the proven end of the run",
            example: "success=2h,failure=72h",
        },
        KnownParameter {
            key: "reap-unproven",
            aliases: &["reapUnproven"],
            values: "a duration of an hour or more; no annotation can set it",
            default: "never",
            meaning: "after how long without a claim an owner's volume goes though nothing proves that its run is over; a DAG's, too",
            example: "30days",
        },
        KnownParameter {
            key: "from",
            aliases: &[],
            values: "`run`, `task:TASK_ID` or `task:TASK_ID/MAP_INDEX`; needs an owner with a run",
            default: "none, it begins empty",
            meaning: "the volume of the same run that it begins as a copy of",
            example: "task:extract",
        },
        KnownParameter {
            key: "confirm",
            aliases: &[],
            values: "`enforce`, `audit` or `off`; no annotation can set it",
            default: "what the driver's `--confirm` says, else `enforce`",
            meaning: "what happens where a pod isn't of the volume's owner: it is refused; it gets the volume, which is logged and counted; nobody looks",
            example: "audit",
        },
    ],
};

/// Takes the family's parameters, with the prefix that `workflow::Claim` reads.
pub(super) fn take(given: &mut Given) -> BTreeMap<String, String> {
    let named = |known: &KnownParameter| Some((format!("{PREFIX}{}", known.key), given.take(known.key)?));
    FAMILY.parameters.iter().filter_map(named).collect()
}
