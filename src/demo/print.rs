//! What the demo says: a line for each step with its milliseconds and its LINSTOR requests, or a JSON object.

use std::{
    io::{self, Write},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use super::error::Error;
use crate::config::DemoConfig;
use crate::sandbox::requests::RequestLog;

const GREEN: &str = "32";
const RED: &str = "31";
const BOLD: &str = "1";
const DIM: &str = "2";

/// Where what a step has shown begins, in characters.
const INDENT: usize = 31;
/// How wide notes may be.
const WIDTH: usize = 100;

/// What a step has shown.
#[derive(Debug, Default)]
pub struct Seen {
    line: String,
    notes: Vec<String>,
    facts: Map<String, Value>,
    looks: usize,
}

impl Seen {
    /// What happened, in one line.
    pub fn new(line: impl Into<String>) -> Self {
        Self { line: line.into(), ..Self::default() }
    }

    /// A line more.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// A value for those who read JSON.
    pub fn fact(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(key.to_owned(), value.into());
        self
    }

    /// How many requests were the demo's own, to see something: they are not counted.
    pub fn looked(mut self, times: usize) -> Self {
        self.looks += times;
        self
    }
}

/// Tells the story as it goes, on standard output.
#[derive(Debug)]
pub struct Teller {
    json: bool,
    color: bool,
    started: Instant,
    tally: Mutex<Tally>,
}

/// What has been told.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// How many steps.
    pub steps: usize,
    /// How many requests LINSTOR was asked in all.
    pub requests: usize,
    /// The step that failed.
    pub failed: Option<&'static str>,
}

impl Teller {
    /// A teller as the command line wants it.
    pub fn new(config: &DemoConfig) -> Self {
        let color = config.color.is_for_stdout() && !config.json;
        Self { json: config.json, color, started: Instant::now(), tally: Mutex::default() }
    }

    /// Does one step, counting its time and the requests that reach LINSTOR meanwhile, and tells it.
    ///
    /// # Errors
    /// The step's own, after it was told.
    pub async fn step(
        &self,
        name: &'static str,
        requests: &RequestLog,
        act: impl Future<Output = Result<Seen, Error>>,
    ) -> Result<(), Error> {
        let (started, before) = (Instant::now(), requests.count());
        let outcome = act.await;
        self.record(name, started.elapsed(), requests.count() - before, outcome)
    }

    /// Tells a step that was measured by somebody else.
    pub fn record(
        &self,
        name: &'static str,
        took: Duration,
        requests: usize,
        outcome: Result<Seen, Error>,
    ) -> Result<(), Error> {
        let requests = requests.saturating_sub(outcome.as_ref().map_or(0, |seen| seen.looks));
        let mut tally = self.lock();
        tally.steps += 1;
        tally.requests += requests;
        if outcome.is_err() {
            tally.failed = Some(name);
        }
        drop(tally);
        let (seen, failure) = match outcome {
            Ok(seen) => (seen, None),
            Err(error) => (Seen::new(error.chain()), Some(error)),
        };
        let text = if self.json {
            step_object(name, took, requests, &seen, failure.is_none())
        } else {
            self.step_lines(name, took, requests, &seen, failure.is_none())
        };
        self.print(&text)?;
        failure.map_or(Ok(()), Err)
    }

    /// Says something outside the steps; not in JSON.
    pub fn say(&self, line: &str) -> Result<(), Error> {
        if self.json { Ok(()) } else { self.print(&self.paint(DIM, line)) }
    }

    /// Ends the story: one line, or one object. `extra` goes into the object.
    pub fn conclude(&self, line: &str, ok: bool, extra: Value) -> Result<(), Error> {
        if !self.json {
            return self.print(&self.paint(if ok { BOLD } else { RED }, &format!("demo: {line}")));
        }
        let tally = self.tally();
        let mut object = json!({
            "summary": line, "ok": ok, "steps": tally.steps, "requests": tally.requests, "ms": milliseconds(self.elapsed()),
        });
        if let (Value::Object(object), Value::Object(extra)) = (&mut object, extra) {
            object.extend(extra);
        }
        self.print(&object.to_string())
    }

    /// What was told so far.
    pub fn tally(&self) -> Tally {
        self.lock().clone()
    }

    /// How long the story has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        // Three plain fields: whole after a panic, too.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step_lines(&self, name: &str, took: Duration, requests: usize, seen: &Seen, ok: bool) -> String {
        let (mark, color) = if ok { ("ok", GREEN) } else { ("FAILED", RED) };
        let cost = format!("{:>5} ms {requests:>3} req", milliseconds(took));
        let head = format!("{} {} {}", self.paint(color, mark), self.paint(BOLD, &format!("{name:<10}")), cost);
        let notes = seen.notes.iter().flat_map(|note| wrap(note));
        let notes = notes.map(|line| format!("\n{:INDENT$}{}", "", self.paint(DIM, &line)));
        format!("{head}   {}{}", seen.line, notes.collect::<String>())
    }

    fn paint(&self, style: &str, text: &str) -> String {
        if self.color { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        // Not println!, which panics when a reader such as `head` has gone.
        let mut out = io::stdout().lock();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::Print)
    }
}

/// Breaks a text between words, so that it can stand beside the steps.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn step_object(name: &str, took: Duration, requests: usize, seen: &Seen, ok: bool) -> String {
    let mut object = json!({
        "step": name, "ok": ok, "ms": milliseconds(took), "requests": requests, "seen": seen.line, "notes": seen.notes,
    });
    if let Value::Object(object) = &mut object {
        object.extend(seen.facts.clone());
    }
    object.to_string()
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Color;

    fn teller(color: Color, json: bool) -> Teller {
        Teller::new(&DemoConfig { keep: None, json, color })
    }

    #[test]
    fn a_step_is_one_line_and_its_notes() {
        let seen = Seen::new("made").note("of bytes");
        let lines = teller(Color::Never, false).step_lines("create", Duration::from_millis(12), 4, &seen, true);
        assert_eq!(lines, "ok create        12 ms   4 req   made\n                               of bytes");
    }

    #[test]
    fn a_long_note_is_broken_between_words() {
        let long = "word ".repeat(41);
        let lines = wrap(long.trim_end());
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [99, 99, 4]);
        assert_eq!(lines.join(" "), long.trim_end());
    }

    #[test]
    fn colour_is_for_people_who_want_it() {
        let painted = |color, json| teller(color, json).paint(BOLD, "x");
        assert_eq!(painted(Color::Always, false), "\x1b[1mx\x1b[0m");
        assert_eq!((painted(Color::Never, false), painted(Color::Always, true)), ("x".to_owned(), "x".to_owned()));
    }

    #[test]
    fn a_step_in_json_is_one_object_with_its_facts() {
        let seen = Seen::new("written").fact("sha256", "ab");
        let object: Value = step_object("write", Duration::from_millis(7), 0, &seen, true).parse().unwrap();
        assert_eq!(
            object,
            json!({"step": "write", "ok": true, "ms": 7, "requests": 0, "seen": "written", "notes": [], "sha256": "ab"})
        );
    }

    #[tokio::test]
    async fn a_failed_step_is_told_and_ends_the_story() {
        let teller = teller(Color::Never, true);
        let failed = teller.step("write", &RequestLog::default(), async { Err(Error::Interrupted) }).await;
        assert!(matches!(failed, Err(Error::Interrupted)));
        assert_eq!((teller.tally().failed, teller.tally().steps), (Some("write"), 1));
    }
}
