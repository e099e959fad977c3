//! The check of what encrypted volumes need.

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::satellites::reasons;
use super::words::{count, list};
use crate::linstor::model::{LUKS, MasterPassphrase, Node};

/// Whether encrypted volumes can be made and opened, where there are any.
pub fn encryption(facts: &Facts) -> Found {
    let passphrase = *known(&facts.cluster.passphrase)?;
    let encrypted = known(&facts.cluster.definitions)?.iter().filter(|one| one.layers().any(|layer| layer == LUKS));
    let encrypted = encrypted.count();
    let groups = known(&facts.cluster.groups)?.iter();
    let asked_for = groups.filter(|one| one.select_filter.layer_stack.iter().any(|layer| layer == LUKS)).count();
    if encrypted + asked_for == 0 {
        let state = match passphrase {
            MasterPassphrase::Unset => "is not set",
            MasterPassphrase::Locked => "is not entered",
            MasterPassphrase::Unlocked => return with_nodes(facts, Finding::ok("the master passphrase is entered")),
        };
        let reason =
            format!("nothing is encrypted here; the master passphrase {state}, which a class with encryption needs");
        return Err(Finding::skipped(reason));
    }
    let users = format!("{}, {} with the LUKS layer", count(encrypted, "volume"), count(asked_for, "resource group"));
    match passphrase {
        MasterPassphrase::Unlocked => {
            with_nodes(facts, Finding::ok(format!("the master passphrase is entered; {users}")))
        }
        MasterPassphrase::Locked => Ok(vec![Finding::fail(
            format!("the master passphrase is not entered since the controller's start; {users}"),
            "linstor encryption enter-passphrase",
        )]),
        MasterPassphrase::Unset => Ok(vec![Finding::fail(
            format!("the master passphrase is not set; {users}"),
            "linstor encryption create-passphrase, and keep it where it outlives the controller",
        )]),
    }
}

/// The finding, and the nodes that can't encrypt.
fn with_nodes(facts: &Facts, finding: Finding) -> Found {
    let nodes = known(&facts.cluster.nodes)?.iter().filter(|node| node.has_satellite() && node.is_online());
    let (able, unable): (Vec<&Node>, Vec<&Node>) = nodes.partition(|node| node.supports_layer(LUKS));
    let names: Vec<&str> = able.iter().map(|node| node.name.as_str()).collect();
    let able = if names.is_empty() { "no node".to_owned() } else { list(&names) };
    let mut found = vec![Finding { seen: format!("{}; {able} can encrypt", finding.seen), ..finding }];
    found.extend(unable.into_iter().map(|node| {
        let todo =
            "install cryptsetup there and restart its linstor-satellite; until then it takes no encrypted volume";
        Finding::warn(format!("no LUKS: {}", reasons(node, LUKS)), todo).about(node.name.as_str())
    }));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;
    use crate::doctor::samples;
    use crate::linstor::model::LayerData;

    fn judge(passphrase: MasterPassphrase, is_used: bool) -> Vec<Level> {
        let mut facts = samples::healthy();
        facts.cluster.passphrase = Ok(passphrase);
        if is_used {
            let definitions = facts.cluster.definitions.as_mut().unwrap();
            definitions[0].layer_data.insert(1, LayerData { layer: LUKS.to_owned() });
        }
        let found = encryption(&facts).unwrap_or_else(|finding| vec![finding]);
        found.into_iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn a_missing_passphrase_matters_where_something_is_encrypted() {
        use MasterPassphrase::{Locked, Unlocked, Unset};
        for (passphrase, is_used, level) in [
            (Unset, false, Level::Skipped),
            (Locked, false, Level::Skipped),
            (Unlocked, false, Level::Ok),
            (Unset, true, Level::Fail),
            (Locked, true, Level::Fail),
            (Unlocked, true, Level::Ok),
        ] {
            assert_eq!(judge(passphrase, is_used), [level], "{passphrase:?} {is_used}");
        }
    }

    #[test]
    fn a_node_that_can_t_encrypt_is_told_with_its_satellite_s_reason() {
        let mut facts = samples::healthy();
        facts.cluster.passphrase = Ok(MasterPassphrase::Unlocked);
        let node = &mut facts.cluster.nodes.as_mut().unwrap()[1];
        node.resource_layers.retain(|layer| layer != LUKS);
        node.unsupported_layers.insert(LUKS.to_owned(), vec!["no cryptsetup".to_owned()]);
        let found = encryption(&facts).unwrap();
        assert_eq!((found[1].level, found[1].about.as_deref()), (Level::Warn, Some("node-2")));
        assert_eq!(found[1].seen, "no LUKS: no cryptsetup");
    }
}
