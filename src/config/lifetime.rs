//! What a controller does about volumes that nobody needs any more.

use super::{
    args::LifetimeArgs,
    error::{Mistakes, Wrong},
    linstor, text,
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The reaper's settings, and those of the call that says that a run is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifetimeConfig {
    /// Between two looks of the reaper; `None`: it doesn't work.
    pub reap_interval: Option<Duration>,
    /// Whether it only says what it would remove.
    pub is_dry: bool,
    /// The most volumes that it removes a minute, 1 to 1000.
    pub reap_per_minute: usize,
    /// Where a run's end is told; `None`: nowhere.
    pub runs: Option<RunsConfig>,
}

/// Where a run's end is told, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunsConfig {
    /// The address.
    pub listen: SocketAddr,
    /// The file with the token that may speak for any instance.
    pub token_file: Option<PathBuf>,
}

/// Parses the settings, noting each mistake. `asks_kubernetes`: it knows whose other tokens are.
pub(super) fn validate(args: &LifetimeArgs, asks_kubernetes: bool, mistakes: &mut Mistakes) -> Option<LifetimeConfig> {
    let interval = mistakes.check("--reap-interval", &args.reap_interval, interval(&args.reap_interval));
    let is_dry = mistakes.optional("--reap-dry-run", text::given(&args.reap_dry_run), text::truth);
    let most =
        mistakes.check("--reap-per-minute", &args.reap_per_minute, text::number(&args.reap_per_minute, 1..=1000));
    let listen = mistakes.optional("--runs-listen", text::given(&args.runs_listen), text::listen_address);
    let token = text::given(&args.runs_token_file);
    let token = mistakes.optional("--runs-token-file", token, |path| linstor::readable_token(Path::new(path)));
    let runs = match (listen?, token?) {
        (Some(listen), token_file) if token_file.is_some() || asks_kubernetes => {
            Some(RunsConfig { listen, token_file })
        }
        (None, None) => None,
        (listen, _) => {
            let missing = if listen.is_some() { "--runs-token-file" } else { "--runs-listen" };
            let remedy = "give --runs-listen and --runs-token-file together: nobody could be told from anybody where there is neither a token nor Kubernetes to ask";
            return mistakes.check_unshown(missing, Err(Wrong::new("is missing", remedy)));
        }
    };
    Some(LifetimeConfig {
        reap_interval: interval?,
        is_dry: is_dry?.unwrap_or(false),
        reap_per_minute: most? as usize,
        runs,
    })
}

fn interval(text: &str) -> Result<Option<Duration>, Wrong> {
    let remedy = "give a duration from 1s to 1day, such as 5m, or 0 for never";
    if text.trim() == "0" {
        return Ok(None);
    }
    let duration = humantime::parse_duration(text.trim()).map_err(|error| Wrong::new(error.to_string(), remedy))?;
    match duration {
        Duration::ZERO => Ok(None),
        _ if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&duration) => Ok(Some(duration)),
        _ => Err(Wrong::new("is out of range", remedy)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reaper_looks_now_and_then_or_never() {
        assert_eq!(interval("5m"), Ok(Some(Duration::from_secs(300))));
        assert_eq!((interval("0"), interval("0s")), (Ok(None), Ok(None)));
        for bad in ["", "1ms", "2days", "soon", "-5m"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_runs_end_is_told_only_where_somebody_can_be_told_from_anybody() {
        let args = |listen: Option<&str>, file: Option<&str>| LifetimeArgs {
            reap_interval: "5m".to_owned(),
            reap_per_minute: "10".to_owned(),
            runs_listen: listen.map(str::to_owned),
            runs_token_file: file.map(str::to_owned),
            ..LifetimeArgs::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "secret\n").unwrap();
        let check = |listen, file| {
            let mut mistakes = Mistakes::default();
            let config = validate(&args(listen, file), false, &mut mistakes);
            (
                config.map(|config| config.runs.is_some()),
                mistakes.into_errors().into_iter().map(|it| it.flag).collect::<Vec<_>>(),
            )
        };
        let (address, file) = (Some("127.0.0.1:0"), path.to_str());
        assert_eq!(check(None, None), (Some(false), vec![]));
        assert_eq!(check(address, file), (Some(true), vec![]));
        assert_eq!(check(address, None), (None, vec!["--runs-token-file"]));
        assert_eq!(check(None, file), (None, vec!["--runs-listen"]));
        let with_kubernetes = validate(&args(address, None), true, &mut Mistakes::default());
        assert!(with_kubernetes.is_some_and(|config| config.runs.is_some()), "it knows service accounts' tokens");
    }
}
