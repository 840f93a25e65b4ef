//! Imports point down: reads every `crate::` path in `src/` and holds it against the table of `lib.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which top-level modules a folder may name.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let inside = ["model", "crypto"];
    let service = ["model", "crypto", "store", "provider", "signal"];
    let doors = ["model", "crypto", "service"];
    BTreeMap::from([
        ("model", vec![]),
        ("crypto", vec!["model"]),
        ("store", inside.to_vec()),
        ("provider", inside.to_vec()),
        ("signal", inside.to_vec()),
        ("service", service.to_vec()),
        ("http", doors.to_vec()),
        ("worker", doors.to_vec()),
    ])
}

/// May name everything: they put it together.
const FREE: [&str; 5] = ["gateway", "cli", "config", "main", "lib"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// The first path segment below `src`, without `.rs`.
fn layer(path: &Path, root: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    let first = inside.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
    first.unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// Every top-level module that a source text names, with its line.
fn named(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        // unit tests are read too: they may not reach up either
        let code = line.split("//").next().unwrap_or(line);
        for after in code.split("crate::").skip(1) {
            let mut names = after;
            if let Some(group) = after.strip_prefix('{') {
                for part in group.trim_end_matches(['}', ';', ' ']).split(',') {
                    found.push((number + 1, word(part.trim())));
                }
                names = "";
            }
            if !names.is_empty() {
                found.push((number + 1, word(names)));
            }
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn imports_point_down() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, allowed, mut wrong, mut seen) = (Vec::new(), allowed(), Vec::new(), 0);
    files(&root, &mut sources)?;
    for source in &sources {
        let layer = layer(source, &root);
        if FREE.contains(&layer.as_str()) {
            continue;
        }
        let Some(allowed) = allowed.get(layer.as_str()) else {
            wrong.push(format!("{}: a folder that the table does not know", source.display()));
            continue;
        };
        for (line, name) in named(&std::fs::read_to_string(source)?) {
            seen += 1;
            if name != layer && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{}:{line}: {layer} may not import {name}", source.display()));
            }
        }
    }
    assert!(seen > 50, "only {seen} imports were found: is the reader broken?");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn the_reader_sees_what_it_must() {
    let text = "use crate::store::Store;\nuse crate::{http, model};\nlet x = crate::cli::run(); // crate::worker";
    let names: Vec<String> = named(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["store", "http", "model", "cli"]);
}

/// What others wrote must not reach a terminal as it came: one file prints, and knows how.
#[test]
fn commands_print_in_one_place() -> std::io::Result<()> {
    let (mut sources, mut wrong) = (Vec::new(), Vec::new());
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"), &mut sources)?;
    let (printers, others): (Vec<_>, Vec<_>) = sources.into_iter().partition(|path| path.ends_with("output.rs"));
    for source in others {
        if prints(&std::fs::read_to_string(&source)?) {
            wrong.push(source.display().to_string());
        }
    }
    assert!(printers.len() == 1 && prints(&std::fs::read_to_string(&printers[0])?));
    assert!(wrong.is_empty(), "{}", wrong.join(", "));
    Ok(())
}

fn prints(text: &str) -> bool {
    ["print!(", "println!(", "io::stdout().write", "io::stderr().write"].iter().any(|word| text.contains(word))
}
