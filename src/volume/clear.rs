//! Carries out what was decided about a record that stands in the way (see [`crate::failover`]).

use super::{
    Error,
    detach::{self, Finished},
    known::Known,
};
use crate::{failover::Step, linstor::Client};

/// Carries one step out.
///
/// # Errors
/// Those of [`detach::finish`].
pub async fn clear(linstor: &Client, known: &Known, step: &Step) -> Result<Finished, Error> {
    match step {
        Step::Forget(node) => detach::drop_record(linstor, known, node).await.map(|()| Finished::Done),
        Step::Finish(node) => detach::finish(linstor, &known.volume, known, node).await,
    }
}
