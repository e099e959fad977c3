//! Key-value stores: maps of their own, apart from every satellite.

use super::fault::Fault;
use super::identity;
use super::name::{Key, check_kv};
use super::props::{Changes, Props};
use super::table::Table;
use serde::{Deserialize, Serialize};

/// One store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyValueStore {
    /// Its name, as first given.
    pub name: String,
    /// LINSTOR's identity of it.
    pub uuid: String,
    /// What it holds; never empty.
    pub props: Props,
}

/// All stores.
#[derive(Debug, Clone, Default)]
pub struct KeyValueStores(Table<KeyValueStore>);

impl KeyValueStores {
    /// The stores, by name.
    pub fn table(&self) -> &Table<KeyValueStore> {
        &self.0
    }

    /// The stores to change, by name.
    pub fn table_mut(&mut self) -> &mut Table<KeyValueStore> {
        &mut self.0
    }

    /// Every store, in the order of names.
    pub fn all(&self) -> impl Iterator<Item = &KeyValueStore> {
        self.0.values()
    }

    /// One store.
    pub fn get(&self, name: &str) -> Option<&KeyValueStore> {
        self.0.get(&Key::of(name))
    }

    /// Merges a change into a store, which it makes where there is none; a store left empty vanishes.
    pub fn change(&mut self, name: &str, changes: &Changes) -> Result<(), Fault> {
        check_kv(name)?;
        let key = Key::of(name);
        let mut store = self.0.get(&key).cloned().unwrap_or_else(|| KeyValueStore {
            name: name.to_owned(),
            uuid: identity::uuid(),
            props: Props::new(),
        });
        changes.apply_unchecked(&mut store.props)?;
        if store.props.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, store);
        }
        Ok(())
    }

    /// Puts a store in, whatever was there.
    pub fn put(&mut self, name: &str, props: Props) {
        self.0.insert(Key::of(name), KeyValueStore { name: name.to_owned(), uuid: identity::uuid(), props });
    }

    /// Takes a store away; `None` where there was none.
    pub fn remove(&mut self, name: &str) -> Result<Option<KeyValueStore>, Fault> {
        check_kv(name)?;
        Ok(self.0.remove(&Key::of(name)))
    }
}
