//! System calls on threads of their own, given up at a deadline.
//!
//! A thread that hangs in the kernel can't be ended. It is left to itself, and while it lasts every further call on its
//! path is answered as overdue at once, so that retries pile up neither threads nor contradicting calls. They are plain
//! threads, because tokio waits for its own when it shuts down.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::node::host::{HostError, Operation};

/// The calls that are under way.
#[derive(Debug, Default)]
pub struct Apart {
    calls: Arc<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    last_id: u64,
    by_id: HashMap<u64, (PathBuf, Instant)>,
}

impl Calls {
    /// Registers a call, unless an overdue one on its path is still under way.
    fn enter(&mut self, path: &Path, deadline: Instant) -> Option<u64> {
        let now = Instant::now();
        if self.by_id.values().any(|(busy, until)| busy == path && *until <= now) {
            return None;
        }
        self.last_id += 1;
        self.by_id.insert(self.last_id, (path.to_owned(), deadline));
        Some(self.last_id)
    }
}

fn lock(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    // A map is whole after each of its operations, so a panic elsewhere does not make it wrong.
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Apart {
    /// Runs `work` on a thread and waits for it until the deadline.
    pub async fn run<T: Send + 'static>(
        &self,
        operation: Operation,
        path: &Path,
        deadline: Instant,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, HostError> {
        let overdue = || HostError::Overdue { operation, path: path.to_owned() };
        let refused = |source| HostError::Refused { operation, path: path.to_owned(), source };
        let id = lock(&self.calls).enter(path, deadline).ok_or_else(overdue)?;
        let (answer, answered) = oneshot::channel();
        let (calls, own_path) = (Arc::clone(&self.calls), path.to_owned());
        let thread = thread::Builder::new().name(format!("{operation:?}")).spawn(move || {
            let result = work(&own_path);
            lock(&calls).by_id.remove(&id);
            // Nobody listens any more where the deadline has passed; the caller was told that the outcome is open.
            let _ = answer.send(result);
        });
        if let Err(source) = thread {
            lock(&self.calls).by_id.remove(&id);
            return Err(refused(source));
        }
        match timeout_at(deadline, answered).await {
            Err(_elapsed) => Err(overdue()),
            Ok(Ok(result)) => result.map_err(refused),
            Ok(Err(_gone)) => Err(refused(io::Error::other("the thread of the call panicked"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::wait::await_some;
    use std::{sync::mpsc, time::Duration};

    #[tokio::test]
    async fn a_call_that_hangs_is_given_up_and_blocks_only_its_own_path_until_it_ends() {
        let apart = Apart::default();
        let (end, wait) = mpsc::channel::<()>();
        let (ended, mut has_ended) = tokio::sync::mpsc::channel::<()>(1);
        let path = Path::new("/a");
        let soon = Instant::now() + Duration::from_millis(20);
        let hung = apart.run(Operation::Unmount, path, soon, move |_| {
            let _ended = ended;
            let _ = wait.recv();
            Ok(())
        });
        assert!(matches!(hung.await, Err(HostError::Overdue { .. })));

        let later = Instant::now() + Duration::from_secs(60);
        let next = apart.run(Operation::Unmount, path, later, |_| Ok(()));
        assert!(matches!(next.await, Err(HostError::Overdue { .. })));
        apart.run(Operation::Unmount, Path::new("/b"), later, |_| Ok(())).await.unwrap();

        drop(end);
        assert_eq!(has_ended.recv().await, None);
        let answered = await_some(later, || async {
            Ok::<_, ()>(apart.run(Operation::Unmount, path, later, |_| Ok(())).await.ok())
        });
        assert_eq!(answered.await, Ok(Some(())));
    }

    #[tokio::test]
    async fn an_answer_of_the_kernel_keeps_its_errno() {
        let later = Instant::now() + Duration::from_secs(60);
        let apart = Apart::default();
        let refused =
            apart.run(Operation::Mount, Path::new("/a"), later, |_| Err::<(), _>(io::Error::from_raw_os_error(124)));
        assert_eq!(refused.await.unwrap_err().errno(), Some(124));
    }
}
