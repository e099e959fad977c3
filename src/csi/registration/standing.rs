//! How the driver stands with kubelet: what the last word was.

use tokio::sync::watch;

use super::remedy;

/// How the driver stands with kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no socket for kubelet to find, and why.
    Unserved(String),
    /// The socket is there; kubelet has not said anything yet.
    Unnoticed,
    /// Kubelet has the driver.
    Registered,
    /// Kubelet refused, in these words. It tries again by itself.
    Refused(String),
}

impl Standing {
    /// What keeps kubelet from using the driver and what to do, in one line; none where it is registered.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Registered => None,
            Self::Unserved(reason) => Some(reason.clone()),
            Self::Unnoticed => Some(
                "kubelet has not registered the driver yet; if that lasts, --kubelet-dir is not its --root-dir"
                    .to_owned(),
            ),
            Self::Refused(reason) => {
                Some(format!("kubelet refused to register the driver: {reason}; {}", remedy::of(reason)))
            }
        }
    }
}

/// Hands out the standing as it is now.
#[derive(Clone, Debug)]
pub struct Standings(pub(super) watch::Receiver<Standing>);

impl Standings {
    /// The standing now.
    #[must_use]
    pub fn now(&self) -> Standing {
        self.0.borrow().clone()
    }
}
