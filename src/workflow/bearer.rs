//! The seam to whoever knows whose a bearer token is.

use std::future::Future;

use secrecy::SecretString;

/// Says whose tokens are.
pub trait Bearers: Send + Sync {
    /// The namespace of the service account whose valid token this is; none where it is nobody's. Errors: nobody could be
    /// asked, in words, so that nothing is known.
    fn namespace_of(&self, token: &SecretString) -> impl Future<Output = Result<Option<String>, String>> + Send;
}
