//! The shell's way: websocat watches, `test/handshake.sh` pairs, our own commands agree.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::tool::{self, Running};
use super::view::sid_in;
use crate::harness::phone::session;
use crate::harness::server::root;
use crate::harness::{Builder, Layout, Result, Server, USER};

/// A development server whose codes change every second.
async fn lively() -> Result<Server> {
    let builder = Builder::new(Layout::SqliteShared).await?.dev().set("sync.rotate_every", "1s");
    builder.set("sync.rotations", 200).start().await
}

/// `test/handshake.sh` with arguments.
pub fn script(arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(root().join("test/handshake.sh")).args(arguments);
    command
}

/// A watcher of a socket, as one types it.
fn watch(url: &str) -> Result<Running> {
    let mut command = Command::new("websocat");
    command.arg(url);
    Running::start(command)
}

/// What a watched socket has printed: URLs first, then words.
fn urls_and_words(printed: &str) -> Result<(Vec<String>, Vec<String>)> {
    let (mut urls, mut words) = (Vec::new(), Vec::new());
    for line in printed.lines() {
        if line.starts_with('{') {
            ensure!(words.is_empty(), "a URL after a word:\n{printed}");
            let frame: Value = serde_json::from_str(line)?;
            urls.push(frame["qr_url"].as_str().context("no qr_url")?.to_owned());
        } else {
            words.push(line.to_owned());
        }
    }
    Ok((urls, words))
}

/// `flavour: …` and `fingerprint: …`, as the script tells them.
pub fn told(printed: &str) -> Vec<(String, String)> {
    let value = |line: &str, name: &str| line.strip_prefix(name).map(str::to_owned);
    let flavours = printed.lines().filter_map(|line| value(line, "flavour: "));
    flavours.zip(printed.lines().filter_map(|line| value(line, "fingerprint: "))).collect()
}

