//! The whole story in one command.

use tokio_util::sync::CancellationToken;

use crate::config::DemoConfig;
use crate::run::Failure;

/// Runs the demo.
pub async fn run(_config: DemoConfig, _shutdown: CancellationToken) -> Result<(), Failure> {
    Err("the demo is joined at the merge".into())
}
