//! Resource groups, and the definitions that are made from them.

use std::collections::BTreeMap;

use crate::linstor::client::Client;
use crate::linstor::error::{Error, Refusal};
use crate::linstor::model::{AllSizesAnswer, NewResourceGroup, ResourceGroup, SizeAnswer, SizeQuery, SpaceInfo, Spawn};
use crate::linstor::name::GroupName;
use crate::linstor::rc::{ApiCallRc, Replies, Severity};
use crate::linstor::request::Request;

impl Client {
    /// A resource group (`GET /v1/resource-groups/{group}`).
    pub async fn resource_group(&self, group: &GroupName) -> Result<Option<ResourceGroup>, Error> {
        self.ask_for(Request::get("resource-groups/{group}", &[group.as_str()])).await
    }

    /// All resource groups (`GET /v1/resource-groups`).
    pub async fn resource_groups(&self) -> Result<Vec<ResourceGroup>, Error> {
        self.ask(Request::get("resource-groups", &[])).await
    }

    /// Makes a resource group (`POST /v1/resource-groups`). It needs no volume groups: a definition brings its own
    /// sizes. Refused with [`Kind::Exists`](crate::linstor::Kind::Exists) where it is there. A pool that no node has is
    /// a warning only.
    pub async fn create_resource_group(&self, group: &NewResourceGroup) -> Result<Replies, Error> {
        self.post("resource-groups", &[], group).await
    }

    /// Makes a definition with its volumes, properties and replicas (`POST /v1/resource-groups/{group}/spawn`). Refused
    /// with [`Kind::Exists`](crate::linstor::Kind::Exists) where the name is taken, and with
    /// [`Kind::NotEnoughNodes`](crate::linstor::Kind::NotEnoughNodes) where it does not fit; nothing is left then.
    pub async fn spawn(&self, group: &GroupName, spawn: &Spawn) -> Result<Replies, Error> {
        self.post("resource-groups/{group}/spawn", &[group.as_str()], spawn).await
    }

    /// How much fits by this group's rule (`POST /v1/resource-groups/{group}/query-size-info`). LINSTOR answers 200
    /// whatever happens; an error among its reports is returned as the refusal that it is.
    pub async fn query_size(&self, group: &GroupName, query: &SizeQuery) -> Result<SpaceInfo, Error> {
        let request = Request::query_by_post("resource-groups/{group}/query-size-info", &[group.as_str()]).json(query);
        let name = request.to_string();
        space(&name, self.ask(request).await?)
    }

    /// How much fits by the rule of each group, by the group's name in lower case
    /// (`POST /v1/queries/resource-groups/query-all-size-info`). `within_secs`: LINSTOR may answer from what satellites
    /// said so many seconds ago.
    pub async fn query_all_sizes(&self, within_secs: u32) -> Result<BTreeMap<String, Result<SpaceInfo, Error>>, Error> {
        let query = SizeQuery { ignore_cache_older_than_sec: Some(within_secs), ..SizeQuery::default() };
        let request = Request::query_by_post("queries/resource-groups/query-all-size-info", &[]).json(&query);
        let name = request.to_string();
        let answer: AllSizesAnswer = self.ask(request).await?;
        refuse_errors(&name, &answer.reports)?;
        let of_group = |(group, answer): (String, SizeAnswer)| (group.to_ascii_lowercase(), space(&name, answer));
        Ok(answer.result.into_iter().map(of_group).collect())
    }
}

fn space(request: &str, answer: SizeAnswer) -> Result<SpaceInfo, Error> {
    refuse_errors(request, &answer.reports)?;
    answer.space_info.ok_or_else(|| Error::Unanswered {
        request: request.to_owned(),
        reason: "the answer holds neither sizes nor an error".to_owned(),
    })
}

fn refuse_errors(request: &str, reports: &[ApiCallRc]) -> Result<(), Error> {
    match reports.iter().find(|report| report.ret_code.severity() == Severity::Error) {
        Some(error) => Err(Error::Refused(Box::new(Refusal::new(request.to_owned(), 200, error.clone())))),
        None => Ok(()),
    }
}
