//! What linflow takes for granted about LINSTOR, asked of the sandbox and of a real LINSTOR alike, through linflow's
//! own client.
//!
//! By default the cases run on sandboxes of their own, once with DRBD and once without. With `LINFLOW_LINSTOR_URL`
//! (plain HTTP) and `LINFLOW_LINSTOR_POOL` they run on that cluster instead: with DRBD where the pool's nodes have it,
//! unless `LINFLOW_LAYER_LIST` ("drbd storage" or "storage") says otherwise, and on the node that `LINFLOW_NODE_NAME`
//! names, else on any that has the pool. Names are new in each run, what was made is removed also after a failure, and
//! nothing else is touched. Cases that need what the cluster lacks say so and are skipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod availability;
mod cluster;
mod definitions;
mod groups;
mod kv;
mod nodes;
mod removal;
mod rest;
mod spawn;
mod volumes;
