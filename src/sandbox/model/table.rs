//! A map of the cluster's objects that notes which were touched, so that only those are written down again.

use super::name::Key;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// Objects by name. It reads as a map does; a change goes through the methods here.
#[derive(Debug, Clone)]
pub struct Table<T> {
    rows: BTreeMap<Key, T>,
    touched: BTreeSet<Key>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), touched: BTreeSet::new() }
    }
}

impl<T> FromIterator<(Key, T)> for Table<T> {
    fn from_iter<I: IntoIterator<Item = (Key, T)>>(rows: I) -> Self {
        let rows: BTreeMap<Key, T> = rows.into_iter().collect();
        Self { touched: rows.keys().cloned().collect(), rows }
    }
}

impl<T> Deref for Table<T> {
    type Target = BTreeMap<Key, T>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<T> Table<T> {
    /// An object to change.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut T> {
        let row = self.rows.get_mut(key)?;
        self.touched.insert(key.clone());
        Some(row)
    }

    /// An object to change in what is never written down.
    pub fn get_mut_unkept(&mut self, key: &Key) -> Option<&mut T> {
        self.rows.get_mut(key)
    }

    /// Puts an object in; answers what it replaced.
    pub fn insert(&mut self, key: Key, row: T) -> Option<T> {
        self.touched.insert(key.clone());
        self.rows.insert(key, row)
    }

    /// Takes an object out.
    pub fn remove(&mut self, key: &Key) -> Option<T> {
        let row = self.rows.remove(key)?;
        self.touched.insert(key.clone());
        Some(row)
    }

    /// The keys touched since the last call, those of removed objects too.
    pub fn take_touched(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_noted_and_looks_are_not() {
        let mut table = Table::default();
        let (a, b) = (Key::of("a"), Key::of("b"));
        table.insert(a.clone(), 1);
        assert_eq!(table.take_touched(), [a.clone()].into());
        assert!(table.get(&a) == Some(&1) && table.get_mut(&b).is_none() && table.remove(&b).is_none());
        *table.get_mut_unkept(&a).unwrap() = 3;
        assert!(table.take_touched().is_empty());
        *table.get_mut(&a).unwrap() = 2;
        table.remove(&a);
        assert_eq!(table.take_touched(), [a].into());
    }
}
