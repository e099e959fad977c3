//! A line that says what is waited for, for whoever watches a terminal.

use std::io::Write;

/// The line. It is taken away at the end.
#[derive(Debug)]
pub struct Progress<W: Write> {
    out: W,
    is_shown: bool,
}

impl<W: Write> Progress<W> {
    /// Shows it, where somebody watches.
    pub fn start(mut out: W, is_watched: bool) -> Self {
        // Nobody is harmed where it can't be shown.
        let is_shown = is_watched && out.write_all(b"linflow doctor: looking ...").and_then(|()| out.flush()).is_ok();
        Self { out, is_shown }
    }

    /// Takes it away.
    pub fn finish(mut self) {
        if self.is_shown {
            // To the line's beginning, and erase it.
            let _ = self.out.write_all(b"\r\x1b[K").and_then(|()| self.out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_for_a_terminal_alone_and_goes_at_the_end() {
        let mut screen = Vec::new();
        Progress::start(&mut screen, false).finish();
        assert_eq!(screen, b"");
        Progress::start(&mut screen, true).finish();
        assert_eq!(screen, b"linflow doctor: looking ...\r\x1b[K");
    }
}
