//! No circles: purposes of one layer name each other one way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{files, layer, named_inside, without_tests};

type NamedPurposes = BTreeMap<String, BTreeSet<String>>;

#[test]
fn purposes_go_in_no_circles() -> std::io::Result<()> {
    for name in ["service", "store"] {
        let named = purposes(name)?;
        assert!(named.len() > 20, "only {} purposes of {name} were found: has it moved?", named.len());
        let circles = circles(&named);
        assert!(
            circles.is_empty(),
            "purposes of {name} that name each other, straight or by way of others: {circles:?}"
        );
    }
    Ok(())
}

/// Which others of its layer each purpose names. Unit tests may name any.
fn purposes(name: &str) -> std::io::Result<NamedPurposes> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    let (mut sources, mut purposes) = (Vec::new(), NamedPurposes::new());
    files(&folder, &mut sources)?;
    for source in sources.into_iter().filter(|source| !source.to_string_lossy().ends_with("_test.rs")) {
        // how far up `super` leads to the layer
        let depth = source.strip_prefix(&folder).map_or(1, |inside| inside.components().count());
        let named = named_inside(without_tests(&std::fs::read_to_string(&source)?), name, depth);
        purposes.entry(layer(&source, &folder)).or_default().extend(named.into_iter().map(|(_, name)| name));
    }
    let all: BTreeSet<String> = purposes.keys().cloned().collect();
    for (purpose, named) in &mut purposes {
        named.retain(|other| other != purpose && all.contains(other));
    }
    Ok(purposes)
}

/// The purposes that lead back to themselves, each with those that it leads to and that lead to it.
fn circles(named: &NamedPurposes) -> Vec<Vec<String>> {
    let mut reached = named.clone();
    // what is reached by way of this one, then of the next too, until all have been gone by
    for middle in named.keys() {
        let beyond = reached[middle].clone();
        for reached in reached.values_mut().filter(|reached| reached.contains(middle)) {
            reached.extend(beyond.iter().cloned());
        }
    }
    let is_met = |one: &String, other: &String| reached[one].contains(other) && reached[other].contains(one);
    let circle = |one: &String| -> Vec<String> { named.keys().filter(|&other| is_met(one, other)).cloned().collect() };
    let circles: BTreeSet<Vec<String>> = named.keys().map(circle).filter(|circle| !circle.is_empty()).collect();
    circles.into_iter().collect()
}

#[test]
fn a_circle_is_seen() {
    let set_of = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|&name| name.to_owned()).collect() };
    let named =
        [("a", &["b", "c"][..]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"]), ("e", &["f"]), ("f", &["e", "a"])];
    let named: NamedPurposes =
        named.into_iter().map(|(purpose, others)| (purpose.to_owned(), set_of(others))).collect();
    assert_eq!(circles(&named), [&["b", "c", "d"][..], &["e", "f"]]);
}
