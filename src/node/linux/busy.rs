//! EBUSY that passes.
//!
//! Between its fork and its exec a child has copies of all descriptors of this process. What another thread has closed
//! meanwhile is open until then: a device that was held exclusively is still held, a filesystem is still in use. Other
//! programs too look at a device exclusively for a moment.

use std::{
    io::{self, ErrorKind},
    thread,
    time::{Duration, Instant},
};

/// What is busy for longer is in use.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(5);

/// Tries again until it is not busy any more. EBUSY where it stays so.
pub fn await_free<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::ResourceBusy && Instant::now() < until => {
                thread::park_timeout(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gets_free_is_had_what_stays_busy_is_told_and_other_errors_are_told_at_once() {
        let mut left = 3;
        let freed = await_free(|| {
            left -= 1;
            if left > 0 { Err(ErrorKind::ResourceBusy.into()) } else { Ok(left) }
        });
        assert_eq!(freed.unwrap(), 0);
        let stays = await_free(|| Err::<(), _>(ErrorKind::ResourceBusy.into()));
        assert_eq!(stays.unwrap_err().kind(), ErrorKind::ResourceBusy);
        let mut asked = 0;
        let other = await_free(|| {
            asked += 1;
            Err::<(), _>(ErrorKind::NotFound.into())
        });
        assert_eq!((other.unwrap_err().kind(), asked), (ErrorKind::NotFound, 1));
    }
}
