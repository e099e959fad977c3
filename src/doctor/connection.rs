//! Checks of the way to LINSTOR: its controllers, their version, certificates and the token.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::facts::{ControllerFacts, Facts, known};
use super::finding::{Finding, Found};
use super::words::{day, days_between};
use crate::linstor::{ApiVersion, Distrust, DistrustKind, Error, Kind};

/// A certificate that runs out sooner than this is told of. Those that are renewed by a machine are so well before.
const DAYS_LEFT: u64 = 14;
/// The release of LINSTOR that brought the REST API that linflow needs.
const OLDEST_RELEASE: &str = "LINSTOR 1.32";

/// Every controller of the list.
pub fn reachable(facts: &Facts) -> Found {
    let any = facts.controllers.iter().any(answers);
    let mut found: Vec<Finding> = facts.controllers.iter().map(|one| reach(one, any).about(one.url.as_str())).collect();
    let ids: BTreeSet<&str> = facts.controllers.iter().filter_map(|one| one.cluster_id.as_deref()).collect();
    if ids.len() > 1 {
        let seen = format!("the controllers of the list are of {} different clusters", ids.len());
        found.push(Finding::fail(seen, "name the controllers of one cluster in --linstor-url"));
    }
    Ok(found)
}

/// Has it spoken as LINSTOR does? It may refuse us, or be too old: other checks tell that.
fn answers(controller: &ControllerFacts) -> bool {
    match &controller.version {
        Ok(_) | Err(Error::TooOld { .. }) => true,
        Err(error) => error.kind() == Some(Kind::AccessDenied),
    }
}

fn reach(controller: &ControllerFacts, any_answers: bool) -> Finding {
    let Err(error) = &controller.version else { return Finding::ok("answers") };
    if answers(controller) {
        return Finding::ok("answers, and is not usable: see the checks below");
    }
    let seen = error.to_string();
    if controller.certificate.as_ref().is_some_and(|shown| shown.distrust.is_some()) {
        return Finding::fail(seen, "see linstor-tls");
    }
    // The words of the system's ECONNREFUSED, which reqwest hands on as text alone.
    if any_answers && seen.contains("onnection refused") {
        return Finding::ok("refuses connections, as a stand-by does: LINSTOR runs one controller at a time");
    }
    if any_answers {
        return Finding::warn(seen, "make it reachable, or take it out of --linstor-url");
    }
    Finding::fail(seen, "start linstor-controller, open its port (3370 http, 3371 https), or correct --linstor-url")
}

/// Whether LINSTOR is new enough.
pub fn version(facts: &Facts) -> Found {
    let found: Vec<Finding> = facts.controllers.iter().filter_map(judge_version).collect();
    if found.is_empty() { Err(Finding::skipped("no controller has told its version")) } else { Ok(found) }
}

fn judge_version(controller: &ControllerFacts) -> Option<Finding> {
    let needed = ApiVersion::MINIMUM;
    let finding = match &controller.version {
        Ok(version) => {
            let (release, api) = (&version.version, &version.rest_api_version);
            Finding::ok(format!("LINSTOR {release}, REST API {api}; linflow needs {needed}"))
        }
        Err(Error::TooOld { found, .. }) => Finding::fail(
            format!("REST API {found}; linflow needs {needed}"),
            format!("upgrade controller and satellites to {OLDEST_RELEASE} or newer"),
        ),
        Err(_) => return None,
    };
    Some(finding.about(controller.url.as_str()))
}

/// The controllers' certificates and our own.
pub fn tls(facts: &Facts) -> Found {
    let mut found: Vec<Finding> =
        facts.controllers.iter().map(|one| judge_certificate(one, facts.now).about(one.url.as_str())).collect();
    if let Some(expires) = known(&facts.credentials.certificate_expires)? {
        let remedy = "renew the certificate that --user-certificate names";
        found.push(judge_expiry(*expires, facts.now, remedy).about("our client certificate"));
    }
    Ok(found)
}

fn judge_certificate(controller: &ControllerFacts, now: SystemTime) -> Finding {
    if !controller.is_https() {
        return Finding::skipped("http: nothing is encrypted, and nobody proves who they are");
    }
    let Some(shown) = &controller.certificate else {
        return Finding::skipped("no connection was made, so no certificate was seen");
    };
    match (&shown.distrust, shown.expires) {
        (Some(distrust), _) => Finding::fail(distrust.reason.as_str(), remedy(distrust)),
        (None, Some(expires)) => judge_expiry(expires, now, "renew the controller's certificate"),
        (None, None) => Finding::ok("trusted; until when can't be told"),
    }
}

fn remedy(distrust: &Distrust) -> &'static str {
    match distrust.kind {
        DistrustKind::Expired => "renew the controller's certificate, and check this machine's clock",
        DistrustKind::NotYetValid => "check this machine's clock, or wait",
        DistrustKind::OtherName => "use a name of the certificate in --linstor-url, or issue it for this name",
        DistrustKind::UnknownIssuer => "name the authority that signed the controller's certificate with --root-ca",
        DistrustKind::Other => "issue the controller another certificate",
    }
}

fn judge_expiry(expires: SystemTime, now: SystemTime, remedy: &str) -> Finding {
    let date = day(expires);
    match days_between(now, expires) {
        None => Finding::fail(format!("has run out on {date}"), remedy),
        Some(days) if days < DAYS_LEFT => Finding::warn(format!("runs out on {date}, in {days} days"), remedy),
        Some(days) => Finding::ok(format!("valid until {date}, {days} days")),
    }
}

/// Whether LINSTOR takes our token, and asks for one.
pub fn token(facts: &Facts) -> Found {
    let denied = facts.controllers.iter().find_map(|one| match &one.version {
        Err(error) if error.kind() == Some(Kind::AccessDenied) => Some((one, error)),
        _ => None,
    });
    let has_token = facts.credentials.has_token;
    if let Some((controller, error)) = denied {
        let todo = if has_token {
            "put a token that LINSTOR knows into the file of --bearer-token-file"
        } else {
            "name a file with a token of LINSTOR's with --bearer-token-file"
        };
        return Ok(vec![Finding::fail(error.to_string(), todo).about(controller.url.as_str())]);
    }
    if !facts.controllers.iter().any(|one| one.version.is_ok()) {
        return Err(Finding::skipped("no controller has answered"));
    }
    if !has_token {
        return Ok(vec![Finding::ok("none is given, and LINSTOR asks for none")]);
    }
    let mut found = vec![match known(&facts.credentials.answers_without_token)? {
        true => Finding::warn(
            "the token is sent, and LINSTOR answers without it as well",
            "switch LINSTOR's token authentication on (LINSTOR 1.34), or leave --bearer-token-file out",
        ),
        false => Finding::ok("accepted; without it LINSTOR refuses"),
    }];
    if facts.controllers.iter().any(|one| !one.is_https()) {
        found.push(Finding::warn("the token travels over http, for everyone to read", "use https in --linstor-url"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
