//! Documents that say which test shows a thing: the tests there are, and the names that are none of them.

use std::collections::BTreeSet;

use crate::source::Source;

/// The names of all test functions.
pub struct Tests(BTreeSet<String>);

impl Tests {
    /// Those in these files. What a macro makes is not seen.
    pub fn of(sources: &[Source]) -> Self {
        let mut names = BTreeSet::new();
        for source in sources {
            let mut is_test = false;
            for line in source.code.lines().map(str::trim) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some(rest) = line.trim_start_matches("async ").strip_prefix("fn ") {
                    names.extend(rest.split('(').next().filter(|_| is_test).map(str::to_owned));
                    is_test = false;
                }
            }
        }
        Self(names)
    }

    /// Those whose names begin so.
    pub fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(String::as_str).filter(move |name| name.starts_with(prefix))
    }

    /// The names in backticks that no test has.
    pub fn missing<'a>(&self, text: &'a str) -> Vec<&'a str> {
        in_backticks(text).filter(|name| !self.0.contains(*name)).collect()
    }
}

/// What stands in backticks.
pub fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn a_name_that_is_no_tests_is_missing() {
    let text =
        "#[test]\nfn it_works() {}\nfn helper() {}\n// #[test]\nfn once() {}\n#[tokio::test]\nasync fn it_waits() {}";
    let tests = Tests::of(&[Source::new("tests/x.rs", text)]);
    assert_eq!(tests.beginning("it_").collect::<Vec<_>>(), ["it_waits", "it_works"]);
    assert_eq!(tests.missing("`it_works` and `it_waits`"), Vec::<&str>::new());
    assert_eq!(tests.missing("`helper`, `it_works`, `once`, `it_work`"), ["helper", "once", "it_work"]);
}
