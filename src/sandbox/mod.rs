//! TODO room doc.
