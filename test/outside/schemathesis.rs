//! Schemathesis asks whatever the description allows, and what it does not: no fault of ours, no answer outside it.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::harness::python::python;
use crate::harness::{ADMIN, Result};
use crate::operations::openapi::furnished;

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Real ids, so that it gets past "there is no such thing"; what deletes gets made-up ones too.
fn settings(ids: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let numbers = "[[operations]]\ninclude-path-regex = \"^/v1/opt-outs/[{]\"\n\
                    parameters = { \"path.number\" = \"+15005550006\" }\n\n\
                    [[operations]]\ninclude-path-regex = \"^/v1/lookup/[{]\"\n\
                    parameters = { \"path.number\" = \"+15005550006\" }\n\n";
    ids.into_iter().fold(numbers.to_owned(), |text, (resource, id)| {
        let name = if resource == "users" { "uid" } else { "id" };
        format!(
            "{text}[[operations]]\ninclude-path-regex = \"^/v1/{resource}/[{{]\"\nexclude-method = \"DELETE\"\n\
             parameters = {{ \"path.{name}\" = \"{id}\" }}\n\n"
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_finds_no_answer_outside_the_description() -> Result {
    let (server, ids) = furnished().await?;
    let folder = server.builder().path("schemathesis");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("schemathesis.toml"), settings(ids))?;
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
