//! The key-value store: one instance a volume, for everything that changes.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;

use crate::linstor::client::Client;
use crate::linstor::error::Error;
use crate::linstor::model::{Props, PropsChange, is_same_name};
use crate::linstor::name::ResourceName;
use crate::linstor::rc::Replies;
use crate::linstor::request::Request;

const INSTANCE: &str = "key-value-store/{instance}";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Instance {
    name: String,
    props: Props,
}

impl Client {
    /// The pairs of an instance (`GET /v1/key-value-store/{instance}`); none where it does not exist, which is also
    /// what remains when its last key is removed.
    pub async fn kv(&self, instance: &ResourceName) -> Result<Option<Props>, Error> {
        let found: Option<Vec<Instance>> = self.ask_for(Request::get(INSTANCE, &[instance.as_str()])).await?;
        let mut instances = found.unwrap_or_default().into_iter();
        Ok(instances.find(|one| is_same_name(&one.name, instance.as_str())).map(|one| one.props))
    }

    /// Every instance with its pairs, by name (`GET /v1/key-value-store`).
    pub async fn kv_list(&self) -> Result<BTreeMap<String, Props>, Error> {
        let instances: Vec<Instance> = self.ask(Request::get("key-value-store", &[])).await?;
        Ok(instances.into_iter().map(|one| (one.name, one.props)).collect())
    }

    /// Sets these pairs and removes these keys in one atomic step, keeping all others, and makes the instance where it
    /// is missing (`PUT /v1/key-value-store/{instance}`). Values are at most 4096 characters.
    pub async fn kv_put(
        &self,
        instance: &ResourceName,
        overrides: &Props,
        deletes: &[String],
    ) -> Result<Replies, Error> {
        let body = PropsChange { override_props: overrides, delete_props: deletes };
        self.put(INSTANCE, &[instance.as_str()], &body).await
    }

    /// Removes an instance with all its pairs (`DELETE /v1/key-value-store/{instance}`). One that is not there is fine:
    /// [`Replies::was_not_found`].
    pub async fn kv_delete(&self, instance: &ResourceName) -> Result<Replies, Error> {
        self.change(Request::change(Method::DELETE, INSTANCE, &[instance.as_str()])).await
    }
}
