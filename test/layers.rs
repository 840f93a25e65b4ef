//! Imports point down: reads every `crate::` path in `src/` and holds it against the table of `lib.rs`.

mod circles;
mod names;

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
    named_after(text, "crate::")
}

/// The same of what stands behind another path. Unit tests are read too: they may not reach up either.
fn named_after(text: &str, path: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect();
    let (code, mut found) = (lines.join("\n"), Vec::new());
    for (at, _) in code.match_indices(path) {
        let (before, after) = (&code[..at], &code[at + path.len()..]);
        // one that goes up further is another path
        if path.starts_with("super::") && before.ends_with("super::") {
            continue;
        }
        let line = before.matches('\n').count() + 1;
        match after.strip_prefix('{') {
            Some(group) => found.extend(first_names(group).into_iter().map(|name| (line, name))),
            None => found.push((line, word(after))),
        }
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

/// The first name of each path in a group, up to the brace that ends it.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut paths) = (0, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 => paths.push(c),
            _ => {}
        }
        if depth < 0 {
            break;
        }
    }
    paths.split(',').map(|path| word(path.trim())).collect()
}

/// A source text up to its unit tests. Other things may stand behind `#[cfg(test)]` too: what follows those is read.
fn without_tests(text: &str) -> &str {
    const TESTS: &str = "#[cfg(test)]\n";
    let is_module = |at: &usize| {
        let next = &text[at + TESTS.len()..];
        ["mod tests", "pub(super) mod tests", "#[path"].iter().any(|begin| next.starts_with(begin))
    };
    let begin = text.match_indices(TESTS).map(|(at, _)| at).find(is_module);
    begin.map_or(text, |at| &text[..at])
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
    let text = "use crate::store::Store;\nuse crate::{http, model};\nlet x = crate::cli::run(); // crate::worker\n\
                use crate::{\n    config::{self, Config},\n    signal,\n};";
    let names: Vec<String> = named(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["store", "http", "model", "cli", "config", "signal"]);
}

/// Purposes of one layer that do not name each other: what accepts messages and what sends them meet in the outbox.
const APART: [(&str, &str); 2] = [("dispatch", "message"), ("message", "dispatch")];

#[test]
fn accepting_and_sending_do_not_know_each_other() -> std::io::Result<()> {
    let service = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service");
    let mut wrong = Vec::new();
    for (purpose, other) in APART {
        let mut sources = vec![service.join(purpose).with_extension("rs")];
        files(&service.join(purpose), &mut sources)?;
        assert!(sources.len() > 5, "only {} files of {purpose} were found: has it moved?", sources.len());
        for source in &sources {
            // how far up `super` leads to the other purposes
            let depth = source.strip_prefix(&service).map_or(1, |inside| inside.components().count());
            for line in lines_naming(&std::fs::read_to_string(source)?, other, depth) {
                wrong.push(format!("{}:{line}: {purpose} may not name {other}", source.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

/// The lines of a service's file that name another service.
fn lines_naming(text: &str, other: &str, depth: usize) -> Vec<usize> {
    named_inside(text, "service", depth).into_iter().filter(|(_, name)| name == other).map(|(line, _)| line).collect()
}

/// What a file of a layer names in it, with the line.
fn named_inside(text: &str, layer: &str, depth: usize) -> Vec<(usize, String)> {
    let paths = [format!("{layer}::"), "super::".repeat(depth)];
    paths.iter().flat_map(|path| named_after(text, path)).collect()
}

#[test]
fn who_names_another_service_is_seen() {
    let text = "use crate::service::message::Messages;\nuse crate::service::{event, message};\n\
                use crate::store::message::Message;\nuse super::super::message;\nuse super::message;\n\
                use super::super::super::message;";
    assert_eq!(lines_naming(text, "message", 2), [1, 2, 4]);
    assert_eq!(lines_naming("use super::message::Draft;", "message", 1), [1]);
}

/// What runs a database knows nothing of what is kept in it: it names none of our tables, in no statement, and nothing
/// of the modules that do.
#[test]
fn the_engine_knows_no_table() -> std::io::Result<()> {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let (engine, mut sources) = (store.join("engine.rs"), Vec::new());
    files(&store.join("engine"), &mut sources)?;
    assert!(sources.len() > 10, "only {} files were found: has the engine moved?", sources.len());
    let mut wrong = known(&engine.display().to_string(), &std::fs::read_to_string(&engine)?, 0);
    for source in &sources {
        // how far up `super` leads to the engine, and no further
        let depth = source.strip_prefix(store.join("engine")).map_or(0, |inside| inside.components().count());
        wrong.extend(known(&source.display().to_string(), &std::fs::read_to_string(source)?, depth));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

/// What a file of the engine says that it should not know: unit tests may name a table.
fn known(file: &str, text: &str, depth: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in without_tests(text).lines().enumerate() {
        let line = line.split("//").next().unwrap_or(line);
        let is_outside = |after: &str| !after.starts_with("::engine") && !after.starts_with(')');
        let is_above = line.contains(&"super::".repeat(depth + 1))
            || line.contains("crate::{")
            || line.split("crate::store").skip(1).any(is_outside);
        if is_above || line.contains("sb_") {
            wrong.push(format!("{file}:{}: the engine knows no table: {}", number + 1, line.trim()));
        }
    }
    wrong
}

#[test]
fn what_the_engine_must_not_know_is_seen() {
    let good = "use super::{Error, Result};\nuse crate::store::engine::Row; // sb_meta\npub(in crate::store) fn a() {}\n\
                #[cfg(test)]\npub(super) use metric::Name;\n#[cfg(test)]\nmod tests { const SQL: &str = \"DELETE FROM sb_meta\"; }";
    assert_eq!(known("good", good, 1), Vec::<String>::new());
    for bad in [
        "\"DELETE FROM sb_meta\"",
        "use super::super::meta;",
        "use crate::store::meta;",
        "use crate::store::{Row, meta};",
        "use crate::{model, store};",
    ] {
        assert_eq!(known("bad", bad, 1).len(), 1, "{bad}");
    }
    assert_eq!(known("bad", "use super::meta;", 0).len(), 1);
    assert_eq!(known("good", "use super::super::Row;", 2).len(), 0);
}

/// What others wrote must not reach a terminal as it came: one file prints, and knows how.
#[test]
fn commands_print_in_one_place() -> std::io::Result<()> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut wrong) = (vec![src.join("cli.rs")], Vec::new());
    files(&src.join("cli"), &mut sources)?;
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
