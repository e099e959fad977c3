//! Where and how often the data is kept.

use std::collections::BTreeMap;

use super::{Family, Given, KnownParameter, ParameterError, given::entries};
use crate::linstor::name::{GroupName, PoolName};
use crate::volume::place::{Layer, MAX_REPLICAS, Placement};

/// LINSTOR's namespace for what administrators note.
const AUX: &str = "Aux/";

/// The table.
pub(super) const FAMILY: Family = Family {
    title: "Placement",
    parameters: &[
        KnownParameter {
            key: "placementCount",
            aliases: &["autoPlace"],
            values: "1 to 8; empty means 1, as in linstor-csi",
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
            values: "`drbd` (first), `luks`, `storage` (last), separated by spaces or commas; `cache`, `writecache` and `nvme` are passed on to LINSTOR and not tested",
            default: "`drbd storage`; with resourceGroup the group's",
            meaning: "with `drbd` replicated and reachable from every node, without it kept and reachable on one node alone; `luks` encrypts",
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
        KnownParameter {
            key: "encryption",
            aliases: &[],
            values: "`true` or `false`",
            default: "`false`",
            meaning: "`true` adds the layer `luks` above `storage`, where layerList or the group has it not. LINSTOR's master passphrase must be set and \
                      entered (`linstor encryption create-passphrase`, `enter-passphrase`). What DRBD sends over the network is not encrypted by it",
            example: "true",
        },
        KnownParameter {
            key: "replicasOnSame",
            aliases: &[],
            values: "node properties, separated by spaces or commas, each with or without `=value`",
            default: "none; with resourceGroup the group's",
            meaning: "all copies on nodes that have the same value (or this value) there; `Aux/` is put before a name that hasn't it",
            example: "zone=a",
        },
        KnownParameter {
            key: "replicasOnDifferent",
            aliases: &[],
            values: "node properties, separated by spaces or commas, each with or without `=value`",
            default: "none; with resourceGroup the group's",
            meaning: "each copy on a node with another value there; `Aux/` is put before a name that hasn't it",
            example: "rack",
        },
        KnownParameter {
            key: "xReplicasOnDifferent",
            aliases: &[],
            values: "node properties with a count from 1 each, as a map in YAML",
            default: "none; with resourceGroup the group's",
            meaning: "so many copies for each value of the property; `Aux/` is put before a name that hasn't it",
            example: "{zone: 2}",
        },
        KnownParameter {
            key: "doNotPlaceWithRegex",
            aliases: &[],
            values: "a regular expression of Java",
            default: "none; with resourceGroup the group's",
            meaning: "no copy on a node that holds a resource whose whole name the expression matches",
            example: "^db-.*",
        },
        KnownParameter {
            key: "disklessOnRemaining",
            aliases: &[],
            values: "`true` or `false`",
            default: "`false`; with resourceGroup the group's",
            meaning: "a diskless resource on every node that has no copy, made with the volume and kept with it, so that nothing must be made at attach",
            example: "true",
        },
        KnownParameter {
            key: "disklessStoragePool",
            aliases: &[],
            values: "a LINSTOR storage pool of diskless resources",
            default: "LINSTOR's own",
            meaning: "the pool that diskless resources are given",
            example: "diskless-pool",
        },
    ],
};

/// Takes the family's parameters.
pub(super) fn parse(given: &mut Given) -> Result<Placement, ParameterError> {
    let placement = Placement {
        group: given.take("resourceGroup").map(|name| GroupName::parse(&name)).transpose()?,
        count: given.take("placementCount").map(parse_count).transpose()?,
        pools: given.take("storagePool").map(|list| parse_pools(&list)).transpose()?.unwrap_or_default(),
        layers: given.take("layerList").map(|list| parse_layers(&list)).transpose()?,
        encrypt: given.take_bool("encryption")?.unwrap_or_default(),
        on_same: take_properties(given, "replicasOnSame")?,
        on_different: take_properties(given, "replicasOnDifferent")?,
        spread: given.take("xReplicasOnDifferent").map(parse_spread).transpose()?.unwrap_or_default(),
        not_with: given.take("doNotPlaceWithRegex").filter(|expression| !expression.is_empty()),
        diskless_on_remaining: given.take_bool("disklessOnRemaining")?,
        diskless_pool: given.take("disklessStoragePool").map(|name| PoolName::parse(&name)).transpose()?,
        ..Placement::default()
    };
    given.remarks.extend(untested(&placement));
    match placement.count {
        Some(count @ 2..) if !placement.may_use_drbd() => Err(ParameterError::ReplicasWithoutDrbd { count }),
        _ => Ok(placement),
    }
}

fn parse_count(value: String) -> Result<u32, ParameterError> {
    let text = value.trim();
    let count = if text.is_empty() { Some(1) } else { text.parse().ok() };
    let count = count.filter(|count| (1..=MAX_REPLICAS).contains(count));
    count.ok_or_else(|| invalid("placementCount", value, "a whole number from 1 to 8"))
}

fn parse_pools(list: &str) -> Result<Vec<PoolName>, ParameterError> {
    let pools = entries(list).map(PoolName::parse).collect::<Result<Vec<_>, _>>()?;
    if pools.is_empty() { Err(ParameterError::Empty { key: "storagePool" }) } else { Ok(pools) }
}

fn parse_layers(list: &str) -> Result<Vec<Layer>, ParameterError> {
    let layers = entries(list).map(str::parse).collect::<Result<Vec<Layer>, _>>()?;
    let (Some(last), is_twice) = (layers.last(), (1..layers.len()).any(|at| layers[..at].contains(&layers[at]))) else {
        return Err(ParameterError::Empty { key: "layerList" });
    };
    let drbd = layers.iter().position(|layer| *layer == Layer::Drbd);
    match *last == Layer::Storage && !is_twice && drbd.is_none_or(|at| at == 0) {
        true => Ok(layers),
        false => Err(ParameterError::LayerOrder),
    }
}

fn untested(placement: &Placement) -> Option<String> {
    let layers: Vec<&str> =
        placement.layers.iter().flatten().filter(|layer| !layer.is_tested()).map(|layer| layer.as_str()).collect();
    let remark = || format!("layerList: linflow passes {} on to LINSTOR and is not tested with it", layers.join(", "));
    (!layers.is_empty()).then(remark)
}

fn take_properties(given: &mut Given, key: &'static str) -> Result<Vec<String>, ParameterError> {
    let Some(list) = given.take(key) else { return Ok(Vec::new()) };
    let properties: Vec<String> = entries(&list).map(aux).collect();
    if properties.is_empty() { Err(ParameterError::Empty { key }) } else { Ok(properties) }
}

fn parse_spread(value: String) -> Result<BTreeMap<String, u32>, ParameterError> {
    let map: Option<BTreeMap<String, u32>> = serde_norway::from_str(&value).ok();
    let is_meant = |map: &BTreeMap<String, u32>| !map.is_empty() && map.values().all(|count| *count >= 1);
    let map = map.filter(is_meant);
    let map = map.ok_or_else(|| invalid("xReplicasOnDifferent", value, "a map in YAML such as {zone: 2}"))?;
    Ok(map.into_iter().map(|(key, count)| (aux(&key), count)).collect())
}

/// The properties that an administrator gives to nodes are in LINSTOR's namespace `Aux`.
fn aux(property: &str) -> String {
    if property.starts_with(AUX) { property.to_owned() } else { format!("{AUX}{property}") }
}

fn invalid(key: &str, value: String, expected: &'static str) -> ParameterError {
    ParameterError::Value { key: key.to_owned(), value, expected }
}
