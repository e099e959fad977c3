//! Answers of LINSTOR that many callers ask for at once: one request serves all who wait for it, and for some seconds
//! those who come after.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::linstor::Error;

/// How old an answer may be. The provisioner asks for every class and every segment once a minute.
const FRESH: Duration = Duration::from_secs(10);
/// How many answers are kept before old ones are looked for: as many as some classes on many nodes take.
const MANY: usize = 1024;

/// One answer, once it is there. Who asks LINSTOR holds its lock.
type Slot<V> = Arc<tokio::sync::Mutex<Option<Kept<V>>>>;

#[derive(Debug)]
struct Kept<V> {
    outcome: Result<V, Error>,
    at: Instant,
}

/// Answers by question. Cheap to clone.
pub struct Shared<V>(Arc<Mutex<BTreeMap<String, Slot<V>>>>);

impl<V> Default for Shared<V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<V> Clone for Shared<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> fmt::Debug for Shared<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<V: Clone> Shared<V> {
    /// The answer to the question: a young one, or that of the request under way, or of a new one. An error is shared
    /// only by those who waited for it.
    pub async fn get(&self, question: &str, ask: impl Future<Output = Result<V, Error>>) -> Result<V, Error> {
        let since = Instant::now();
        let slot = self.slot(question);
        let mut kept = slot.lock().await;
        if let Some(Kept { outcome, at }) = &*kept
            && (*at > since || outcome.is_ok() && at.elapsed() < FRESH)
        {
            return outcome.clone();
        }
        let outcome = ask.await;
        *kept = Some(Kept { outcome: outcome.clone(), at: Instant::now() });
        outcome
    }

    /// Forgets all answers: what they say has just been changed.
    pub fn forget(&self) {
        self.slots().clear();
    }

    fn slot(&self, question: &str) -> Slot<V> {
        let mut slots = self.slots();
        if slots.len() >= MANY {
            let is_young = |kept: &Option<Kept<V>>| kept.as_ref().is_none_or(|kept| kept.at.elapsed() < FRESH);
            slots.retain(|_, slot| slot.try_lock().map_or(true, |kept| is_young(&kept)));
        }
        Arc::clone(slots.entry(question.to_owned()).or_default())
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Slot<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn silence() -> Error {
        Error::Unknown { request: "POST".to_owned(), reason: "a reset".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_serves_all_who_wait_for_it_and_the_next_ten_seconds() {
        let (shared, asked) = (Shared::default(), Cell::new(0));
        let ask = || async {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(asked.get())
        };
        let answers = tokio::join!(shared.get("a", ask()), shared.get("a", ask()), shared.get("a", ask()));
        assert_eq!((answers.0.unwrap(), answers.1.unwrap(), answers.2.unwrap()), (1, 1, 1));
        tokio::time::advance(FRESH - Duration::from_secs(1)).await;
        assert_eq!(shared.get("a", ask()).await.unwrap(), 1);
        assert_eq!(shared.get("b", ask()).await.unwrap(), 2);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(shared.get("a", ask()).await.unwrap(), 3);
        shared.forget();
        assert_eq!(shared.get("a", ask()).await.unwrap(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_told_to_those_who_waited_and_to_nobody_else() {
        let (shared, asked) = (Shared::<u32>::default(), Cell::new(0));
        let ask = || async {
            asked.set(asked.get() + 1);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err(silence())
        };
        let (one, two) = tokio::join!(shared.get("a", ask()), shared.get("a", ask()));
        assert!(one.is_err() && two.is_err());
        assert_eq!(asked.get(), 1);
        assert!(shared.get("a", async { Ok(7) }).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn old_answers_are_dropped_where_there_are_many() {
        let shared = Shared::default();
        for number in 0..MANY {
            shared.get(&number.to_string(), async { Ok(()) }).await.unwrap();
        }
        tokio::time::advance(FRESH).await;
        shared.get("new", async { Ok(()) }).await.unwrap();
        assert_eq!(shared.slots().len(), 1);
    }
}
