//! docs/errors.md, docs/parameters.md and docs/metrics.md say what the code says: they are rendered from it here, and
//! compared with the files.

mod doctor;
mod errors;
mod metrics;
mod page;
mod parameters;
mod samples;
mod snapshot_classes;
mod variants;

#[test]
fn the_error_page_is_what_the_code_says() {
    page::expect("docs/errors.md", &errors::render());
}

#[test]
fn the_metrics_page_is_what_the_code_says() {
    page::expect("docs/metrics.md", &metrics::render());
}

#[test]
fn the_parameter_page_is_what_the_code_says() {
    page::expect("docs/parameters.md", &(parameters::render() + &snapshot_classes::render()));
}
