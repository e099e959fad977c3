//! Rules about lengths and words.

use crate::source::Source;

const MAX_LINES: usize = 400;

/// Words that production code must not have, with what to do instead.
const PANICS: &[(&str, &str)] = &[
    (".unwrap()", "return an error, or `expect` with the invariant in words"),
    ("panic!(", "return an error"),
    ("todo!(", "do it, or open an issue"),
    ("unimplemented!(", "do it, or open an issue"),
    ("dbg!(", "use tracing"),
];

/// Words that no file may have, tests included.
const BANNED: &[(&str, &str)] = &[
    ("unsafe ", "it is forbidden"),
    ("#[ignore", "a test that nobody runs proves nothing"),
    ("thread::sleep", "wait for the condition"),
];

/// The finding, where the file has too many lines.
pub fn too_long(source: &Source) -> Option<String> {
    let lines = source.text.lines().count();
    (lines > MAX_LINES).then(|| format!("{}: {lines} lines, at most {MAX_LINES}; split by idea", source.path))
}

/// The median number of lines of a file under src/.
pub fn median_lines(sources: &[Source]) -> usize {
    let ours = sources.iter().filter(|source| source.path.starts_with("src/"));
    let mut lines: Vec<usize> = ours.map(|source| source.text.lines().count()).collect();
    lines.sort_unstable();
    lines.get(lines.len() / 2).copied().unwrap_or_default()
}

/// Panics and open work in production code; an open-work mark in a comment counts too.
pub fn panics(source: &Source) -> Vec<String> {
    let mut found = words(&source.path, &source.production, PANICS);
    let mark = ["TO", "DO"].concat();
    if source.path.starts_with("src/") && source.text.contains(&mark) {
        found.push(format!("{}: {mark}: do it, or open an issue", source.path));
    }
    found
}

/// What no file may have.
pub fn banned_everywhere(source: &Source) -> Vec<String> {
    words(&source.path, &source.code, BANNED)
}

/// Paths of the machine that the file was written on.
pub fn machine_paths(source: &Source) -> Vec<String> {
    // In two parts, so that this file does not find itself.
    let paths = [["/ro", "ot/"], ["/ho", "me/"], ["/work/", "shared"], ["/work/", "main"], ["/tmp/", "wt"]];
    let paths = paths.map(|parts| parts.concat());
    let found = paths.iter().filter(|path| source.text.contains(*path));
    found.map(|path| format!("{}: names {path}, a path of one machine", source.path)).collect()
}

fn words(path: &str, code: &str, banned: &[(&str, &str)]) -> Vec<String> {
    let lines = code.lines().enumerate();
    lines
        .flat_map(|(number, line)| {
            banned.iter().filter(move |(word, _)| line.contains(word)).map(move |rule| (number, rule))
        })
        .map(|(number, (word, instead))| format!("{path}:{}: {}: {instead}", number + 1, word.trim()))
        .collect()
}

#[test]
fn a_file_over_400_lines_is_found() {
    assert!(too_long(&Source::new("src/a.rs", &"\n".repeat(401))).is_some());
    assert!(too_long(&Source::new("src/a.rs", &"\n".repeat(400))).is_none());
    let sources = [1, 2, 9].map(|lines| Source::new("src/a.rs", &"\n".repeat(lines)));
    assert_eq!(median_lines(&sources), 2);
}

#[test]
fn panics_and_open_work_are_found_outside_tests() {
    let find = |text: &str| panics(&Source::new("src/a.rs", text)).len();
    assert_eq!(find("fn a() { b.unwrap() }\nfn c() { panic!() }\nfn d() { todo!() }"), 3);
    assert_eq!(find(&["// TO", "DO room"].concat()), 1);
    assert_eq!(find("fn a() { b.unwrap_or(1) } // .unwrap()\n#[cfg(test)]\nmod tests { fn c() { d.unwrap() } }"), 0);
}

#[test]
fn what_is_banned_is_found_in_tests_too() {
    let find = |text: &str| banned_everywhere(&Source::new("tests/a.rs", text)).len();
    assert_eq!(find("#[ignore = \"slow\"]\nfn a() { unsafe { b() } }\nfn c() { std::thread::sleep(d) }"), 3);
    assert_eq!(find("// unsafe is forbidden\nlet unsafely = 1;"), 0);
}

#[test]
fn a_path_of_a_machine_is_found() {
    let text = ["const A: &str = \"/ro", "ot/x\";"].concat();
    assert_eq!(machine_paths(&Source::new("src/a.rs", &text)).len(), 1);
    assert_eq!(machine_paths(&Source::new("src/a.rs", "/csi/csi.sock")).len(), 0);
}
