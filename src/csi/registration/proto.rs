//! Kubelet's registration of plugins, generated from proto/pluginregistration.proto by build.rs.
#![allow(missing_docs, clippy::all, clippy::too_many_lines, reason = "generated code")]

tonic::include_proto!("pluginregistration");
