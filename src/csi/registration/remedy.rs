//! What to do about kubelet's refusals, by the words that kubelet 1.37 says them in. Other words get general advice.

/// Where to look for what kubelet's words don't tell.
const GENERAL: &str = "kubelet tries again by itself; its own log (journalctl -u kubelet) says more";

/// Words of a refusal, and what to do where one has them. The first that fits counts.
const REMEDIES: &[(&str, &str)] = &[
    (
        "already registered",
        "another socket in kubelet's plugins_registry directory announces a driver of this name: \
         stop that driver, or give this one another --driver-name",
    ),
    (
        "connect: no such file or directory",
        "kubelet finds no CSI socket there: give its path on the host as --kubelet-csi-path, \
         and mount that directory into the container",
    ),
    (
        "connect: connection refused",
        "nobody answers at the CSI socket that kubelet was told of: give the path of this driver's own as --kubelet-csi-path",
    ),
    (
        "permission denied",
        "kubelet may not open the CSI socket: look at the owner and the security label of its directory",
    ),
    ("CSINode", "kubelet could not write to its CSINode object: look at the API server and at kubelet's access to it"),
];

/// What to do about a refusal in these words.
pub(super) fn of(reason: &str) -> &'static str {
    REMEDIES.iter().find(|(words, _)| reason.contains(words)).map_or(GENERAL, |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_socket_path_leads_to_its_flag() {
        let said = "RegisterPlugin error -- plugin registration failed with err: rpc error: code = Unavailable desc = \
                    connection error: desc = \"transport: Error while dialing: dial unix /csi/csi.sock: connect: no \
                    such file or directory\"";
        assert!(of(said).contains("--kubelet-csi-path"));
    }

    #[test]
    fn a_second_driver_of_the_name_is_told_from_other_trouble() {
        let said = "RegisterPlugin error -- plugin validation failed with err: validation failed for CSI Driver x at \
                    endpoint y: Another driver with the same name is already registered with a higher supported \
                    version: \"1.0.0\"";
        assert!(of(said).contains("--driver-name"));
        assert_eq!(of("something new"), GENERAL);
    }
}
