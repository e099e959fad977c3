//! Carries out what was decided about a record that stands in the way (see [`crate::failover`]).

use super::{
    Error,
    detach::{self, Finished},
    known::Known,
    seat::Seat,
};
use crate::{failover::Step, linstor::Client};

/// Carries one step out, for every claim that has the volume on that node.
///
/// # Errors
/// Those of [`detach::finish`].
pub async fn clear(linstor: &Client, known: &Known, step: &Step) -> Result<Finished, Error> {
    let there = known.ledger.attachments_to(step.node());
    match step {
        Step::Forget(_) => {
            let seats: Vec<&Seat> = there.map(|(seat, _)| seat).collect();
            detach::drop_records(linstor, known, &seats).await.map(|()| Finished::Done)
        }
        Step::Finish(_) => {
            for (seat, _) in there.filter(|(_, attachment)| attachment.detaching) {
                if detach::finish(linstor, known, seat).await? == Finished::Cancelled {
                    return Ok(Finished::Cancelled);
                }
            }
            Ok(Finished::Done)
        }
    }
}
