//! Kubernetes: whether its API server answers, and whether we may ask for what the role asks for.

use super::facts::{Facts, KubernetesFacts, Told, Untold, known};
use super::finding::{Finding, Found};
use crate::config::{DirectoryConfig, DoctorConfig, DoctorRole};
use crate::kube::{Kubernetes, Need, Place, Trouble};

/// How a right is given, for whoever looks for its rule.
const GRANT: &str = "grant it to linflow's service account, as its Helm chart does (templates/rbac.yaml)";

/// Asks by the way that is configured: first for the version, then for all rights at once.
pub(super) async fn ask(config: &DoctorConfig) -> KubernetesFacts {
    let place = match &config.directory {
        DirectoryConfig::Kubernetes(place) => place,
        DirectoryConfig::Folder(folder) => {
            return not_asked(format!("the folder {} of --pods stands in its place", folder.display()));
        }
        DirectoryConfig::None => {
            let reason =
                "it is not asked from here; give --kubeconfig FILE, or run the doctor in one of linflow's pods";
            return not_asked(reason.to_owned());
        }
    };
    let way = match place {
        Place::InCluster => "the service account".to_owned(),
        Place::Kubeconfig(path) => path.display().to_string(),
    };
    let kubernetes = Kubernetes::new(place.clone());
    let version = told(kubernetes.version(config.timeout).await);
    let mut rights = Vec::new();
    if version.is_ok() {
        let asked: Vec<_> = needs(config)
            .into_iter()
            .map(|need| {
                let (kubernetes, limit) = (kubernetes.clone(), config.timeout);
                tokio::spawn(async move {
                    let may = told(kubernetes.may(&need, limit).await);
                    (need, may)
                })
            })
            .collect();
        for answer in asked {
            rights.push(answer.await.expect("a question neither panics nor is aborted"));
        }
    }
    KubernetesFacts { way, version, rights }
}

fn needs(config: &DoctorConfig) -> Vec<Need> {
    match config.account {
        DoctorRole::Node => Need::of_node(),
        DoctorRole::Controller | DoctorRole::All => Need::of_controller(config.driver_name.as_str()),
    }
}

fn not_asked(reason: String) -> KubernetesFacts {
    KubernetesFacts { way: String::new(), version: Err(Untold::NotAsked(reason)), rights: Vec::new() }
}

fn told<T>(answer: Result<T, Trouble>) -> Told<T> {
    answer.map_err(|trouble| Untold::NoAnswer(trouble.to_string()))
}

/// Whether the API server answers us.
pub fn api(facts: &Facts) -> Found {
    let KubernetesFacts { way, version, .. } = &facts.kubernetes;
    let finding = match version {
        Ok(version) => Finding::ok(format!("Kubernetes {version} answers")),
        Err(Untold::NoAnswer(reason)) => Finding::fail(
            reason.as_str(),
            "until it answers no claim is known to be a workflow's and no pod is confirmed: open its port to linflow's pods, or correct --kubeconfig",
        ),
        Err(untold) => return Err(untold.into()),
    };
    Ok(vec![finding.about(way.as_str())])
}

/// Whether we may ask for what the role asks for.
pub fn rights(facts: &Facts) -> Found {
    let KubernetesFacts { way, version, rights } = &facts.kubernetes;
    if version.is_err() {
        return Err(Finding::skipped("see kubernetes-api"));
    }
    let mut found: Vec<Finding> = rights.iter().filter_map(judge).collect();
    let granted = rights.iter().filter(|(_, may)| *may == Ok(true)).count();
    if granted > 0 {
        found.insert(
            0,
            Finding::ok(format!("{granted} of {} that linflow uses are granted", rights.len())).about(way.as_str()),
        );
    }
    Ok(found)
}

fn judge((need, may): &(Need, Told<bool>)) -> Option<Finding> {
    let right = need.right.to_string();
    let finding = match known(may) {
        Ok(true) => return None,
        Ok(false) if need.is_optional => Finding::warn(format!("not granted; {}", need.purpose), GRANT),
        Ok(false) => Finding::fail(format!("not granted; {}", need.purpose), GRANT),
        Err(finding) => finding,
    };
    Some(finding.about(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;
    use crate::doctor::samples;

    #[test]
    fn a_right_that_is_missing_fails_or_warns_by_what_does_not_work_without_it() {
        let mut facts = samples::healthy();
        assert_eq!(samples::levels(rights(&facts)), [Level::Ok]);
        for (right, level) in [("list persistentvolumes", Level::Fail), ("watch pods", Level::Warn)] {
            let mut facts = facts.clone();
            let (_, may) =
                facts.kubernetes.rights.iter_mut().find(|(need, _)| need.right.to_string() == right).unwrap();
            *may = Ok(false);
            let [granted, missing] = &samples::found(rights(&facts))[..] else { panic!("{right}") };
            assert!(granted.seen.starts_with("9 of 10"), "{granted:?}");
            assert_eq!((missing.level, missing.about.as_deref()), (level, Some(right)));
        }
        facts.kubernetes.rights = vec![(Need::of_node().remove(0), Err(Untold::NoAnswer("silence".to_owned())))];
        assert_eq!(samples::levels(rights(&facts)), [Level::Fail], "what is not known is not granted");
    }

    #[test]
    fn who_is_not_asked_is_skipped_and_who_does_not_answer_fails_once() {
        let mut facts = samples::healthy();
        assert_eq!(samples::levels(api(&facts)), [Level::Ok]);
        for (untold, level) in [
            (Untold::NotAsked("it is not asked".to_owned()), Level::Skipped),
            (Untold::NoAnswer("nothing within 5 s".to_owned()), Level::Fail),
        ] {
            facts.kubernetes.version = Err(untold);
            assert_eq!(samples::levels(api(&facts)), [level]);
            assert_eq!(samples::levels(rights(&facts)), [Level::Skipped]);
        }
    }
}