/// What `switchboard device list` knows: flavour and fingerprint of every device, oldest first.
async fn listed(server: &Server) -> Result<Vec<(String, String)>> {
    let url = server.url("");
    let list = |more: &'static [&'static str]| {
        let arguments = [&["device", "list", USER, "--url", &url], more].concat();
        let command = server.builder().command(&arguments);
        async move { tool::output(command).await }
    };
    let (table, json) = (list(&[]).await?, list(&["--json"]).await?);
    let json: Value = serde_json::from_str(&json)?;
    let mut devices = Vec::new();
    for (device, line) in json["data"].as_array().context("no data")?.iter().zip(table.lines()) {
        let text = |name: &str| device[name].as_str().unwrap_or_default().to_owned();
        let (flavour, fingerprint) = (text("flavour"), text("fingerprint"));
        let in_table: Vec<&str> = line.split_whitespace().collect();
        ensure!(in_table[..3] == [text("id"), fingerprint.clone(), flavour.clone()], "{line} is not {device}");
        ensure!(line.ends_with("live"), "{line}");
        devices.push((flavour, fingerprint));
    }
    ensure!(table.lines().count() == devices.len(), "{table}");
    devices.reverse();
    Ok(devices)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_codes_then_pause_then_ack_while_the_script_pairs() -> Result {
    let server = lively().await?;
    let mut all = Vec::new();
    for (flavour, name) in [("one", "one-step"), ("two", "two-step")] {
        let watcher = watch(&server.socket_url("/v2/sync/init/111/000"))?;
        watcher.prints("third URL", |text| (text.lines().count() >= 3).then_some(())).await?;
        let printed = tool::output(script(&["--url", &server.url(""), "--flavour", flavour])).await?;
        watcher.prints("ack", |text| text.contains("ack").then_some(())).await?;
        // as long as a code takes: nothing may follow
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        let (urls, words) = urls_and_words(&watcher.printed()?)?;
        assert_eq!(words, ["201- pause", "200- ack"]);
        assert_eq!(urls[0], server.url(&session(USER, "000")));
        for url in &urls[1..] {
            assert_eq!(*url, server.url(&session(USER, sid_in(url)?)));
        }
        let mut different = urls.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), urls.len(), "a URL twice: {urls:?}");
        let pairs = told(&printed);
        assert_eq!(pairs.len(), 1, "{printed}");
        assert_eq!(pairs[0].0, name);
        assert!(pairs[0].1.len() == 16 && pairs[0].1.bytes().all(|b| b.is_ascii_hexdigit()), "{printed}");
        all.extend(pairs);
    }
    assert_eq!(listed(&server).await?, all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_pairs_with_every_digest_it_offers() -> Result {
    let server = lively().await?;
    let url = server.url("");
    let choices = ["", "sha1", "sha256"];
    let mut all = Vec::new();
    for (flavour, oaeps) in [("one", &choices[..]), ("two", &["", "sha256"])] {
        for (oaep, mgf1) in oaeps.iter().flat_map(|oaep| choices.map(|mgf1| (*oaep, mgf1))) {
            for answer in choices {
                let given = [("--oaep", oaep), ("--mgf1", mgf1), ("--mgf1-answer", answer)];
                let given =
                    given.iter().filter(|(_, value)| !value.is_empty()).flat_map(|(name, value)| [*name, *value]);
                let arguments: Vec<&str> =
                    ["--url", &url, "--quiet", "--flavour", flavour].into_iter().chain(given).collect();
                let printed = tool::output(script(&arguments)).await.with_context(|| format!("{arguments:?}"))?;
                all.push((format!("{flavour}-step"), printed.trim_end().to_owned()));
            }
        }
    }
    assert_eq!(all.len(), 27 + 18);
    assert_eq!(listed(&server).await?, all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_flavours_are_paired_where_none_is_named() -> Result {
    let server = lively().await?;
    let printed = tool::output(script(&["--url", &server.url("/")])).await?;
    let pairs = told(&printed);
    assert_eq!(pairs.iter().map(|(flavour, _)| flavour.as_str()).collect::<Vec<_>>(), ["one-step", "two-step"]);
    assert_eq!(listed(&server).await?, pairs);
    Ok(())
}

/// The first line of `websocat … | head -n1`.
async fn first_plain_url(server: &Server) -> Result<String> {
    let url = server.socket_url("/v2/sync/init/111?plain=1");
    let mut command = Command::new("bash");
    command.args(["-c", r#"websocat "$0" | head -n1"#, &url]);
    // websocat learns that nobody reads when the next code comes
    let printed = Running::start(command)?.ends().await?;
    let url = printed.strip_suffix('\n').context("no line")?;
    ensure!(url == server.url(&session(USER, sid_in(url)?)), "{url}");
    Ok(url.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_socket_feeds_a_pipe() -> Result {
    let server = lively().await?;
    let mut all = Vec::new();
    for flavour in ["one", "two"] {
        let name = format!("{flavour}-step");
        let pair = ["device", "pair", &first_plain_url(&server).await?, "--password", "dummy_password"];
        let pair = [&pair[..], &["--flavour", flavour]].concat();
        let printed = tool::output(server.builder().command(&pair)).await?;
        let fingerprint = printed.trim_end().strip_prefix("paired fingerprint: ").context(printed.clone())?;
        all.push((name.clone(), fingerprint.to_owned()));

        let url = first_plain_url(&server).await?;
        let printed = tool::output(script(&["--qr", &url, "--flavour", flavour])).await?;
        assert_eq!(told(&printed).first().map(|(flavour, _)| flavour), Some(&name));
        all.extend(told(&printed));
        // spent
        let again = tool::run(script(&["--qr", &url, "--flavour", flavour])).await?;
        assert!(!again.status.success());
        assert!(String::from_utf8_lossy(&again.stderr).contains("status 400: invalid session requested"));
    }
    assert_eq!(listed(&server).await?, all);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_says_what_is_wrong_and_leaves_nothing_behind() -> Result {
    let server = lively().await?;
    let url = server.url("");
    let nobody = format!("http://127.0.0.1:{}", crate::harness::port::free_port()?);
    let cases: [(&[&str], &str); 8] = [
        (&["--url", &url, "--flavour", "one", "--password", "wrong"], "status 403"),
        (&["--url", &url, "--flavour", "two", "--password", "wrong"], "status 401: failed to authenticate"),
        (&["--url", &url, "--session", "00"], "status 400: invalid session requested"),
        (&["--url", &url, "--flavour", "two", "--oaep", "sha1"], "--oaep sha1 needs --flavour one"),
        (&["--url", &url, "--mgf1", "md5"], "--mgf1 must be one of: sha1 sha256"),
        (&["--qr", "http://example.org/"], "not a QR URL"),
        (&["--url", &nobody], "no answer"),
        (&["--nonsense"], "unknown option --nonsense"),
    ];
    for (arguments, complaint) in cases {
        let folder = tempfile::tempdir()?;
        let mut command = script(arguments);
        command.env("TMPDIR", folder.path());
        let ended = tool::run(command).await?;
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success() && told.contains(complaint), "{arguments:?}: {told}");
        assert_eq!(ended.stdout, b"", "{arguments:?}");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "{arguments:?} leaves a private key behind");
    }
    assert_eq!(server.fingerprints().await?, [""; 0]);
    Ok(())
}
