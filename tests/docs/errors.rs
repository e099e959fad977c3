//! docs/errors.md: a table for each layer, from samples of every variant.

use std::fmt::Debug;

use linflow::csi::status::{self, Coded};
use tonic::Code;

use super::{page, samples, variants};

const INTRODUCTION: &str = "\
# Errors

<!-- Rendered from src/csi/status.rs and samples of every error: `LINFLOW_RENDER=1 cargo test --test docs`. -->

Each row is an error as a caller of CSI sees it: its gRPC code, whether external-provisioner takes that code as final (the call is over
and nothing is pending), when it happens, and a message with invented names.
CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED are not final (the operation may still be running, so the same call comes again),
RESOURCE_EXHAUSTED asks for another place where the scheduler may choose one and is final otherwise, and every other code is final.

An operation that breaks off by a defect of linflow's own is UNAVAILABLE, and so is a call that comes while linflow is stopping.
";

/// The whole page.
pub fn render() -> String {
    let volume = include_str!("../../src/volume/error.rs");
    let linstor = include_str!("../../src/linstor/error.rs");
    let sections = [
        section(
            "Request",
            "Nothing was done.",
            table(include_str!("../../src/csi/request.rs"), "RequestError", &samples::request::all()),
        ),
        section(
            "Who asks",
            "At CreateVolume, before anything is made.",
            table(include_str!("../../src/workflow/ask/error.rs"), "AskError", &samples::asking::all()),
        ),
        section("Volume", "The controller's verbs.", table(volume, "Error", &samples::volume::all())),
        section(
            "Owner's volume",
            "`Owned` above in full.",
            table(include_str!("../../src/volume/owned/error.rs"), "OwnedError", &samples::owned::all()),
        ),
        section(
            "Holders",
            "`Held` above in full: somebody else has an owner's volume.",
            table(include_str!("../../src/volume/holders.rs"), "Held", &samples::volume::held()),
        ),
        section(
            "Snapshot",
            "The verbs of snapshots and groups of them.",
            table(include_str!("../../src/volume/snapshot/error.rs"), "Error", &samples::snapshot::all()),
        ),
        section("LINSTOR", "What the controller's verbs pass on.", table(linstor, "Error", &samples::linstor::all())),
        section("LINSTOR's refusals, by kind", "`Refused` above in full.", kinds(linstor)),
        section(
            "Node",
            "Staging, publishing and their ends.",
            table(include_str!("../../src/node/error.rs"), "Error", &samples::node::all()),
        ),
        section(
            "Access",
            "At NodePublishVolume, and at ControllerPublishVolume of a claim that a pod owns.",
            table(include_str!("../../src/access/permit.rs"), "Denial", &samples::access::denials()),
        ),
        section(
            "Expected pod",
            "At NodePublishVolume, of a claim that a pod owns.",
            table(include_str!("../../src/access/expected.rs"), "Unexpected", &samples::access::unexpected()),
        ),
        section(
            "Directory",
            "Where the pod that is to have an owner's volume is looked up, or one that holds it.",
            table(include_str!("../../src/workflow/directory.rs"), "DirectoryError", &samples::access::lookups()),
        ),
    ];
    format!("{INTRODUCTION}{}", sections.concat())
}

fn section(title: &str, about: &str, table: String) -> String {
    format!("\n## {title}\n\n{about}\n\n{table}")
}

fn table<E: Coded + Debug>(source: &str, name: &str, samples: &[E]) -> String {
    let samples: Vec<(String, &E)> = samples.iter().map(|sample| (variants::name_of(sample), sample)).collect();
    sampled(source, name, &samples)
}

/// Refusals go by their kind.
fn kinds(source: &str) -> String {
    let refusals = samples::linstor::refusals();
    let samples: Vec<_> =
        refusals.iter().map(|error| (variants::name_of(&error.kind().expect("a refusal")), error)).collect();
    sampled(source, "Kind", &samples)
}

/// A row for each sample, in the order of the variants; fails where one has no sample.
fn sampled<E: Coded>(source: &str, name: &str, samples: &[(String, &E)]) -> String {
    let mut rows = Vec::new();
    for variant in variants::read(source, name) {
        let of_it: Vec<_> = samples.iter().filter(|(name, _)| *name == variant.name).collect();
        assert!(!of_it.is_empty(), "{name}::{} has no sample in tests/docs/samples", variant.name);
        rows.extend(of_it.into_iter().map(|(_, error)| row(&variant, *error)));
    }
    assert!(rows.len() >= samples.len(), "a sample of {name} is of no variant that the source has");
    page::table(&["error", "gRPC code", "final?", "when", "example"], &rows)
}

fn row<E: Coded>(variant: &variants::Variant, error: &E) -> Vec<String> {
    let status = status::of(error);
    let code = spell(status.code());
    vec![
        variant.name.clone(),
        code,
        finality(status.code()).to_owned(),
        variant.when.clone(),
        status.message().to_owned(),
    ]
}

/// The code as gRPC's documentation spells it.
fn spell(code: Code) -> String {
    let mut spelt = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_ascii_uppercase() && !spelt.is_empty() {
            spelt.push('_');
        }
        spelt.push(character.to_ascii_uppercase());
    }
    spelt
}

fn finality(code: Code) -> &'static str {
    match code {
        Code::ResourceExhausted => "elsewhere",
        code if is_final(code) => "yes",
        _ => "no",
    }
}

/// Does external-provisioner take the call as over?
fn is_final(code: Code) -> bool {
    !matches!(code, Code::Cancelled | Code::DeadlineExceeded | Code::Unavailable | Code::Aborted)
}

#[test]
fn a_code_is_spelt_as_grpc_spells_it() {
    assert_eq!(spell(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
    assert_eq!(spell(Code::NotFound), "NOT_FOUND");
}

#[test]
fn no_linstor_error_whose_outcome_is_unknown_is_final() {
    let open: Vec<_> = samples::linstor::all()
        .into_iter()
        .chain(samples::linstor::refusals())
        .filter(samples::linstor::is_open)
        .collect();
    assert!(open.len() >= 3, "an unknown outcome, a broken controller and a proxy's page: {open:?}");
    for error in open {
        assert!(!is_final(error.code()), "{error:?}");
        assert!(!is_final(linflow::volume::Error::from(error.clone()).code()), "{error:?}");
    }
}

#[test]
fn no_volume_error_that_leaves_something_behind_is_final() {
    let leaving: Vec<_> = samples::volume::all().into_iter().filter(samples::volume::leaves_something).collect();
    assert!(leaving.len() >= 5, "{leaving:?}");
    for error in leaving {
        assert!(!is_final(error.code()), "{error:?}");
    }
}

#[test]
fn no_snapshot_error_that_leaves_something_behind_is_final() {
    let leaving: Vec<_> = samples::snapshot::all().into_iter().filter(samples::snapshot::leaves_something).collect();
    assert_eq!(leaving.len(), 2, "{leaving:?}");
    for error in leaving {
        assert!(!is_final(error.code()), "{error:?}");
    }
}

#[test]
fn no_node_error_that_may_yet_take_effect_is_final() {
    let suspended: Vec<_> = samples::node::all().into_iter().filter(samples::node::may_take_effect).collect();
    assert!(!suspended.is_empty());
    for error in suspended {
        assert!(!is_final(error.code()), "{error:?}");
    }
}

#[tokio::test]
async fn an_operation_whose_task_is_lost_is_not_final() {
    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    let lost = task.await.expect_err("it was aborted");
    assert!(!is_final(status::lost_task(&lost).code()));
}
