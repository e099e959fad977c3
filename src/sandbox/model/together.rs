//! Which nodes may hold replicas of one resource together: `replicas_on_same`, `replicas_on_different` and
//! `x_replicas_on_different_map`, over the nodes' properties.

use super::fault::{Fault, code};
use super::group::SelectFilter;
use super::node::Node;
use std::collections::{BTreeMap, BTreeSet};

/// A wish's property and, after `=`, its value.
fn split(wish: &str) -> (&str, Option<&str>) {
    wish.split_once('=').map_or((wish, None), |(key, value)| (key, Some(value)))
}

fn same(filter: &SelectFilter) -> impl Iterator<Item = (&str, Option<&str>)> {
    filter.replicas_on_same.iter().flatten().map(|wish| split(wish))
}

fn different(filter: &SelectFilter) -> impl Iterator<Item = (&str, Option<&str>)> {
    filter.replicas_on_different.iter().flatten().map(|wish| split(wish))
}

/// How many replicas may stand on nodes with one value of a property: one, unless the map says more.
fn limits(filter: &SelectFilter) -> BTreeMap<&str, usize> {
    let more = filter.x_replicas_on_different_map.iter().flatten();
    let more = more.map(|(key, count)| (split(key).0, usize::try_from(*count).unwrap_or(0)));
    different(filter).map(|(key, _)| (key, 1)).chain(more).collect()
}

fn value<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.props.get(key).map(String::as_str)
}

/// Refuses to go on from replicas that differ already in what shall be the same.
pub fn check_taken(filter: &SelectFilter, taken: &[&Node]) -> Result<(), Fault> {
    for (key, _) in same(filter) {
        let values: BTreeSet<&str> = taken.iter().filter_map(|node| value(node, key)).collect();
        if values.len() > 1 {
            let message = format!(
                "The nodes that have the resource differ in the property '{key}', which replicas-on-same wants to be \
                 the same: {}",
                values.into_iter().collect::<Vec<_>>().join(", ")
            );
            return Err(Fault::new(code::UNDECIDABLE, message));
        }
    }
    Ok(())
}

/// May a node have a replica at all? `same` with a value asks for that value, `different` with one forbids it.
pub fn is_allowed(filter: &SelectFilter, node: &Node) -> bool {
    same(filter).all(|(key, wanted)| wanted.is_none_or(|wanted| value(node, key) == Some(wanted)))
        && different(filter).all(|(key, forbidden)| forbidden.is_none_or(|bad| value(node, key) != Some(bad)))
}

/// May a node join the others? A node without the property differs from all, and is the same as others without it.
pub fn may_join(filter: &SelectFilter, others: &[&Node], node: &Node) -> bool {
    let is_same = |key| {
        let decided = others.iter().find_map(|other| value(other, key));
        decided.is_none_or(|decided| value(node, key) == Some(decided))
    };
    let is_free = |(key, limit): (&str, usize)| {
        let own = value(node, key);
        own.is_none() || others.iter().filter(|other| value(other, key) == own).count() < limit
    };
    same(filter).all(|(key, _)| is_same(key)) && limits(filter).into_iter().all(is_free)
}

/// Is a complete choice a good one? Of the groups with one value at most one may be filled in part.
pub fn is_whole(filter: &SelectFilter, nodes: &[&Node]) -> bool {
    limits(filter).into_iter().all(|(key, limit)| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        nodes.iter().filter_map(|node| value(node, key)).for_each(|value| *counts.entry(value).or_default() += 1);
        counts.values().filter(|count| **count < limit).count() <= 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(zone: Option<&str>) -> Node {
        let mut node = Node::new("node", 1, Vec::new());
        node.props.extend(zone.map(|zone| ("Aux/zone".to_owned(), zone.to_owned())));
        node
    }

    fn filter(json: &str) -> SelectFilter {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_same_property_is_decided_by_the_first_node_that_has_it() {
        let filter = filter(r#"{"replicas_on_same": ["Aux/zone"]}"#);
        let (a, b, none) = (node(Some("a")), node(Some("b")), node(None));
        assert!(may_join(&filter, &[], &none) && may_join(&filter, &[&none], &a));
        assert!(may_join(&filter, &[&a], &a) && !may_join(&filter, &[&a], &b) && !may_join(&filter, &[&a], &none));
        assert_eq!(check_taken(&filter, &[&a, &b]).unwrap_err().code, code::UNDECIDABLE);
    }

    #[test]
    fn a_value_after_an_equals_sign_is_asked_for_or_forbidden() {
        let (a, b) = (node(Some("a")), node(Some("b")));
        let wanted = filter(r#"{"replicas_on_same": ["Aux/zone=a"]}"#);
        assert!(is_allowed(&wanted, &a) && !is_allowed(&wanted, &b) && !is_allowed(&wanted, &node(None)));
        let forbidden = filter(r#"{"replicas_on_different": ["Aux/zone=a"]}"#);
        assert!(!is_allowed(&forbidden, &a) && is_allowed(&forbidden, &b) && is_allowed(&forbidden, &node(None)));
        assert!(!may_join(&forbidden, &[&b], &b));
    }

    #[test]
    fn the_map_lets_more_replicas_share_a_value_and_fills_one_value_before_the_next() {
        let filter = filter(r#"{"x_replicas_on_different_map": {"Aux/zone": 2}}"#);
        let (a, b) = (node(Some("a")), node(Some("b")));
        assert!(may_join(&filter, &[&a], &a) && !may_join(&filter, &[&a, &a], &a) && may_join(&filter, &[&a, &a], &b));
        assert!(is_whole(&filter, &[&a, &a, &b]) && !is_whole(&filter, &[&a, &b]));
    }
}
