//! Pages of docs/ that are rendered, and their tables.

use std::path::Path;

/// Set it to write the pages instead of comparing them.
const RENDER: &str = "LINFLOW_RENDER";

/// Compares the page with its file, or writes the file where [`RENDER`] is set.
pub fn expect(path: &str, rendered: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os(RENDER).is_some() {
        std::fs::write(&file, rendered).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    let differs = rendered.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
    assert!(
        found == rendered,
        "{path} is not what the code says; run `{RENDER}=1 cargo test --test docs` and commit it. The first difference: {differs:?}"
    );
}

/// A table of Markdown.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows = rows.iter().map(|row| line(&row.iter().map(|cell| escape(cell)).collect::<Vec<_>>()));
    format!("{}{rule}{}", line(&head), rows.collect::<String>())
}

/// Text as a cell holds it: neither a column's end nor a tag.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}

#[test]
fn a_cell_ends_where_its_text_does() {
    let page = table(&["a", "b"], &[vec!["x|y".to_owned(), "<z>".to_owned()]]);
    assert_eq!(page, "| a | b |\n|---|---|\n| x\\|y | &lt;z> |\n");
}
