//! How the binary that people install is built.

use std::process::Command;

use anyhow::{Context as _, ensure};
use toml::{Table, Value};

use crate::harness::Result;
use crate::harness::server::root;

fn file(name: &str) -> Result<String> {
    std::fs::read_to_string(root().join(name)).with_context(|| name.to_owned())
}

#[test]
fn what_is_installed_is_stripped() -> Result {
    let manifest: Table = file("Cargo.toml")?.parse()?;
    let profile = &manifest["profile"]["dist"];
    ensure!(profile["inherits"] == Value::from("release") && profile["strip"] == Value::from("symbols"), "{profile}");
    let said = Command::new("make").args(["-n", "install", "PREFIX=/x"]).current_dir(root()).output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.contains("cargo install --path . --locked --profile dist --root '/x'"), "{said}");
    Ok(())
}

#[test]
fn an_image_is_stripped_too_and_its_bases_can_be_pinned() -> Result {
    let text = file("Dockerfile")?;
    ensure!(text.contains("cargo build --profile dist") && text.contains("target/dist/switchboard"), "{text}");
    let bases: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(bases, ["${BUILD_IMAGE} AS build", "${RUN_IMAGE}"]);
    for name in ["BUILD_IMAGE", "RUN_IMAGE"] {
        let given = text.lines().find_map(|line| line.strip_prefix(&format!("ARG {name}=")));
        ensure!(given.is_some_and(|image| !image.contains('@')), "{name}: {given:?}");
    }
    Ok(())
}
