//! How long requests take, where that is asked for: as long as LINSTOR was recorded to take.
//!
//! A request waits, is carried out, and is answered: what it changes is seen by nobody before. Each waits by itself,
//! where LINSTOR's changes wait for each other, and one that is refused takes as long as one that succeeds.

mod recorded;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};

use recorded::{OTHER_CHANGE, OTHER_READ, ROWS, Row};

/// How long requests take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Latency {
    /// No longer than the sandbox itself.
    #[default]
    None,
    /// As LINSTOR with STORAGE alone: a spawn takes half a second.
    Storage,
    /// As LINSTOR with DRBD on nodes with emulated CPUs: a spawn takes half a minute.
    Drbd,
}

impl Latency {
    /// How long a request takes, beside what the sandbox itself does.
    pub fn of(self, method: &Method, path: &str) -> Duration {
        let other = if method == Method::GET { &OTHER_READ } else { &OTHER_CHANGE };
        let row = || ROWS.iter().find(|row| row.is_of(method, path)).unwrap_or(other);
        Duration::from_millis(match self {
            Self::None => 0,
            Self::Storage => row().storage,
            Self::Drbd => row().drbd,
        })
    }
}

impl Row {
    fn is_of(&self, method: &Method, path: &str) -> bool {
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        self.method == method.as_str()
            && wanted.by_ref().all(|segment| given.next().is_some_and(|given| segment == "*" || segment == given))
            && given.next().is_none()
    }
}

/// How long the requests of one server take, from now on. Clones are handles of the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Mutex<Latency>>);

impl Pace {
    pub(super) fn set(&self, latency: Latency) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    fn get(&self) -> Latency {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middleware that lets requests wait.
pub(super) async fn wait(State(pace): State<Pace>, request: Request, next: Next) -> Response {
    let latency = pace.get().of(request.method(), request.uri().path());
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Router, body::Body, http::StatusCode, middleware::from_fn_with_state, routing::any};
    use tokio::time::Instant;
    use tower::ServiceExt;

    use super::*;

    const SPAWN: &str = "/v1/resource-groups/DfltRscGrp/spawn";
    const STORE: &str = "/v1/key-value-store/pvc-1";

    /// How long requests take that are sent at once, by a clock that moves for those who wait alone.
    async fn elapsed(pace: &Pace, requests: &[(&str, &str)]) -> u128 {
        let answer = any(|| async { StatusCode::OK });
        let router = Router::new().fallback_service(answer).layer(from_fn_with_state(pace.clone(), wait));
        let begun = Instant::now();
        let mut asked = tokio::task::JoinSet::new();
        for (method, uri) in requests {
            let request = Request::builder().method(*method).uri(*uri).body(Body::empty()).unwrap();
            asked.spawn(router.clone().oneshot(request));
        }
        while let Some(answer) = asked.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status(), StatusCode::OK);
        }
        begun.elapsed().as_millis()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_takes_as_long_as_it_was_recorded_to_and_waits_for_no_other() {
        let pace = Pace::default();
        assert_eq!(elapsed(&pace, &[("POST", SPAWN)]).await, 0);
        pace.set(Latency::Storage);
        assert_eq!(elapsed(&pace, &[("POST", SPAWN)]).await, 488);
        assert_eq!(elapsed(&pace, &[("PUT", STORE)]).await, 4);
        assert_eq!(elapsed(&pace, &[("PUT", STORE), ("POST", SPAWN), ("POST", SPAWN)]).await, 488);
        pace.set(Latency::Drbd);
        assert_eq!(elapsed(&pace, &[("POST", SPAWN)]).await, 31_122);
        pace.set(Latency::None);
        assert_eq!(elapsed(&pace, &[("POST", SPAWN)]).await, 0);
    }

    #[test]
    fn a_row_is_of_its_method_and_of_whole_paths() {
        let millis = |method: Method, path: &str| Latency::Storage.of(&method, path).as_millis();
        assert_eq!(millis(Method::GET, "/v1/resource-definitions"), 23);
        assert_eq!(millis(Method::GET, "/v1/resource-definitions/pvc-1"), 26);
        assert_eq!(millis(Method::DELETE, "/v1/resource-definitions/pvc-1"), 124);
        assert_eq!(millis(Method::GET, "/v1/resource-definitions/pvc-1/resources"), 11);
        assert_eq!(millis(Method::GET, "/v1/resource-definitions/pvc-1/unknown"), 22);
        assert_eq!(millis(Method::PATCH, "/v1/encryption/passphrase"), 54);
    }

    #[test]
    fn no_row_hides_another() {
        let kinds: BTreeSet<_> = ROWS.iter().map(|row| (row.method, row.path)).collect();
        assert_eq!(kinds.len(), ROWS.len());
        for row in ROWS {
            let path = row.path.replace('*', "x");
            let method = Method::from_bytes(row.method.as_bytes()).unwrap();
            let found = ROWS.iter().find(|one| one.is_of(&method, &path)).unwrap();
            assert_eq!(found.path, row.path);
        }
    }
}
