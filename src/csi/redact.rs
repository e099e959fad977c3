//! What of a message may be logged.
//!
//! The generated messages have no leaking `Debug`: build.rs writes one from the descriptor for each message that has
//! fields marked `csi_secret` (all of them maps of credentials), mount flags (the specification calls them sensitive)
//! or a volume context (kubelet puts service account tokens there). So `tracing::debug!(?request)` is always safe.

use std::{collections::BTreeMap, fmt};

/// Stands in the place of what is not shown.
const STRIPPED: &str = "***stripped***";

/// The key of a volume context under which kubelet passes service account tokens, where the CSIDriver object asks for
/// them (`spec.tokenRequests`).
pub const SERVICE_ACCOUNT_TOKENS: &str = "csi.storage.k8s.io/serviceAccount.tokens";

/// Shows that there is a field, and nothing of it.
pub(super) struct Stripped;

impl fmt::Debug for Stripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STRIPPED)
    }
}

/// Shows a volume context without the tokens in it.
pub(super) struct WithoutTokens<'a>(pub(super) &'a BTreeMap<String, String>);

impl fmt::Debug for WithoutTokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value)| (key, if key == SERVICE_ACCOUNT_TOKENS { STRIPPED } else { value });
        f.debug_map().entries(self.0.iter().map(|(key, value)| (key.as_str(), value.as_str())).map(shown)).finish()
    }
}

#[cfg(test)]
mod tests;
