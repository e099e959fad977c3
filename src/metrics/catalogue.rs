//! Every member of `/metrics`: docs/metrics.md is rendered from here.

/// A member.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    /// As it is registered: a counter's samples end in `_total` besides, the build's in `_info`.
    pub name: &'static str,
    /// `histogram`, `counter`, `gauge` or `info`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
    /// The upper bounds of a histogram's buckets, in seconds.
    pub buckets: &'static [f64],
}

/// All of them, in the order of the page.
pub const MEMBERS: [Member; 13] = [
    BUILD,
    OPERATIONS,
    DOUBTS,
    REQUESTS,
    REPEATS,
    SLOW,
    QUEUED,
    WAITING,
    UNDER_WAY,
    REAPED,
    REAP_FAILURES,
    LIFETIME_VOLUMES,
    LIFETIME_BYTES,
];

/// Which linflow this is.
pub const BUILD: Member = member("linflow_build", "info", &["version"], "The version of linflow");

/// CSI calls: name, labels and buckets are those that Kubernetes' sidecars use for their own side of the same calls.
pub const OPERATIONS: Member = Member {
    buckets: &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 25.0, 50.0, 120.0, 300.0, 600.0],
    ..member(
        "csi_plugin_operations_seconds",
        "histogram",
        &["driver_name", "method_name", "grpc_status_code"],
        "CSI calls by method and gRPC code; Canceled: the caller went away before the answer",
    )
};

/// Pods without the right to a volume.
pub const DOUBTS: Member = member(
    "linflow_pod_doubts",
    "counter",
    &["at", "mode", "field"],
    "Pods that were not known to be of the owner of the volume that they asked for, at mount or attach; mode enforce: they were refused, audit: let through; field: what differs, unseen where the pod could not be looked up, witness where its metadata agrees and a witness contradicts it, unheard where the witness could not be asked",
);

/// Attempts at LINSTOR.
pub const REQUESTS: Member = Member {
    buckets: &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 90.0],
    ..member(
        "linflow_linstor_request_seconds",
        "histogram",
        &["method", "route", "outcome"],
        "Requests to LINSTOR, each attempt for itself and without its wait for a turn; outcome: ok, refused (LINSTOR said no), unanswered (its effect is not known), unsent",
    )
};

/// Repeated questions.
pub const REPEATS: Member = member(
    "linflow_linstor_repeats",
    "counter",
    &["method", "route"],
    "Questions to LINSTOR that were asked once more",
);

/// Slow replies.
pub const SLOW: Member = member(
    "linflow_linstor_slow_replies",
    "counter",
    &["method", "route"],
    "Replies of LINSTOR that took over a second and over four times the median of the last 64 of their kind",
);

/// The wait before a request.
pub const QUEUED: Member = Member {
    buckets: &[0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0],
    ..member(
        "linflow_linstor_queue_seconds",
        "histogram",
        &[],
        "How long requests to LINSTOR waited for their turn (--linstor-in-flight)",
    )
};

/// Who waits now.
pub const WAITING: Member =
    member("linflow_linstor_waiting", "gauge", &[], "Requests to LINSTOR that wait for their turn now");

/// Who is under way now.
pub const UNDER_WAY: Member =
    member("linflow_linstor_in_flight", "gauge", &[], "Requests to LINSTOR that are under way now");

/// What the reaper removed.
pub const REAPED: Member =
    member("linflow_reaper_reaped", "counter", &[], "Volumes of workflows that the reaper removed");

/// What the reaper could not do.
pub const REAP_FAILURES: Member = member(
    "linflow_reaper_failures",
    "counter",
    &[],
    "Looks at workflows' volumes, and removals, that came to nothing and are tried again",
);

/// Volumes by their fate.
pub const LIFETIME_VOLUMES: Member = member(
    "linflow_lifetime_volumes",
    "gauge",
    &["fate"],
    "Volumes of workflows at the reaper's last look, by what is to become of them: claimed, attached, waiting (nothing proves that the run is over), retained, kept (the DAG's), reapable, contested (a person must look), …",
);

/// Their bytes.
pub const LIFETIME_BYTES: Member =
    member("linflow_lifetime_bytes", "gauge", &["fate"], "The sizes of these volumes together");

const fn member(name: &'static str, kind: &'static str, labels: &'static [&'static str], help: &'static str) -> Member {
    Member { name, kind, labels, help, buckets: &[] }
}
