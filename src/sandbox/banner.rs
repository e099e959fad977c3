//! What the sandbox says when it starts: what is simulated, what is missing, and where it listens.

use super::{Sandbox, UNSUPPORTED};

impl Sandbox {
    /// The start-up banner. Its last line is `listening on URL`, for scripts.
    pub fn banner(&self) -> String {
        let bytes = if self.cluster.lock().has_bytes() {
            "Replicas are sparse files with loop devices; replication is a copy at close, at a node's failure and on request."
        } else {
            "Bookkeeping only: no devices and no bytes (run as root for them)."
        };
        let missing: String = UNSUPPORTED.iter().map(|what| format!("  - {what}\n")).collect();
        format!(
            "linflow sandbox: a simulated LINSTOR cluster for trying and testing. Not for data that matters.\n\
             Nodes, DRBD, quorum and resync are simulated. {bytes}\n\
             It does not do:\n{missing}\
             Faults on request: {}/sandbox/faults (docs/faults.md)\n\
             listening on {}\n",
            self.url(),
            self.url()
        )
    }
}
