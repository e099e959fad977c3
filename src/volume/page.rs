//! The pages of a list: what a token means, and a listing that is kept for the time of a walk.
//!
//! A token names the last entry of the page before, not a position: what comes and goes meanwhile neither hides nor
//! repeats anything else, and any controller can continue what another one began. LINSTOR's own `limit` and `offset`
//! are positions, it promises no order, and it builds its whole list for each page. So the whole list is asked for
//! once, at the start of a walk, and serves the walk's other pages from memory for a while.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Error;

/// What marks a token as ours. The rest is the key of the last entry of the page before.
const PREFIX: &str = "after:";
/// How old a listing may be that serves a page. A walk of a hundred pages takes seconds.
const KEPT: Duration = Duration::from_secs(30);

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageToken {
    /// At the first entry.
    Start,
    /// After the entry of this key, whether or not there is one.
    After(String),
}

impl PageToken {
    /// Reads a `starting_token`; `is_key`: can an entry have this key?
    ///
    /// # Errors
    /// `PageToken` where no page of such a list ends so.
    pub fn parse(text: &str, is_key: impl Fn(&str) -> bool) -> Result<Self, Error> {
        match text.strip_prefix(PREFIX) {
            Some(key) if is_key(key) => Ok(Self::After(key.to_owned())),
            None if text.is_empty() => Ok(Self::Start),
            _ => Err(Error::PageToken(shorten(text))),
        }
    }
}

/// A token that is as long as a message may be can't be repeated whole in a gRPC status.
fn shorten(text: &str) -> String {
    const SHOWN: usize = 64;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() { format!("{shown}…") } else { shown }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, by key.
    pub entries: Vec<T>,
    /// The token of the next part; none: there is no more.
    pub next: Option<String>,
}

/// The part of a listing (its entries by key) that begins at the token and has at most `max` entries (0: all).
pub fn cut<T: Clone>(listing: &BTreeMap<String, T>, token: &PageToken, max: usize) -> Page<T> {
    let from = match token {
        PageToken::Start => Bound::Unbounded,
        PageToken::After(key) => Bound::Excluded(key.as_str()),
    };
    let mut rest = listing.range::<str, _>((from, Bound::Unbounded));
    let max = if max == 0 { usize::MAX } else { max };
    let taken: Vec<(&String, &T)> = rest.by_ref().take(max).collect();
    let next = taken.last().filter(|_| rest.next().is_some()).map(|(key, _)| format!("{PREFIX}{key}"));
    Page { entries: taken.into_iter().map(|(_, entry)| entry.clone()).collect(), next }
}

/// The listing that the walks under way share. Cheap to clone.
///
/// Only saves requests: without it, or where it is too old, the list is asked for again.
#[derive(Debug)]
pub struct Listings<T>(Arc<Mutex<Option<Kept<T>>>>);

#[derive(Debug)]
struct Kept<T> {
    listing: Arc<BTreeMap<String, T>>,
    until: Instant,
}

impl<T> Default for Listings<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Clone for Listings<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> Listings<T> {
    /// The page at the token. A walk begins with a new listing, which `fetch` asks for; its other pages come from the
    /// one that is kept, if it is young enough.
    pub async fn page(
        &self,
        token: &PageToken,
        max: usize,
        fetch: impl Future<Output = Result<BTreeMap<String, T>, Error>>,
    ) -> Result<Page<T>, Error> {
        let kept = if *token == PageToken::Start { None } else { self.kept() };
        let (listing, is_new) = match kept {
            Some(listing) => (listing, false),
            // A future of many requests is large: it would make that of each caller large too.
            None => (Arc::new(Box::pin(fetch).await?), true),
        };
        let page = cut(&listing, token, max);
        if page.next.is_none() {
            self.forget(&listing);
        } else if is_new {
            *self.lock() = Some(Kept { listing, until: Instant::now() + KEPT });
        }
        Ok(page)
    }

    fn kept(&self) -> Option<Arc<BTreeMap<String, T>>> {
        let mut kept = self.lock();
        kept.take_if(|kept| kept.until <= Instant::now());
        kept.as_ref().map(|kept| Arc::clone(&kept.listing))
    }

    /// The walk is over. One that began later keeps its own listing.
    fn forget(&self, listing: &Arc<BTreeMap<String, T>>) {
        self.lock().take_if(|kept| Arc::ptr_eq(&kept.listing, listing));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn listing(keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter().map(|key| ((*key).to_owned(), key.to_uppercase())).collect()
    }

    fn parse(text: &str) -> Result<PageToken, Error> {
        PageToken::parse(text, |key| !key.is_empty() && key.len() <= 48)
    }

    #[test]
    fn a_token_that_was_not_given_by_us_is_refused_and_a_long_one_not_repeated() {
        for text in ["2", "-1", "pvc-1", "after:", "After:pvc-1", " ", &"9".repeat(1 << 20), &"after:é".repeat(1 << 20)]
        {
            let refused = parse(text).unwrap_err();
            assert!(matches!(refused, Error::PageToken(_)) && refused.to_string().len() < 256, "{refused}");
        }
    }

    #[test]
    fn every_entry_is_on_one_page_for_any_size_of_page() {
        let all = listing(&["a", "b", "c", "d", "e"]);
        for max in 0..7 {
            let (mut seen, mut token) = (Vec::new(), PageToken::Start);
            loop {
                let page = cut(&all, &token, max);
                assert!(max == 0 || page.entries.len() <= max);
                seen.extend(page.entries);
                let Some(next) = page.next else { break };
                token = parse(&next).unwrap();
            }
            assert_eq!(seen, ["A", "B", "C", "D", "E"], "pages of {max}");
        }
        assert_eq!(cut(&listing(&[]), &PageToken::Start, 1), Page { entries: Vec::new(), next: None });
        // The entry that the token names is gone, and so is all that followed it.
        assert_eq!(cut(&all, &PageToken::After("zz".into()), 1), Page { entries: Vec::new(), next: None });
        assert_eq!(cut(&all, &PageToken::After("bb".into()), 1).entries, ["C"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_walk_asks_once_unless_it_takes_too_long_and_each_walk_for_itself() {
        let listings = Listings::default();
        let asked = Cell::new(0);
        let fetch = || async {
            asked.set(asked.get() + 1);
            Ok(listing(&["a", "b", "c", "d"]))
        };
        let first = listings.page(&PageToken::Start, 1, fetch()).await.unwrap();
        let token = parse(&first.next.unwrap()).unwrap();
        let second = listings.page(&token, 1, fetch()).await.unwrap();
        assert_eq!((second.entries, asked.get()), (vec!["B".to_owned()], 1));
        tokio::time::advance(KEPT).await;
        let late = listings.page(&token, 1, fetch()).await.unwrap();
        assert_eq!((late.entries, asked.get()), (vec!["B".to_owned()], 2));
        listings.page(&PageToken::Start, 2, fetch()).await.unwrap();
        assert_eq!(asked.get(), 3);
        // The last page ends the walk: nothing is kept.
        listings.page(&token, 0, fetch()).await.unwrap();
        listings.page(&token, 1, fetch()).await.unwrap();
        assert_eq!(asked.get(), 4);
    }
}
