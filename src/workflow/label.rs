//! The label that Airflow makes of an id: lossy, and forgeable (two ids can share one).

use md5::{Digest, Md5};

/// Kubernetes' limit for a label value, in characters.
const MAX_LABEL: usize = 63;
/// How much of the hash's hex Airflow appends.
const HASH_CHARS: usize = 9;

/// What Airflow's cncf-kubernetes provider writes as the label of an id.
///
/// Characters outside `[A-Za-z0-9_.-]` and non-alphanumeric edges go; an id that this changes, or that is too long,
/// gets nine hex digits of its MD5 so that most ids stay apart. Seen in providers up to 10.25.0
/// (tests/fixtures/airflow-pods/label_vectors.json).
pub fn airflow_label(id: &str) -> String {
    let kept: String = id
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
        .collect();
    if kept == id && kept.len() <= MAX_LABEL {
        return kept;
    }
    let room = MAX_LABEL - HASH_CHARS - 1;
    let head = &kept[..kept.len().min(room)];
    let digest: String = Md5::digest(id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{head}-{}", &digest[..HASH_CHARS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        r#in: String,
        label: String,
    }

    #[test]
    fn every_label_is_the_one_that_airflow_made() {
        let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/airflow-pods/label_vectors.json"));
        let vectors: Vec<Vector> = serde_json::from_str(text).expect("the recording is JSON");
        assert_eq!(vectors.len(), 28);
        for vector in vectors {
            assert_eq!(airflow_label(&vector.r#in), vector.label, "{:?}", vector.r#in);
        }
    }

    #[test]
    fn two_run_ids_can_share_a_label() {
        assert_eq!(airflow_label("run:1+2"), airflow_label("run12-afea9d4a9"));
    }
}
