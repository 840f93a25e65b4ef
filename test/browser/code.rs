//! Every QR code that we draw, read back: it says exactly the URL in force.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::page::patient;
use super::tool::{Running, rasterised, read_code};
use super::view::{View, sid_in};
use crate::harness::phone::session;
use crate::harness::{Builder, Heard, Layout, Phone, Result, Server, Socket, USER};

/// An id that has to be written otherwise in a URL, and so written.
const ODD: (&str, &str) = ("Zoë from 中文 100%", "Zo%C3%AB%20from%20%E4%B8%AD%E6%96%87%20100%25");

/// The URL that a code of this user must say, whatever its session.
async fn assert_in_force(server: &Server, user: &str, url: &str) -> Result {
    let sid = sid_in(url)?;
    ensure!(url == server.url(&session(user, sid)), "{url}");
    // a socket takes only a session that this server issued to this user
    let mut socket = Socket::of(server, user, Some(sid)).await?;
    ensure!(socket.hear().await? == Heard::Code(sid.to_owned()), "not a session of {user}: {url}");
    Ok(())
}

async fn get(server: &Server, path: &str, accept: &str) -> Result<(String, Vec<u8>)> {
    let answer = server.http.get(server.url(path)).header("accept", accept).send().await?;
    ensure!(answer.status() == 200, "{path}: {}", answer.status());
    let content_type = answer.headers()["content-type"].to_str()?.to_owned();
    Ok((content_type, answer.bytes().await?.to_vec()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_png_and_the_svg_say_a_url_of_their_user() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for user in [USER, ODD.1, &"u".repeat(128), &"%F0%9F%99%82".repeat(128)] {
        for (query, accept) in [("?format=png", "*/*"), ("", "image/png")] {
            let (content_type, picture) = get(&server, &format!("/v2/sync/users/{user}{query}"), accept).await?;
            assert_eq!(content_type, "image/png");
            assert_in_force(&server, user, &read_code(&picture, ".png").await?).await?;
        }
        for (query, accept) in [("?format=svg", "*/*"), ("", "image/svg+xml")] {
            let (content_type, picture) = get(&server, &format!("/v2/sync/users/{user}{query}"), accept).await?;
            assert_eq!(content_type, "image/svg+xml");
            let picture = rasterised(&String::from_utf8(picture)?).await?;
            assert_in_force(&server, user, &read_code(&picture, ".png").await?).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_s_url_is_what_its_picture_says() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    for user in [USER, ODD.1] {
        let (_, json) = get(&server, &format!("/v2/sync/users/{user}?format=json"), "*/*").await?;
        let json: Value = serde_json::from_slice(&json)?;
        let url = json["qr_url"].as_str().context("no qr_url")?;
        assert_in_force(&server, user, url).await?;
        let (_, picture) = get(&server, &format!("/pair/{user}/{}.svg", sid_in(url)?), "*/*").await?;
        let picture = rasterised(&String::from_utf8(picture)?).await?;
        assert_eq!(read_code(&picture, ".png").await?, url);
    }
    Ok(())
}

/// The code in a picture of the page is the page's, and its socket's.
async fn assert_seen(server: &Server, view: &View, user: &str) -> Result {
    view.open(server, user).await?;
    let waiting = view.is("waiting").await?;
    let read = read_code(&view.browser.screenshot().await?, ".png").await?;
    ensure!(read == waiting.code, "the picture says {read}, the page {}", waiting.code);
    assert_in_force(server, user, &read).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_the_page_says_the_url_in_force() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    assert_seen(&server, &view, USER).await?;
    assert_seen(&server, &view, ODD.1).await?;
    assert_eq!(view.browser.run("return document.querySelector('.uid').textContent").await?, ODD.0);
    view.browser.be_dark().await?;
    assert_seen(&server, &view, USER).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_the_page_on_a_phone_says_it_too() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    for (width, height) in [(320, 568), (360, 740), (412, 915)] {
        view.browser.be_phone(width, height).await?;
        assert_seen(&server, &view, USER).await?;
    }
    view.browser.be_dark().await?;
    assert_seen(&server, &view, USER).await?;
    assert_seen(&server, &view, ODD.1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_user_id_does_not_make_the_page_s_code_too_fine() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    assert_seen(&server, &view, &"u".repeat(128)).await?;
    view.browser.be_phone(320, 640).await?;
    assert_seen(&server, &view, &"u".repeat(128)).await
}

/// The colours of a terminal, as greys: of what is written, and of what is behind it.
type Theme = (u8, u8);
const DARK: Theme = (0xcc, 0x10);
const LIGHT: Theme = (0x30, 0xff);

/// What a terminal shows as a picture (PGM): each character is two cells, one above the other, with some of the
/// terminal around.
fn photograph(lines: &[&str], theme: Theme) -> Result<Vec<u8>> {
    const SCALE: usize = 6;
    const MARGIN: usize = 4;
    let painted: Vec<Vec<(u8, u8)>> = lines.iter().map(|line| paint(line, theme)).collect::<Result<_>>()?;
    let columns = painted.iter().map(Vec::len).max().context("no code")? + 2 * MARGIN;
    let (cell, blank) = ((theme.1, theme.1), [Vec::new(), Vec::new()]);
    let mut pixels = Vec::new();
    for line in blank.iter().chain(&painted).chain(&blank) {
        let cells = std::iter::repeat_n(&cell, MARGIN).chain(line).chain(std::iter::repeat(&cell)).take(columns);
        let (upper, lower): (Vec<u8>, Vec<u8>) = cells.copied().unzip();
        for half in [upper, lower] {
            let row: Vec<u8> = half.into_iter().flat_map(|grey| [grey; SCALE]).collect();
            pixels.extend(row.repeat(SCALE));
        }
    }
    let rows = 2 * (lines.len() + 2 * blank.len());
    let mut picture = format!("P5 {} {} 255\n", columns * SCALE, rows * SCALE).into_bytes();
    picture.extend(pixels);
    Ok(picture)
}

/// The greys of each character's upper and lower half, colours set on the way (ECMA-48, SGR) obeyed.
fn paint(line: &str, theme: Theme) -> Result<Vec<(u8, u8)>> {
    let (mut ink, mut paper) = theme;
    let mut cells = Vec::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some(set) = rest.strip_prefix("\u{1b}[") {
            let (numbers, after) = set.split_once('m').context("an escape that sets no colour")?;
            (ink, paper) = colours(numbers, theme, (ink, paper))?;
            rest = after;
            continue;
        }
        let is_ink = |half: usize| matches!((character, half), ('█', _) | ('▀', 0) | ('▄', 1));
        cells.push([0, 1].map(|half| if is_ink(half) { ink } else { paper }).into());
        rest = &rest[character.len_utf8()..];
    }
    Ok(cells)
}

/// The colours after `0`, or after `38;5;N` and `48;5;N` with the N of black and of white.
fn colours(numbers: &str, theme: Theme, now: Theme) -> Result<Theme> {
    let grey = |number: &str| match number {
        "16" => Ok(0),
        "231" => Ok(0xff),
        _ => anyhow::bail!("not the same on all terminals: {number}"),
    };
    let (mut numbers, (mut ink, mut paper)) = (numbers.split(';'), now);
    while let Some(number) = numbers.next() {
        match (number, number == "0" || numbers.next() == Some("5")) {
            ("0", _) => (ink, paper) = theme,
            ("38", true) => ink = grey(numbers.next().unwrap_or_default())?,
            ("48", true) => paper = grey(numbers.next().unwrap_or_default())?,
            _ => anyhow::bail!("an unknown colour: {number}"),
        }
    }
    Ok((ink, paper))
}

/// The code as a camera reads it from a dark terminal and from a light one.
async fn scanned(code: &[&str]) -> Result<String> {
    let dark = read_code(&photograph(code, DARK)?, ".pgm").await?;
    ensure!(read_code(&photograph(code, LIGHT)?, ".pgm").await? == dark, "a light terminal shows another code");
    Ok(dark)
}

/// The first code drawn in a terminal's transcript, and the first URL under it.
fn drawn(transcript: &str) -> Option<(Vec<&str>, String)> {
    let is_drawing = |line: &&str| {
        let bare = bare(line);
        bare.chars().count() > 20 && bare.chars().all(|c| " █▀▄".contains(c))
    };
    let lines: Vec<&str> =
        transcript.lines().map(|line| line.rsplit("\u{1b}[J").next().unwrap_or(line).trim_end_matches('\r')).collect();
    let from = lines.iter().position(is_drawing)?;
    let code: Vec<&str> = lines[from..].iter().copied().take_while(|line| is_drawing(line)).collect();
    let url = lines[from + code.len()..].iter().find_map(|line| Some(&line[line.find("http://")?..]))?;
    Some((code, url.split('\u{1b}').next()?.trim().to_owned()))
}

/// A line without the escapes that set colours or clear what follows.
fn bare(line: &str) -> String {
    let (first, rest) = line.split_once("\u{1b}[").unwrap_or((line, ""));
    let after =
        |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').get(1..).map(str::to_owned);
    std::iter::once(first.to_owned()).chain(rest.split("\u{1b}[").filter_map(after)).collect()
}

/// Runs a command of ours in a terminal, until it has drawn a code.
async fn in_terminal(builder: &Builder, arguments: &[&str]) -> Result<(Running, String)> {
    let inner = builder.command(arguments);
    let words: Vec<String> = std::iter::once(inner.get_program())
        .chain(inner.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''")))
        .collect();
    let mut command = Command::new("script");
    // whatever we were started from: a dumb one is drawn nothing
    command.env("TERM", "xterm");
    command.args(["--quiet", "--return", "--flush", "--command"]).arg(words.join(" ")).arg("/dev/null");
    command.current_dir(builder.path(""));
    let running = Running::start(command)?;
    let transcript = running.prints("code", |text| drawn(text).map(|_| text.to_owned())).await?;
    Ok((running, transcript))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_s_code_says_the_url_under_it() -> Result {
    let server = patient().await?;
    let (mut running, transcript) = in_terminal(server.builder(), &["sync", USER, "--url", &server.url("")]).await?;
    let (code, url) = drawn(&transcript).context("no code")?;
    assert_eq!(scanned(&code).await?, url);
    assert_in_force(&server, USER, &url).await?;

    Phone::new()?.pair(&server, USER, sid_in(&url)?).await?;
    let told = running.ends().await?;
    assert!(told.contains("scanned") && told.contains("paired"), "{told}");
    Ok(())
}

/// The rows that a frame takes on a screen of eighty columns, the cursor's included.
fn rows(frame: &str) -> usize {
    frame.split('\n').map(|line| bare(line).trim_end_matches('\r').chars().count().div_ceil(80).max(1)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_s_code_rotates() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "1s");
    let server = builder.set("sync.rotations", 3).start().await?;
    let (mut running, _) = in_terminal(server.builder(), &["sync", ODD.0, "--url", &server.url("")]).await?;
    let told = running.ends().await?;
    let mut seen = Vec::new();
    for frame in told.split("\u{1b}[H").skip(1) {
        let (code, url) = drawn(frame).context("a frame without a code")?;
        assert_eq!(scanned(&code).await?, url);
        assert_eq!(url, server.url(&session(ODD.1, sid_in(&url)?)));
        seen.push(url);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(told.contains("no phone came"), "{told}");
    Ok(())
}

/// A code whose top has scrolled away cannot be scanned.
#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_s_code_fits_the_smallest_usual_terminal() -> Result {
    let server = patient().await?;
    let (_running, transcript) = in_terminal(server.builder(), &["sync", USER, "--url", &server.url("")]).await?;
    let frame = transcript.split("\u{1b}[H").nth(1).context("no frame")?;
    assert!(rows(frame) <= 24, "{} rows:\n{frame}", rows(frame));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piped_sync_prints_bare_urls() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "1s");
    let server = builder.set("sync.rotations", 2).start().await?;
    let output = server.builder().run(&["sync", USER, "--url", &server.url("")]).await?;
    let printed = String::from_utf8(output.stdout)?;
    let urls: Vec<&str> = printed.lines().collect();
    assert_eq!(urls.len(), 2, "{printed}");
    for url in urls {
        assert_in_force(&server, USER, url).await?;
    }
    assert!(!output.status.success(), "nobody paired");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_draws_its_first_code_where_a_person_looks() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    let port = crate::harness::port::free_port()?;
    let listen = format!("127.0.0.1:{port}");
    let (_running, transcript) = in_terminal(&builder, &["serve", "--dev", "--listen", &listen]).await?;
    let (code, url) = drawn(&transcript).context("no code")?;
    assert_eq!(url, format!("http://{listen}{}", session(USER, "000")));
    assert_eq!(scanned(&code).await?, url);

    let piped = Running::start(builder.command(&["serve", "--dev", "--listen", "127.0.0.1:0"]))?;
    let words = piped.prints("word of the administrator", |text| text.contains("admin").then(|| text.to_owned()));
    let words = words.await?;
    assert!(words.contains("/v2/sync/users/111/sessions/000/"), "{words}");
    assert!(!words.contains('█') && !words.contains('\u{1b}'), "a drawing in a pipe:\n{words}");
    Ok(())
}
