//! The record of the played volume, part of the same script.

use std::path::Path;

use tokio::time::Instant;

use super::{ScriptedHost, Step};
use crate::{
    node::{FormatRecord, FormatRecordError, host::HostError},
    volume::filesystem::FsUuid,
};

/// A record in memory that fails, and is cut, as the host's script says.
#[derive(Debug)]
pub struct ScriptedRecord<'a> {
    host: &'a ScriptedHost,
}

impl<'a> ScriptedRecord<'a> {
    pub(super) fn new(host: &'a ScriptedHost) -> Self {
        Self { host }
    }
}

fn out_of_reach(error: HostError) -> FormatRecordError {
    FormatRecordError { source: Box::new(error) }
}

impl FormatRecord for ScriptedRecord<'_> {
    async fn read(&self) -> Result<Option<FsUuid>, FormatRecordError> {
        let read = self
            .host
            .play(Step::ReadRecord, Path::new("record"), Instant::now(), |state, _| Ok(state.recorded.clone()));
        read.await.map_err(out_of_reach)
    }

    async fn write(&self, uuid: &FsUuid) -> Result<(), FormatRecordError> {
        let written = self.host.play(Step::WriteRecord, Path::new("record"), Instant::now(), |state, is_half| {
            if !is_half {
                state.recorded = Some(uuid.clone());
            }
            Ok(())
        });
        written.await.map_err(out_of_reach)
    }
}
