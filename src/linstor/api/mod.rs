//! The requests, a file for each sort of object.

mod controller;
mod definitions;
mod groups;
mod kv;
mod nodes;
mod resources;
mod snapshots;
