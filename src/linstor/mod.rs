//! The REST client for LINSTOR.
//!
//! [`Client`] has a method for each request that linflow makes; [`model`] holds what goes out and comes back, in
//! LINSTOR's words; [`Error`] tells what is known after a failure. A request waits its turn (`admission`), goes to the
//! active controller (`controllers`, `transport`), and its answer is read by what the body says (`answer`, [`rc`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use linflow::linstor::{Client, Settings};
//! let client = Client::new(&Settings::new(vec!["http://127.0.0.1:3370".parse()?]))?;
//! for node in client.nodes(&[]).await? {
//!     println!("{} is online: {}", node.name, node.is_online());
//! }
//! # Ok(())
//! # }
//! ```

mod admission;
mod answer;
mod api;
mod certificate;
mod client;
mod controllers;
pub mod error;
mod failure;
pub mod model;
pub mod name;
mod pem;
pub mod rc;
mod request;
mod settings;
mod tls;
mod token;
mod transport;
mod version;
pub mod watch;

pub use admission::Queue;
pub use certificate::{Distrust, DistrustKind, ShownCertificate, Witness, own_expiry};
pub use client::Client;
pub use error::{Error, Kind, Object, Refusal};
pub use pem::Pem;
pub use rc::{ApiCallRc, Replies, RetCode, Severity};
pub use settings::{Mistake, Settings, SettingsError};
pub use version::{ApiVersion, ControllerVersion, VersionError};
