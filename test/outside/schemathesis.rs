//! Schemathesis asks whatever the description allows, and what it does not: no fault of ours, no answer outside it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::harness::python::python;
use crate::harness::{ADMIN, Result};
use crate::operations::openapi::{description, furnished};
use crate::relay::acts::{Act, Target};

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Real ids, so that it gets past "there is no such thing"; what deletes gets made-up ones too. A person is anybody.
fn settings(acts: &[Act], description: &Value) -> Result<String> {
    let mut text = String::new();
    for path in description["paths"].as_object().context("no paths")?.keys() {
        let Target { args, client, .. } = Target::of(acts, path)?;
        let args = args.iter().filter(|(name, _)| *name != "person");
        let args: Vec<String> = args.map(|(name, value)| format!("\"path.{name}\" = \"{value}\"")).collect();
        if args.is_empty() {
            continue;
        }
        let path = path.replace('{', "[{]").replace('}', "[}]");
        writeln!(text, "[[operations]]\ninclude-path-regex = \"^{path}$\"\nexclude-method = \"DELETE\"")?;
        writeln!(text, "parameters = {{ {} }}", args.join(", "))?;
        if let Some(client) = client {
            writeln!(text, "headers = {{ Switchboard-Client = \"{client}\" }}")?;
        }
    }
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finds_no_answer_outside_the_description() -> Result {
    let (server, _receiver, acts) = furnished().await?;
    let folder = server.builder().path("schemathesis");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("schemathesis.toml"), settings(&acts, &description(&server).await?)?)?;
    let program = Path::new(&python()?).with_file_name("schemathesis");
    let mut command = Command::new(program);
    command
        .current_dir(&folder)
        .args(["run", &server.url("/v1/openapi.json"), "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--header", &format!("Authorization: Bearer {ADMIN}"), "--max-examples", "20"])
        .args(["--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", "20"])
        .args(["--continue-on-failure", "--no-color"])
        .stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{said}{complained}");
    let tested = said.lines().find(|line| line.contains(" generated, ")).context(said.clone())?;
    println!("schemathesis: {}", tested.trim());
    Ok(())
}
