//! Whether this process can have devices: root can, but root in a container often can't, and programs may be missing.

use std::{
    env,
    ffi::OsStr,
    fs::{self, OpenOptions},
};

/// What makes, attaches and checks filesystems and loop devices.
const PROGRAMS: [&str; 5] = ["losetup", "blockdev", "mkfs.ext4", "tune2fs", "e2fsck"];
/// The bit of CAP_SYS_ADMIN, without which nobody mounts (linux/capability.h).
const CAP_SYS_ADMIN: u32 = 21;

/// Why there can be no devices, where that is so.
pub fn find_obstacle() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !has_capability(&status, CAP_SYS_ADMIN) {
        return Some("not root, or root without CAP_SYS_ADMIN".to_owned());
    }
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/loop-control") {
        return Some(format!("no loop devices: /dev/loop-control: {error}"));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    PROGRAMS.into_iter().find(|program| !is_installed(program, &path)).map(|program| format!("no {program} in PATH"))
}

/// Whether `/proc/self/status` (proc_pid_status(5)) shows the capability as effective.
fn has_capability(status: &str, bit: u32) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> bit & 1 == 1)
}

fn is_installed(program: &str, path: &OsStr) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_is_read_from_its_bit() {
        let status = |mask: &str| format!("Name:\tlinflow\nCapEff:\t{mask}\nCapBnd:\t000001ffffffffff\n");
        assert!(has_capability(&status("000001ffffffffff"), CAP_SYS_ADMIN));
        assert!(has_capability(&status("0000000000200000"), CAP_SYS_ADMIN));
        // Root as Docker has it by default.
        for without in ["00000000a80425fb", "0000000000000000", "x"] {
            assert!(!has_capability(&status(without), CAP_SYS_ADMIN), "{without}");
        }
        assert!(!has_capability("", CAP_SYS_ADMIN));
    }

    #[test]
    fn a_program_is_a_file_in_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("losetup"), "").unwrap();
        let path = env::join_paths(["/nowhere".as_ref(), folder.path()]).unwrap();
        assert!(is_installed("losetup", &path) && !is_installed("blockdev", &path));
    }
}
