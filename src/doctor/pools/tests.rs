use super::*;
use crate::doctor::finding::Level::{self, Fail, Ok as Fine, Skipped, Warn};
use crate::doctor::samples::{self, found, levels};
use crate::linstor::{ApiCallRc, RetCode};

const TOTAL: i64 = 1_000_000;

/// The level of a pool with so much free and promised, in thousandths of it.
fn of_room(free: i64, promised: u64) -> Level {
    let mut facts = samples::healthy();
    let pool = &mut facts.cluster.pools.as_mut().unwrap()[1];
    (pool.free_capacity, pool.total_capacity) = (Some(free * TOTAL / 1_000), Some(TOTAL));
    let volume = &mut facts.cluster.definitions.as_mut().unwrap()[0].volume_definitions[0];
    volume.size_kib = promised * TOTAL.unsigned_abs() / 1_000;
    levels(storage_pools(&facts))[0]
}

#[test]
fn room_is_judged_with_what_is_promised() {
    for (free, promised, level) in
        [(1_000, 0, Fine), (300, 20_000, Fine), (200, 900, Fine), (200, 1_100, Warn), (99, 0, Warn), (0, 0, Fail)]
    {
        assert_eq!(of_room(free, promised), level, "{free} {promised}");
    }
}

#[test]
fn the_line_of_a_pool_has_its_numbers() {
    let finding = found(storage_pools(&samples::healthy())).remove(0);
    assert_eq!(finding.about.as_deref(), Some("pool on node-1"));
    assert_eq!(finding.seen, "LVM_THIN, 50 GiB of 100 GiB free (50 %), 10 % promised");
}

fn of_state(change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = samples::healthy();
    change(&mut facts);
    found(storage_pools(&facts)).remove(0)
}

fn first(facts: &mut Facts) -> &mut StoragePool {
    &mut facts.cluster.pools.as_mut().unwrap()[1]
}

#[test]
fn a_pool_with_an_error_or_without_a_size_fails_and_an_unknown_one_is_skipped() {
    let report = |ret_code, message: &str| ApiCallRc {
        ret_code: RetCode(ret_code),
        message: message.to_owned(),
        cause: String::new(),
        details: String::new(),
        correction: String::new(),
        error_report_ids: Vec::new(),
        created_at: String::new(),
    };
    let broken = of_state(|facts| first(facts).reports = vec![report(-4_611_686_018_427_386_906, "vg is gone")]);
    assert_eq!((broken.level, broken.seen.as_str()), (Fail, "vg is gone"));
    assert_eq!(of_state(|facts| first(facts).reports = vec![report(-9_223_372_036_854_774_806, "warned")]).level, Fine);
    assert_eq!(of_state(|facts| first(facts).total_capacity = Some(0)).level, Fail);
    assert_eq!(of_state(|facts| first(facts).free_capacity = None).level, Skipped);
    let away = of_state(|facts| facts.cluster.nodes.as_mut().unwrap()[0].connection_status = "OFFLINE".to_owned());
    assert_eq!(away.level, Skipped);
    assert_eq!(of_state(|facts| facts.cluster.pools = Ok(Vec::new())).level, Fail);
}

#[test]
fn pools_of_one_name_on_two_nodes_are_looked_for() {
    assert_eq!(found(pool_names(&samples::healthy()))[0].seen, "pool on 2 nodes");
    let mut facts = samples::healthy();
    first(&mut facts).storage_pool_name = "POOL".to_owned();
    assert_eq!(levels(pool_names(&facts)), [Fine]);
    first(&mut facts).storage_pool_name = "other".to_owned();
    assert_eq!(levels(pool_names(&facts)), [Warn]);
    facts.cluster.pools.as_mut().unwrap().truncate(2);
    assert_eq!(levels(pool_names(&facts)), [Skipped]);
}
