//! The controllers and which of them is active. Of several, LINSTOR runs one at a time; the others refuse connections,
//! or something in front of them answers in their stead.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use url::Url;

use super::failure::Failure;
use super::version::{ApiVersion, ControllerVersion};

/// The controllers from the settings, and the one to begin with: the last that did not fail to answer.
#[derive(Debug)]
pub(super) struct Controllers {
    all: Vec<Controller>,
    active: AtomicUsize,
}

impl Controllers {
    /// None of them is known to be active; the first is tried first.
    pub(super) fn new(urls: Vec<Url>) -> Self {
        let all = urls.into_iter().map(|url| Controller { url, proven: AtomicBool::new(false) }).collect();
        Self { all, active: AtomicUsize::new(0) }
    }

    /// Each controller once, beginning with the active one.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Controller> {
        let active = self.active.load(Ordering::Relaxed);
        self.all[active..].iter().chain(&self.all[..active])
    }

    /// This one has not answered: the next request begins with the one after it, if it would have begun with this one.
    pub(super) fn avoid(&self, controller: &Controller) {
        controller.forget();
        let index = self.all.iter().position(|one| std::ptr::eq(one, controller));
        let index = index.expect("the controller was taken from this list");
        let next = (index + 1) % self.all.len();
        // Otherwise another request has found out before.
        let _chosen = self.active.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// One controller.
#[derive(Debug)]
pub(super) struct Controller {
    url: Url,
    /// It has told its version and not failed to answer since: it may come back as another version.
    proven: AtomicBool,
}

impl Controller {
    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it has shown that it is LINSTOR, active, and new enough.
    pub(super) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    /// Accepts the version that it told.
    pub(super) fn prove(&self, version: &ControllerVersion) -> Result<(), Failure> {
        let found = version.api().map_err(|error| Failure::NotSent(error.to_string()))?;
        if found < ApiVersion::MINIMUM {
            return Err(Failure::TooOld { url: self.url.clone(), found });
        }
        self.proven.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn forget(&self) {
        self.proven.store(false, Ordering::Relaxed);
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
