//! A Rust file with what the rules look at: its text, its code without comments and literals, and which lines are
//! tests.

use std::path::Path;

/// One file of the tree.
pub struct Source {
    /// Its path from the project's root, with `/`.
    pub path: String,
    /// The text as it stands.
    pub text: String,
    /// The text with the inside of comments, strings and characters blanked; lines stay.
    pub code: String,
    /// `code` without the items under `#[cfg(test)]`; empty for a file of tests.
    pub production: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let code = blank_comments_and_literals(text);
        let is_test_file = path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/");
        let production = if is_test_file { String::new() } else { blank_test_items(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, production }
    }

    /// The top-level module that the file belongs to: `csi` for `src/csi/mod.rs`; `None` outside src/ and for main.rs
    /// and lib.rs.
    pub fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let room = inside.split(['/', '.']).next()?;
        (!matches!(room, "main" | "lib")).then_some(room)
    }
}

/// Every Rust file under src/ and tests/, and build.rs where there is one.
pub fn read_all(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    for start in ["src", "tests", "build.rs"] {
        collect(&root.join(start), root, &mut sources);
    }
    sources
}

fn collect(path: &Path, root: &Path, sources: &mut Vec<Source>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("folders of the project are readable") {
            collect(&entry.expect("its entries too").path(), root, sources);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") && path.exists() {
        let relative =
            path.strip_prefix(root).expect("the walk starts at the root").to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(path).expect("sources are UTF-8");
        sources.push(Source::new(&relative, &text));
    }
}

/// Blanks comments and the inside of literals, byte for byte, so that words in them are not taken for code.
fn blank_comments_and_literals(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        let is_blanked = end > at + 1;
        for byte in code[at..end].iter_mut().filter(|byte| is_blanked && **byte != b'\n') {
            *byte = b' ';
        }
        at = end;
    }
    String::from_utf8(code).expect("whole tokens were blanked, so the rest is UTF-8 still")
}

/// The end of the comment or literal that starts at `at`; the next byte where none does.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let follows_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let hashes = rest.iter().skip(1).take_while(|&&byte| byte == b'#').count();
    if rest.starts_with(b"//") {
        at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
    } else if rest.starts_with(b"/*") {
        at + find(rest, b"*/").map_or(rest.len(), |found| found + 2)
    } else if rest[0] == b'r' && !follows_word && rest.get(1 + hashes) == Some(&b'"') {
        let close = [&b"\""[..], &vec![b'#'; hashes]].concat();
        let body = 2 + hashes;
        at + find(&rest[body..], &close).map_or(rest.len(), |found| body + found + close.len())
    } else if rest[0] == b'"' {
        at + quoted_length(rest, b'"')
    } else if rest[0] == b'\'' && is_character(rest) {
        at + quoted_length(rest, b'\'')
    } else {
        at + 1
    }
}

/// Whether a `'` starts a character rather than a lifetime.
fn is_character(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(_) => {
            rest.iter().take(6).skip(2).position(|&byte| byte == b'\'').is_some_and(|at| at == 0 || rest[1] >= 0x80)
        }
        None => false,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Blanks each item under `#[cfg(test)]`: up to its `;`, or to the end of its braces.
fn blank_test_items(code: &str) -> String {
    let mut production = code.as_bytes().to_vec();
    for (start, _) in code.match_indices("#[cfg(test)]") {
        let mut depth = 0;
        for byte in &mut production[start..] {
            let (opens, closes, ends) = (*byte == b'{', *byte == b'}', *byte == b';');
            depth += i32::from(opens) - i32::from(closes);
            if *byte != b'\n' {
                *byte = b' ';
            }
            if depth == 0 && (closes || ends) {
                break;
            }
        }
    }
    String::from_utf8(production).expect("only whole items were blanked")
}

#[test]
fn comments_and_literals_are_no_code() {
    let text = "a(); // unsafe\n/* unsafe */ b(\"un\\\"safe\", r#\"unsafe\"#, '\\'', 'u', 'é', &'static x);";
    let code = Source::new("src/x.rs", text).code;
    assert!(!code.contains("unsafe") && code.contains("a();") && code.contains("&'static x);"), "{code}");
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn what_stands_under_cfg_test_is_not_production() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { x.unwrap() }\n}\n#[cfg(test)]\nmod more;\nfn c() {}\n";
    let production = Source::new("src/x.rs", text).production;
    assert!(production.contains("fn a") && production.contains("fn c"), "{production}");
    assert!(!production.contains("unwrap") && !production.contains("more"), "{production}");
    assert_eq!(Source::new("src/x/tests.rs", text).production, "");
}

#[test]
fn a_file_belongs_to_the_room_it_stands_in() {
    for (path, room) in [
        ("src/csi/mod.rs", Some("csi")),
        ("src/demo.rs", Some("demo")),
        ("src/main.rs", None),
        ("src/lib.rs", None),
        ("tests/cli.rs", None),
    ] {
        assert_eq!(Source::new(path, "").room(), room, "{path}");
    }
}
