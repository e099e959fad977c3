//! The one thing that the suite needs and linflow's client can't do, because linflow never does it: deleting a resource group.

use linflow::linstor::name::GroupName;
use reqwest::StatusCode;

/// Deletes a resource group; true where LINSTOR took the request.
pub async fn delete_group(linstor: &str, group: &GroupName) -> Result<bool, reqwest::Error> {
    // A second caller finds it installed: that is the same provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let url = format!("{}/v1/resource-groups/{group}", linstor.trim_end_matches('/'));
    let answer = reqwest::Client::builder().no_proxy().build()?.delete(url).send().await?;
    Ok(answer.status() == StatusCode::OK)
}
