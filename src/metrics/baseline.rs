//! How long the replies of one kind usually take: the median of the last of them. A median is not moved by the few that
//! are slow, and follows within half a window where all have become so.

use std::{collections::VecDeque, time::Duration};

/// How many replies are remembered.
const WINDOW: usize = 64;
/// How many make a baseline: of fewer nobody knows what is usual.
const LEAST: usize = 16;

/// The last replies of one kind.
#[derive(Debug, Default)]
pub(super) struct Baseline(VecDeque<Duration>);

impl Baseline {
    /// Remembers a reply.
    pub(super) fn learn(&mut self, took: Duration) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(took);
    }

    /// What is usual; none where too few are known.
    pub(super) fn usual(&self) -> Option<Duration> {
        if self.0.len() < LEAST {
            return None;
        }
        let mut sorted: Vec<Duration> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(replies: impl IntoIterator<Item = u64>) -> Option<Duration> {
        let mut baseline = Baseline::default();
        replies.into_iter().for_each(|ms| baseline.learn(Duration::from_millis(ms)));
        baseline.usual()
    }

    #[test]
    fn few_replies_make_no_baseline() {
        assert_eq!(of(std::iter::repeat_n(10, LEAST - 1)), None);
        assert_eq!(of(std::iter::repeat_n(10, LEAST)), Some(Duration::from_millis(10)));
    }

    #[test]
    fn a_few_slow_ones_do_not_move_it_and_a_new_pace_does() {
        let fast = || std::iter::repeat_n(10, WINDOW);
        assert_eq!(of(fast().chain([9000; WINDOW / 4])), Some(Duration::from_millis(10)));
        assert_eq!(of(fast().chain([300; WINDOW / 2 + 1])), Some(Duration::from_millis(300)));
    }
}
