//! The controllers and which of them is active. Of several, LINSTOR runs one at a time; the others refuse connections,
//! or something in front of them answers in their stead.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

use super::failure::Failure;
use super::version::{ApiVersion, ControllerVersion};

/// The controllers from the settings, and the one that answered last.
#[derive(Debug)]
pub(super) struct Controllers {
    all: Vec<Controller>,
    active: AtomicUsize,
}

impl Controllers {
    /// None of them is known to be active; the first is tried first.
    pub(super) fn new(urls: Vec<Url>) -> Self {
        let all = urls.into_iter().map(|url| Controller { url, answered: Mutex::new(None) }).collect();
        Self { all, active: AtomicUsize::new(0) }
    }

    /// Each controller once, beginning with the active one.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Controller> {
        let active = self.active.load(Ordering::Relaxed);
        self.all[active..].iter().chain(&self.all[..active])
    }

    /// This one has answered: it is the active one.
    pub(super) fn prefer(&self, controller: &Controller) {
        self.active.store(self.index(controller), Ordering::Relaxed);
    }

    /// This one has not answered: the next request begins with the one after it, unless another is preferred by now.
    pub(super) fn avoid(&self, controller: &Controller) {
        controller.forget();
        let index = self.index(controller);
        let next = (index + 1) % self.all.len();
        // A lost race means that another request has chosen already.
        let _chosen = self.active.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn index(&self, controller: &Controller) -> usize {
        let found = self.all.iter().position(|one| std::ptr::eq(one, controller));
        found.expect("the controller was taken from this list")
    }
}

/// One controller.
#[derive(Debug)]
pub(super) struct Controller {
    url: Url,
    /// Its version, once it has told it, until it fails to answer: it may come back as another version.
    answered: Mutex<Option<ApiVersion>>,
}

impl Controller {
    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it has shown that it is LINSTOR, active, and new enough.
    pub(super) fn is_proven(&self) -> bool {
        self.answered().is_some()
    }

    /// Accepts the version that it told.
    pub(super) fn prove(&self, version: &ControllerVersion) -> Result<(), Failure> {
        let found = version.api().map_err(|error| Failure::NotSent(error.to_string()))?;
        if found < ApiVersion::MINIMUM {
            return Err(Failure::TooOld { url: self.url.clone(), found });
        }
        *self.answered() = Some(found);
        Ok(())
    }

    fn forget(&self) {
        *self.answered() = None;
    }

    fn answered(&self) -> std::sync::MutexGuard<'_, Option<ApiVersion>> {
        self.answered.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}
