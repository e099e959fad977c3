//! The tag of a volume: in the creating request itself, exact, and never changed.
use crate::support::{World, create, publish, refused};
use tonic::Code;
