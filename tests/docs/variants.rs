//! The variants of an enum, read from its source: their names and the first sentence of their documentation.

/// One variant.
#[derive(Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The first sentence about it.
    pub when: String,
}

/// The variants of `pub enum {name}`, in their order.
pub fn read(source: &str, name: &str) -> Vec<Variant> {
    let (_, body) = source.split_once(&format!("pub enum {name} {{\n")).expect("the source has the enum");
    let (body, _) = body.split_once("\n}").expect("the enum ends");
    let mut documentation = Vec::new();
    let mut found = Vec::new();
    for line in body.lines().filter_map(|line| line.strip_prefix("    ")) {
        if let Some(text) = line.strip_prefix("/// ") {
            documentation.push(text);
        } else if line.starts_with(|first: char| first.is_ascii_uppercase()) {
            let name = line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            found.push(Variant { name: name.to_owned(), when: first_sentence(&documentation.join(" ")) });
            documentation.clear();
        }
    }
    found
}

fn first_sentence(text: &str) -> String {
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// The name of a value's variant.
pub fn name_of(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn variants_of_every_shape_are_found_with_their_first_sentence() {
    let source = "pub enum E {\n    /// One. And more.\n    One,\n    /// Two\n    /// lines.\n    #[error(\"x\")]\n    Two(u8),\n    /// Three.\n    Three {\n        /// A field.\n        Field: u8,\n    },\n}\n";
    let found: Vec<(String, String)> = read(source, "E").into_iter().map(|it| (it.name, it.when)).collect();
    let wanted = [("One", "One"), ("Two", "Two lines"), ("Three", "Three")];
    assert_eq!(found, wanted.map(|(name, when)| (name.to_owned(), when.to_owned())));
}
