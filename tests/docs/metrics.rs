//! docs/metrics.md: what `/metrics` tells.

use linflow::metrics::catalogue::{MEMBERS, Member};

use super::page;

const INTRODUCTION: &str = "\
# Metrics

<!-- Rendered from src/metrics/catalogue.rs: `LINFLOW_RENDER=1 cargo test --test docs`. -->

`--admin-listen` serves `/metrics` beside `/healthz` and `/readyz`, in OpenMetrics' text format, for the roles controller, node and all. Times are in seconds.
No label holds an id of a volume, a node or a workflow: the number of series grows with the kinds of calls and requests alone.

";

const READING: &str = "
- `csi_plugin_operations_seconds` is the driver's own side of the calls that the sidecars time as `csi_sidecar_operations_seconds` and kubelet as `csi_operations_seconds`, with their labels; codes are spelt as Go spells them. A call of a method that CSI 1.13
  does not have counts as `unknown`.
- `linflow_pod_doubts_total` is the number to watch before a class or a driver goes from `audit` to `enforce`: what it counts with `mode=\"audit\"` is what would be refused. Each is a line of the log too.
- `route` is the path below `/v1/` with `{…}` in the place of each name. A change that went unanswered may have happened; who called comes again and finds out.
- A slow reply is one that took more than a second and more than four times the median of the last 64 replies of its kind, once there were 16; so a LINSTOR that is slow by nature is its own measure. It is also a line of the log at level WARN
  (`LINSTOR replies far slower than it used to`) with the route, its milliseconds, those that are usual, and how many more there were; for each kind once a minute at most.
- What to watch first: refusals that persist (`grpc_status_code` other than OK, Aborted and NotFound), `outcome=\"unanswered\"`, slow replies, and `linflow_linstor_waiting` above 0 for minutes.
";

/// The whole page.
pub fn render() -> String {
    let rows: Vec<Vec<String>> = MEMBERS.iter().map(row).collect();
    let table = page::table(&["name", "kind", "labels", "what it tells", "buckets"], &rows);
    format!("{INTRODUCTION}{table}{READING}")
}

fn row(member: &Member) -> Vec<String> {
    let labels: Vec<String> = member.labels.iter().map(|label| format!("`{label}`")).collect();
    let buckets: Vec<String> = member.buckets.iter().map(ToString::to_string).collect();
    let name = match member.kind {
        "counter" => format!("`{}_total`", member.name),
        "info" => format!("`{}_info`", member.name),
        _ => format!("`{}`", member.name),
    };
    vec![name, member.kind.to_owned(), labels.join(", "), member.help.to_owned(), buckets.join(" ")]
}
