//! The conversation of the README, its codes, and what older systems ask, as they stand there.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::consistent;
use crate::events::well;
use crate::harness::server::root;
use crate::harness::{ADMIN, Builder, Layout, Result, Server, until};
use crate::messages::drained;
use crate::verification::scene;

const HEADING: &str = "## Hold a conversation";
/// What is said before the commands of older systems.
const OLDER: &str = "The same by the paths of older systems";
const CODES: &str = "## Verify a phone";
const OLDER_CODES: &str = "As older systems ask";
/// What of a check is printed where the code was right.
const APPROVED: &str = r#""status":"approved","valid":true"#;
/// Where the README has the binary.
const FOLDER: &str = "$PWD/target/release";
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

/// The first commands behind these words.
fn commands(behind: &str) -> Result<String> {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let (_, section) = readme.split_once(behind).context("no such words")?;
    let (_, block) = section.split_once("```sh\n").context("no commands")?;
    let (block, _) = block.split_once("```").context("no end")?;
    Ok(block.to_owned())
}

/// Runs commands on a server of our own; what they printed.
async fn run(server: &Server, commands: &str) -> Result<String> {
    ensure!(commands.contains(HOST), "{commands}");
    let folder = Path::new(env!("CARGO_BIN_EXE_switchboard")).parent().context("no folder")?;
    let script = commands.replace(HOST, &server.url("")).replace(KEY, ADMIN);
    let script = script.replace(FOLDER, folder.to_str().context("no text")?);
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", &script]).stdin(Stdio::null()).current_dir(server.home().folder.path());
    // for the commands of the binary
    shell.env("SWITCHBOARD__HTTP__PUBLIC_URL", server.url("")).env("SWITCHBOARD__ADMIN__TOKEN", ADMIN);
    let done = tokio::task::spawn_blocking(move || shell.output()).await??;
    let (said, wrong) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    ensure!(done.status.success(), "{said}{wrong}");
    Ok(said.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_conversation_of_the_readme_can_be_held() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let said = run(&server, &commands(HEADING)?).await?;
    let people = said.lines().filter(|line| line.contains("\"address\"") && OURS.iter().any(|one| line.contains(one)));
    ensure!(people.count() == 3 && said.contains("\"state\": \"closed\""), "{said}");
    for (person, wanted) in HEARD {
        let path = format!("/v1/loopback/messages?to=%2B{}", &person[1..]);
        let heard = until("what each of them gets", async || {
            let listed = well(&server, "GET", &path, None).await?;
            let heard = listed["data"].as_array().cloned().context("no list")?;
            Ok((heard.len() == wanted.len()).then_some(heard))
        })
        .await?;
        let mut bodies: Vec<&str> = heard.iter().filter_map(|one| one["body"].as_str()).collect();
        bodies.sort_unstable();
        assert_eq!(bodies, wanted, "{person}");
        for one in &heard {
            ensure!(OURS.iter().any(|number| one["from"] == *number), "{person}: {one}");
        }
    }
    consistent(&server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_systems_of_the_readme_are_served() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let said = run(&server, &commands(OLDER)?).await?;
    let doors = server.rows("SELECT door FROM sb_session WHERE closed_ms IS NULL ORDER BY door").await?.concat();
    ensure!(doors == ["masked", "number_proxy", "twilio_proxy"], "{doors:?}: {said}");
    drained(&server).await?;
    consistent(&server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_of_the_readme_prove_phones() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let said = run(&server, &commands(CODES)?).await?;
    let shown: Vec<&str> =
        said.lines().filter_map(|line| line.split_once("Your Acme verification code is: ")).map(|two| two.1).collect();
    let [code, gone] = shown[..] else { anyhow::bail!("{said}") };
    ensure!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()) && gone == "••••", "{said}");
    ensure!(said.contains(APPROVED) && said.contains("right"), "{said}");
    let statuses = server.rows("SELECT status FROM sb_verification").await?.concat();
    ensure!(statuses == ["approved", "approved"], "{statuses:?}: {said}");
    scene::consistent(&server).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_codes_of_the_readme_are_served() -> Result {
    let server = Builder::new(Layout::SqliteShared).await?.dev().start().await?;
    let said = run(&server, &commands(OLDER_CODES)?).await?;
    ensure!(said.contains(r#""authenticated":true"#) && said.contains(APPROVED), "{said}");
    let doors = "SELECT door FROM sb_verification WHERE status = 'approved' ORDER BY door";
    let doors = server.rows(doors).await?.concat();
    ensure!(doors == ["older", "twilio"], "{doors:?}: {said}");
    scene::consistent(&server).await
}
