//! Where and how often the data is kept.

use super::{
    Family, KnownParameter, ParameterError,
    given::{Given, entries},
};
use crate::linstor::name::{GroupName, PoolName};
use crate::volume::place::{Layer, Placement};

/// How many replicas a volume may have: LINSTOR reserves seven peers for each by default.
pub(super) const MAX_REPLICAS: u32 = 8;

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Placement",
    parameters: &[
        KnownParameter {
            key: "placementCount",
            aliases: &[],
            values: "1 to 8",
            default: "2; 1 without the DRBD layer; with resourceGroup the group's",
            meaning: "how many nodes keep a copy; more than 1 needs the DRBD layer",
            example: "3",
        },
        KnownParameter {
            key: "storagePool",
            aliases: &[],
            values: "LINSTOR storage pools, separated by spaces or commas",
            default: "any pool; with resourceGroup the group's",
            meaning: "the pools that the copies may be in",
            example: "fast",
        },
        KnownParameter {
            key: "layerList",
            aliases: &[],
            values: "`drbd storage` or `storage`",
            default: "`drbd storage`; with resourceGroup the group's",
            meaning: "replicated and reachable from every node, or kept and reachable on one node alone",
            example: "storage",
        },
        KnownParameter {
            key: "resourceGroup",
            aliases: &[],
            values: "a LINSTOR resource group that exists",
            default: "a group that linflow makes for these parameters",
            meaning: "an administrator's group, used as it is and never changed; it decides what the class leaves out",
            example: "gold",
        },
    ],
};

/// Takes the family's parameters.
pub(super) fn parse(given: &mut Given) -> Result<Placement, ParameterError> {
    let placement = Placement {
        group: given.take("resourceGroup").map(|name| GroupName::parse(&name)).transpose()?,
        count: given.take("placementCount").map(|value| parse_count(&value)).transpose()?,
        pools: given.take("storagePool").map(|list| parse_pools(&list)).transpose()?.unwrap_or_default(),
        layers: given.take("layerList").map(|list| parse_layers(&list)).transpose()?,
        ..Placement::default()
    };
    match placement.count {
        Some(count @ 2..) if !placement.may_use_drbd() => Err(ParameterError::ReplicasWithoutDrbd { count }),
        _ => Ok(placement),
    }
}

fn parse_count(value: &str) -> Result<u32, ParameterError> {
    let count = value.trim().parse().ok().filter(|count| (1..=MAX_REPLICAS).contains(count));
    count.ok_or_else(|| ParameterError::PlacementCount { value: value.to_owned() })
}

fn parse_pools(list: &str) -> Result<Vec<PoolName>, ParameterError> {
    let pools = entries(list).map(PoolName::parse).collect::<Result<Vec<_>, _>>()?;
    if pools.is_empty() { Err(ParameterError::Empty { key: "storagePool" }) } else { Ok(pools) }
}

fn parse_layers(list: &str) -> Result<Vec<Layer>, ParameterError> {
    let layers = entries(list).map(str::parse).collect::<Result<Vec<Layer>, _>>()?;
    match layers.as_slice() {
        [] => Err(ParameterError::Empty { key: "layerList" }),
        [Layer::Storage] | [Layer::Drbd, Layer::Storage] => Ok(layers),
        _ => Err(ParameterError::LayerOrder),
    }
}
