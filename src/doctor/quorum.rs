//! The check of quorum: what keeps two nodes from writing one volume, and what a node without it does.

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::volumes::{is_ours, replicas};
use super::words::{count, list};
use crate::linstor::model::quorum::{AUTO_TIE_BREAKER, ON_NO_QUORUM, QUORUM, is_off};
use crate::linstor::model::{DRBD, Props};

/// What the cluster's settings mean for its volumes, and which volumes have no quorum.
pub fn quorum(facts: &Facts) -> Found {
    let props = known(&facts.cluster.props)?;
    let mut found = vec![majority(props), tie_breaker(props), on_no_quorum(props)];
    // What LINSTOR did not tell of the rest does not hide what is known.
    found.extend(third_node(facts).unwrap_or_else(Some));
    found.extend(groups(facts).unwrap_or_else(|finding| vec![finding]));
    found.extend(volumes(facts).unwrap_or_else(Some));
    Ok(found)
}

fn value<'a>(props: &'a Props, key: &str) -> Option<&'a str> {
    props.get(key).map(String::as_str)
}

fn without(seen: &str, about: &str) -> Finding {
    let todo = format!("set {QUORUM} to majority, or take the property away: two nodes could write one volume at once");
    Finding::fail(format!("quorum is switched off: {seen}"), todo).about(about)
}

fn majority(props: &Props) -> Finding {
    if is_off(props) {
        return without("volumes that don't say otherwise have none", "controller");
    }
    Finding::ok("a majority, which LINSTOR sets by itself").about("controller")
}

fn tie_breaker(props: &Props) -> Finding {
    let about = "controller";
    match value(props, AUTO_TIE_BREAKER) {
        Some(on) if on.eq_ignore_ascii_case("true") => Finding::ok("tie-breakers are added").about(about),
        off => Finding::warn(
            format!("{AUTO_TIE_BREAKER} is {}: a volume with two replicas has no quorum", off.unwrap_or("not set")),
            format!("linstor controller set-property {AUTO_TIE_BREAKER} True"),
        )
        .about(about),
    }
}

fn on_no_quorum(props: &Props) -> Finding {
    let about = "controller";
    match value(props, ON_NO_QUORUM) {
        Some("io-error") => Finding::ok("a node that loses it answers with errors (io-error)").about(about),
        other => {
            // DRBD's own default is to suspend (drbd.conf-9.0(5)).
            let seen = format!(
                "{ON_NO_QUORUM} is {}: a pod that loses it hangs, and so may its unmount",
                other.unwrap_or("not set")
            );
            Finding::warn(seen, format!("linstor controller set-property {ON_NO_QUORUM} io-error")).about(about)
        }
    }
}

/// The resource groups that switch it off.
fn groups(facts: &Facts) -> Found {
    let off = known(&facts.cluster.groups)?.iter().filter(|group| is_off(&group.props));
    Ok(off.map(|group| without("its volumes have none", &format!("resource group {}", group.name))).collect())
}

/// Two replicas need a third node to be out-voted.
fn third_node(facts: &Facts) -> Result<Option<Finding>, Finding> {
    let nodes = known(&facts.cluster.nodes)?.iter();
    let able: Vec<&str> = nodes
        .filter(|node| node.has_satellite() && node.is_online() && node.supports_layer(DRBD))
        .map(|node| node.name.as_str())
        .collect();
    let todo = "add a third node with DRBD; it needs no disk to be a tie-breaker";
    let seen = format!(
        "only {} are ONLINE with DRBD: no tie-breaker can be placed, so two replicas have no quorum",
        list(&able)
    );
    Ok((able.len() == 2).then(|| Finding::warn(seen, todo)))
}

/// Our replicated volumes that have none.
fn volumes(facts: &Facts) -> Result<Option<Finding>, Finding> {
    let resources = known(&facts.cluster.resources)?;
    let definitions = known(&facts.cluster.definitions)?;
    let ours = definitions.iter().filter(|one| is_ours(one) && one.uses_drbd() && !one.is_deleting());
    let mut total = 0;
    let mut without = Vec::new();
    for definition in ours.filter(|one| replicas(resources, &one.name).filter(|one| !one.is_diskless()).count() > 1) {
        total += 1;
        if !definition.has_majority_quorum() {
            without.push(definition.name.as_str());
        }
    }
    if without.is_empty() {
        return Ok((total > 0).then(|| Finding::ok(format!("each of {} has it", count(total, "replicated volume")))));
    }
    let seen = format!("{} of {total} replicated volumes have none: {}", without.len(), list(&without));
    let todo = "let a third node vote: linstor resource create --drbd-diskless NODE VOLUME";
    Ok(Some(Finding::warn(seen, todo)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;
    use crate::doctor::samples;
    use crate::linstor::model::quorum::AUTO_QUORUM;

    fn levels(facts: &Facts) -> Vec<Level> {
        quorum(facts).unwrap_or_else(|finding| vec![finding]).into_iter().map(|finding| finding.level).collect()
    }

    #[test]
    fn each_setting_of_the_controller_is_judged() {
        use Level::{Fail, Ok as Fine, Warn};
        for (key, value, expected) in [
            (QUORUM, Some("majority"), [Fine, Fine, Fine]),
            (QUORUM, Some("off"), [Fail, Fine, Fine]),
            (AUTO_QUORUM, Some("disabled"), [Fail, Fine, Fine]),
            (AUTO_TIE_BREAKER, Some("False"), [Fine, Warn, Fine]),
            (AUTO_TIE_BREAKER, None, [Fine, Warn, Fine]),
            (ON_NO_QUORUM, Some("suspend-io"), [Fine, Fine, Warn]),
            (ON_NO_QUORUM, None, [Fine, Fine, Warn]),
        ] {
            let mut facts = samples::healthy();
            let props = facts.cluster.props.as_mut().unwrap();
            props.remove(key);
            props.extend(value.map(|value| (key.to_owned(), value.to_owned())));
            assert_eq!(levels(&facts)[..3], expected, "{key} {value:?}");
        }
    }

    #[test]
    fn a_resource_group_that_switches_it_off_is_named() {
        let mut facts = samples::healthy();
        let group = &mut facts.cluster.groups.as_mut().unwrap()[0];
        group.props.insert(QUORUM.to_owned(), "off".to_owned());
        let found = quorum(&facts).unwrap();
        let of_group = found.iter().find(|one| one.about.as_deref() == Some("resource group DfltRscGrp")).unwrap();
        assert_eq!(of_group.level, Level::Fail);
    }

    #[test]
    fn two_nodes_and_a_volume_without_it_are_told() {
        let mut facts = samples::healthy();
        facts.cluster.nodes.as_mut().unwrap()[2].connection_status = "OFFLINE".to_owned();
        facts.cluster.definitions.as_mut().unwrap()[0].props.remove(QUORUM);
        let found = quorum(&facts).unwrap();
        let warnings: Vec<&str> =
            found.iter().filter(|one| one.level == Level::Warn).map(|one| one.seen.as_str()).collect();
        assert_eq!(
            warnings,
            [
                "only node-1, node-2 are ONLINE with DRBD: no tie-breaker can be placed, so two replicas have no quorum",
                "1 of 1 replicated volumes have none: pvc-1"
            ]
        );
    }
}
