//! A host that is played.
