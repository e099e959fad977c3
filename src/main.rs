//! The `linflow` binary.
fn main() {}
