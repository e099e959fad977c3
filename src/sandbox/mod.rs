//! TODO room doc.

pub mod backing;
pub mod bytes;
pub mod faults;
pub mod serve;
