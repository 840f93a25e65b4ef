//! One word, one idea: no type in `src/` has the name of another that is something else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::files;

/// What each module has one of, and calls so.
const EACH: [&str; 6] = ["Error", "Filter", "Metrics", "Parts", "Result", "Settings"];

/// What a line of a file defines: `pub struct Name`, not the types that belong to an impl, which are indented.
fn defined(line: &str) -> Option<String> {
    let line = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')').map_or(scope, |(_, rest)| rest),
        None => rest,
    });
    let (keyword, rest) = line.trim_start().split_once(' ')?;
    let is_type = ["struct", "enum", "trait", "type"].contains(&keyword) && !line.starts_with("    ");
    is_type.then(|| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

/// Tests may name what they like.
fn is_read(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.ends_with("_test.rs") && name != "mock.rs"
}

#[test]
fn no_name_stands_for_two_ideas() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    files(&root, &mut sources)?;
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for source in sources.into_iter().filter(|source| is_read(source)) {
        // what unit tests define is indented
        for name in std::fs::read_to_string(&source)?.lines().filter_map(defined) {
            places.entry(name).or_default().push(source.clone());
        }
    }
    assert!(places.len() > 700, "only {} types were found: is the reader broken?", places.len());
    places.retain(|name, files| files.len() > 1 && !EACH.contains(&name.as_str()));
    assert!(places.is_empty(), "these have one name: {places:#?}");
    Ok(())
}

#[test]
fn the_reader_knows_a_definition() {
    for (line, name) in [
        ("pub struct Phone(String);", Some("Phone")),
        ("pub(in crate::service) trait Payload: Serialize {", Some("Payload")),
        ("pub(super) enum Turn {", Some("Turn")),
        ("type Counts = Arc<Mutex<Map>>;", Some("Counts")),
        ("struct Rest<'a>(&'a str);", Some("Rest")),
        ("    type Err = BadId;", None),
        ("pub fn struct_of() {}", None),
        ("use structure::Thing;", None),
    ] {
        assert_eq!(defined(line).as_deref(), name, "{line}");
    }
}
