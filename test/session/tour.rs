//! The conversation of the README, as it stands there.

use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::consistent;
use crate::events::well;
use crate::harness::server::root;
use crate::harness::{ADMIN, Builder, Layout, Result, until};

const HEADING: &str = "## Hold a conversation";
/// Where the README has its server, and how it may ask there.
const HOST: &str = "http://127.0.0.1:6996";
const KEY: &str = "dev-admin";

/// The numbers of the pool, and each person with what they get.
const OURS: [&str; 2] = ["+14155550161", "+14155550162"];
const HEARD: [(&str, [&str; 2]); 3] = [
    ("+14155550101", ["Bob: At the station.", "Cid: On my way!"]),
    ("+14155550102", ["Ann: Where shall we meet?", "Cid: On my way!"]),
    ("+14155550103", ["Ann: Where shall we meet?", "Bob: At the station."]),
];

/// The commands of its section.
fn commands() -> Result<String> {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let (_, section) = readme.split_once(HEADING).context("no such section")?;
    let (_, block) = section.split_once("```sh\n").context("no commands")?;
    let (block, _) = block.split_once("```").context("no end")?;
    Ok(block.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversation_of_the_readme_can_be_held() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let written = commands()?;
    ensure!(written.contains(HOST) && written.contains(KEY), "{written}");
    let script = written.replace(HOST, &server.url("")).replace(KEY, ADMIN);
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).stdin(Stdio::null());
    let done = tokio::task::spawn_blocking(move || shell.output()).await??;
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    ensure!(done.status.success(), "{said}{wrong}");
    let people = said.lines().filter(|line| line.contains("\"address\"") && OURS.iter().any(|one| line.contains(one)));
    ensure!(people.count() == 3 && said.contains("\"state\": \"closed\""), "{said}{wrong}");
    for (person, wanted) in HEARD {
        let path = format!("/v1/loopback/messages?to=%2B{}", &person[1..]);
        let heard = until("what each of them gets", async || {
            let listed = well(&server, "GET", &path, None).await?;
            let heard = listed["data"].as_array().cloned().context("no list")?;
            Ok((heard.len() == wanted.len()).then_some(heard))
        })
        .await?;
        for one in &heard {
            ensure!(wanted.iter().any(|body| one["body"] == *body), "{person}: {one}");
            ensure!(OURS.iter().any(|number| one["from"] == *number), "{person}: {one}");
        }
    }
    consistent(&server).await
}
