//! Looking at LINSTOR again and again, ever less often, until the time is up.

use std::time::Duration;

use tokio::time::Instant;

/// The wait before the second look, and the longest between two.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The waits between the looks of one verb.
#[derive(Debug)]
pub struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// Patience that ends then.
    pub fn until(until: Instant) -> Self {
        Self { until, pause: FIRST_PAUSE }
    }

    /// Waits before another look; false, and at once, where the time would be up.
    pub async fn wait(&mut self) -> bool {
        let is_in_time = Instant::now() + self.pause < self.until;
        if is_in_time {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        is_in_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_waits_double_up_to_a_second_and_end_before_the_time_is_up() {
        let begun = Instant::now();
        let mut patience = Patience::until(begun + Duration::from_secs(5));
        let mut looks = Vec::new();
        while patience.wait().await {
            looks.push(begun.elapsed().as_millis());
        }
        assert_eq!(looks, [50, 150, 350, 750, 1550, 2550, 3550, 4550]);
    }
}
