//! How long LINSTOR took, as it was recorded: the median of the requests that succeeded, in whole milliseconds.
//!
//! Controller and satellites shared one loaded machine of two cores, and DRBD's nodes were virtual machines on an
//! emulated CPU: the figures are upper bounds. What took long now and then (a list with 150 volumes, a make-available
//! that has to make something) is in the median like the rest. A request that was recorded in one of the two clusters
//! alone has that one's figure in both.

/// One kind of request: its method, its path with `*` for any one segment, and how long it took.
#[derive(Debug)]
pub(super) struct Row {
    pub method: &'static str,
    pub path: &'static str,
    /// With STORAGE alone.
    pub storage: u64,
    /// With DRBD.
    pub drbd: u64,
}

const fn row(method: &'static str, path: &'static str, storage: u64, drbd: u64) -> Row {
    Row { method, path, storage, drbd }
}

/// What was recorded nowhere: the medians of all that read, and of all that change something.
pub(super) const OTHER_READ: Row = row("GET", "", 22, 45);
/// See [`OTHER_READ`].
pub(super) const OTHER_CHANGE: Row = row("PUT", "", 54, 1498);

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("POST", "/v1/actions/snapshot/multi", 432, 16698),
    row("GET", "/v1/controller/properties", 10, 9),
    row("POST", "/v1/controller/properties", 166, 166),
    row("DELETE", "/v1/controller/properties/*/*", 16, 16),
    row("GET", "/v1/controller/version", 12, 22),
    row("GET", "/v1/error-reports", 30, 30),
    row("GET", "/v1/error-reports/*", 18, 18),
    row("GET", "/v1/key-value-store", 2, 2),
    row("DELETE", "/v1/key-value-store/*", 3, 3),
    row("GET", "/v1/key-value-store/*", 3, 3),
    row("PUT", "/v1/key-value-store/*", 4, 4),
    row("GET", "/v1/nodes", 18, 5),
    row("GET", "/v1/nodes/*", 16, 7),
    row("PUT", "/v1/nodes/*", 45, 45),
    row("GET", "/v1/nodes/*/net-interfaces", 38, 6),
    row("GET", "/v1/nodes/*/storage-pools", 32, 32),
    row("POST", "/v1/nodes/*/storage-pools", 146, 146),
    row("DELETE", "/v1/nodes/*/storage-pools/*", 38, 38),
    row("GET", "/v1/nodes/*/storage-pools/*", 46, 62),
    row("PUT", "/v1/nodes/*/storage-pools/*", 66, 66),
    row("POST", "/v1/queries/resource-groups/query-all-size-info", 36, 216),
    row("GET", "/v1/resource-definitions", 23, 4),
    row("POST", "/v1/resource-definitions", 23, 7),
    row("DELETE", "/v1/resource-definitions/*", 124, 3576),
    row("GET", "/v1/resource-definitions/*", 26, 7),
    row("PUT", "/v1/resource-definitions/*", 21, 3496),
    row("POST", "/v1/resource-definitions/*/autoplace", 389, 389),
    row("POST", "/v1/resource-definitions/*/clone", 23828, 23828),
    row("GET", "/v1/resource-definitions/*/clone/*", 6, 6),
    row("GET", "/v1/resource-definitions/*/resources", 11, 27),
    row("POST", "/v1/resource-definitions/*/resources", 333, 333),
    row("DELETE", "/v1/resource-definitions/*/resources/*", 15, 1939),
    row("GET", "/v1/resource-definitions/*/resources/*", 10, 11),
    row("POST", "/v1/resource-definitions/*/resources/*", 240, 240),
    row("PUT", "/v1/resource-definitions/*/resources/*", 214, 214),
    row("POST", "/v1/resource-definitions/*/resources/*/make-available", 145, 7),
    row("PUT", "/v1/resource-definitions/*/resources/*/toggle-disk/diskful", 47, 47),
    row("PUT", "/v1/resource-definitions/*/resources/*/toggle-disk/diskful/*", 22962, 22962),
    row("PUT", "/v1/resource-definitions/*/resources/*/toggle-disk/diskless", 10403, 10403),
    row("GET", "/v1/resource-definitions/*/resources/*/volumes", 17, 82),
    row("GET", "/v1/resource-definitions/*/resources/*/volumes/*", 11, 11),
    row("POST", "/v1/resource-definitions/*/snapshot-restore-resource/*", 75, 11535),
    row("POST", "/v1/resource-definitions/*/snapshot-restore-volume-definition/*", 4, 5),
    row("GET", "/v1/resource-definitions/*/snapshots", 8, 9),
    row("POST", "/v1/resource-definitions/*/snapshots", 987, 12144),
    row("DELETE", "/v1/resource-definitions/*/snapshots/*", 126, 1184),
    row("GET", "/v1/resource-definitions/*/snapshots/*", 11, 7),
    row("PUT", "/v1/resource-definitions/*/snapshots/*", 7, 7),
    row("GET", "/v1/resource-definitions/*/sync-status", 23, 23),
    row("GET", "/v1/resource-definitions/*/volume-definitions", 5, 11),
    row("POST", "/v1/resource-definitions/*/volume-definitions", 22, 22),
    row("DELETE", "/v1/resource-definitions/*/volume-definitions/*", 14, 14),
    row("GET", "/v1/resource-definitions/*/volume-definitions/*", 4, 3),
    row("PUT", "/v1/resource-definitions/*/volume-definitions/*", 219, 17927),
    row("GET", "/v1/resource-groups", 12, 36),
    row("POST", "/v1/resource-groups", 13, 16),
    row("DELETE", "/v1/resource-groups/*", 8, 3),
    row("GET", "/v1/resource-groups/*", 47, 7),
    row("PUT", "/v1/resource-groups/*", 9, 1995),
    row("POST", "/v1/resource-groups/*/query-size-info", 35, 1419),
    row("POST", "/v1/resource-groups/*/spawn", 488, 31122),
    row("GET", "/v1/resource-groups/*/volume-groups", 8, 8),
    row("POST", "/v1/resource-groups/*/volume-groups", 8, 8),
    row("DELETE", "/v1/resource-groups/*/volume-groups/*", 5, 5),
    row("GET", "/v1/stats/error-reports", 248, 248),
    row("GET", "/v1/stats/nodes", 39, 13),
    row("GET", "/v1/stats/resource-definitions", 46, 46),
    row("GET", "/v1/stats/resource-groups", 26, 26),
    row("GET", "/v1/stats/resources", 41, 41),
    row("GET", "/v1/stats/storage-pools", 15, 15),
    row("GET", "/v1/storage-pool-definitions", 5, 14),
    row("GET", "/v1/view/resources", 40, 124),
    row("GET", "/v1/view/snapshots", 7, 8),
    row("GET", "/v1/view/storage-pools", 65, 6),
];
