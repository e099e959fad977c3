//! One request to LINSTOR, before it is known which controller gets it.

use std::fmt;

use reqwest::Method;
use serde::Serialize;
use url::Url;

use super::watch::Route;

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Below `/v1`, with `{…}` in the place of each name.
    route: &'static str,
    /// In the order of their places; each is percent-encoded when the URL is made.
    names: Vec<String>,
    query: Vec<(&'static str, String)>,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    changes: bool,
}

impl Request {
    /// A question. `route`: the path below `/v1`, such as `resource-groups/{group}`, with a place for each of the names.
    pub(super) fn get(route: &'static str, names: &[&str]) -> Self {
        Self::new(Method::GET, route, names, false)
    }

    /// A question that LINSTOR takes by POST: it changes nothing.
    pub(super) fn query_by_post(route: &'static str, names: &[&str]) -> Self {
        Self::new(Method::POST, route, names, false)
    }

    /// A change.
    pub(super) fn change(method: Method, route: &'static str, names: &[&str]) -> Self {
        Self::new(method, route, names, true)
    }

    fn new(method: Method, route: &'static str, names: &[&str], changes: bool) -> Self {
        debug_assert_eq!(route.matches('{').count(), names.len(), "{route} has a place for each name");
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Self { method, route, names, query: Vec::new(), body: None, changes }
    }

    /// The kind of request: its method and route, without names.
    pub(super) fn route(&self) -> Route {
        Route { method: self.method.clone(), path: self.route }
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        let mut names = self.names.iter();
        self.route.split('/').filter_map(move |part| match part.starts_with('{') {
            true => names.next().map(String::as_str),
            false => Some(part),
        })
    }

    /// Adds a query parameter.
    pub(super) fn query(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.query.push((key, value.to_string()));
        self
    }

    /// Adds a query parameter once for each value: LINSTOR does not understand lists with commas.
    pub(super) fn query_each<T: fmt::Display>(self, key: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        values.into_iter().fold(self, |request, value| request.query(key, value))
    }

    /// Sets the body.
    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).expect("request types have string keys and plain values only"));
        self
    }

    /// Whether it may change something, so that it must be sent at most once.
    pub(super) fn changes(&self) -> bool {
        self.changes
    }

    /// Whether it may be sent again.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET
    }

    /// The URL at this controller.
    pub(super) fn url(&self, controller: &Url) -> Url {
        let mut url = controller.clone();
        url.path_segments_mut()
            .expect("the settings were checked to hold http URLs, which have paths")
            .pop_if_empty()
            .push("v1")
            .extend(self.segments());
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    /// The path for people, without the query.
    pub(super) fn path(&self) -> String {
        format!("/v1/{}", self.segments().collect::<Vec<_>>().join("/"))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_and_parameters_repeated() {
        let request = Request::get("view/{name}", &["a b/ü"]).query_each("resources", ["r1", "r,2"]).query("limit", 3);
        let url = request.url(&"http://host:3370/".parse().unwrap());
        assert_eq!(url.as_str(), "http://host:3370/v1/view/a%20b%2F%C3%BC?resources=r1&resources=r%2C2&limit=3");
    }

    #[test]
    fn a_path_in_front_of_the_api_is_kept() {
        let url = Request::get("nodes", &[]).url(&"https://proxy/linstor".parse().unwrap());
        assert_eq!(url.as_str(), "https://proxy/linstor/v1/nodes");
    }
}
