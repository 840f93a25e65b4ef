//! How the pairing page looks and sounds: narrow, dark, read aloud, without scripts, with hostile names.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::page::patient;
use super::tool::read_code;
use super::view::View;
use crate::harness::phone::session;
use crate::harness::{Builder, Layout, Phone, Result, Server, USER, until};

const STATES: [&str; 9] =
    ["connecting", "waiting", "paused", "paired", "expired", "revoked", "busy", "reconnecting", "failed"];

/// A user id as a path writes it.
fn segment(user: &str) -> String {
    utf8_percent_encode(user, NON_ALPHANUMERIC).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_policy_lets_nothing_in_from_outside() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let answer = server.http.get(server.url(&format!("/pair/{USER}"))).send().await?;
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let policy = header("content-security-policy");
    let directives: Vec<&str> = policy.split(';').map(str::trim).collect();
    for needed in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "base-uri 'none'"] {
        assert!(directives.contains(&needed), "no {needed} in {policy}");
    }
    for needed in ["form-action 'none'", "frame-ancestors 'none'"] {
        assert!(directives.contains(&needed), "no {needed} in {policy}");
    }
    let connect = format!("connect-src 'self' ws://127.0.0.1:{}", server.port);
    assert!(directives.contains(&connect.as_str()), "no {connect} in {policy}");
    for lax in ["unsafe", "*", "data:", "blob:", "http:", "https:"] {
        assert!(!policy.contains(lax), "{lax} in {policy}");
    }
    assert_eq!((header("x-content-type-options"), header("referrer-policy")), ("nosniff", "no-referrer"));
    assert_eq!(header("cache-control"), "no-store");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_nobody_else_and_breaks_no_rule() -> Result {
    let server = patient().await?;
    let view = View::of(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    Phone::new()?.pair(&server, USER, &waiting.sid()?).await?;
    view.is("paired").await?;
    let loaded = view.loaded_from().await?;
    assert!(loaded.len() >= 4, "style, script, URL and picture at least, not {loaded:?}");
    assert!(loaded.iter().all(|origin| *origin == server.url("")), "{loaded:?}");
    assert_eq!(view.breaches().await?, [""; 0]);
    assert_eq!(view.browser.console().await?, [""; 0]);
    // and what would break it is kept out, so that the silence above means something
    view.browser
        .run("document.body.appendChild(document.createElement('script')).textContent = 'window.in = 1'")
        .await?;
    assert_eq!(view.browser.run("return window.in === undefined").await?, true);
    view.browser.run("new Image().src = 'http://192.0.2.1/x.png'").await?;
    until("two breaches", async || Ok((view.breaches().await?.len() == 2).then_some(()))).await?;
    assert_eq!(view.breaches().await?, ["script-src-elem inline", "img-src http://192.0.2.1/x.png"]);
    // the console tells only what is new
    let told = AtomicUsize::new(0);
    until("two complaints", async || {
        let new = view.browser.console().await?.len();
        Ok((told.fetch_add(new, Ordering::Relaxed) + new >= 2).then_some(()))
    })
    .await?;
    assert_eq!(told.into_inner(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_state_fits_a_narrow_screen() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    view.browser.be_phone(320, 640).await?;
    for user in [USER, &"x".repeat(128), &segment(&"é m".repeat(42))] {
        view.open(&server, user).await?;
        view.is("waiting").await?;
        for state in STATES {
            view.pose(state).await?;
            let overflow = view.overflow().await?;
            assert!(overflow <= 0, "{state} is {overflow} pixels too wide for {user}");
        }
    }
    Ok(())
}

/// A screenshot's brightnesses, 0 to 255, row by row.
fn brightness(picture: &[u8]) -> Result<Vec<Vec<u8>>> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(picture)).read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().context("too large")?];
    let frame = reader.next_frame(&mut bytes)?;
    let samples = frame.color_type.samples();
    anyhow::ensure!(frame.bit_depth == png::BitDepth::Eight && samples >= 3, "{frame:?}");
    let bright = |spot: &[u8]| Ok(u8::try_from(spot[..3].iter().map(|one| u32::from(*one)).sum::<u32>() / 3)?);
    let row = |line: &[u8]| line.chunks_exact(samples).map(bright).collect::<Result<Vec<u8>>>();
    bytes.chunks_exact(frame.line_size).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_code_stays_dark_on_white_in_the_dark() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    view.browser.be_dark().await?;
    view.open(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    let picture = view.browser.screenshot().await?;
    assert_eq!(read_code(&picture, ".png").await?, waiting.code);
    let place = "const at = document.getElementById('qr').getBoundingClientRect();
        return [Math.ceil(at.left), Math.ceil(at.top), Math.floor(at.width)];";
    let (left, top, side): (usize, usize, usize) = serde_json::from_value(view.browser.run(place).await?)?;
    let spots = brightness(&picture)?;
    let code: Vec<&[u8]> = spots[top..top + side].iter().map(|row| &row[left..left + side]).collect();
    let margin = side / 20;
    assert!(code[..margin].concat().iter().all(|spot| *spot == 255), "the margin is not white");
    assert!(code.iter().all(|row| row[..margin].iter().all(|spot| *spot == 255)), "the margin is not white");
    let (all, dark) = (side * side, code.concat().iter().filter(|spot| **spot < 10).count());
    assert!((all / 5..all / 2).contains(&dark), "{dark} of {all} spots are dark");
    assert!(spots[2][2] < 60, "the page is not dark");
    assert_contrast(&view).await
}

/// Text against what is behind it, in every state (WCAG 2.2, 1.4.3: 4.5 to 1).
async fn assert_contrast(view: &View) -> Result {
    let measure = "
      const light = (color) => {
        const parts = color.match(/[\\d.]+/g).map(Number);
        const [r, g, b] = parts.slice(0, 3).map((part) => part / 255)
          .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
          const color = getComputedStyle(at).backgroundColor;
          if (!/, 0\\)$/.test(color)) return color;
        }
        return 'rgb(255, 255, 255)';
      };
      return [...document.querySelectorAll('h1, p, li, a, button, span, code')]
        .filter((element) => element.textContent.trim() && element.getClientRects().length
          && !element.classList.contains('unseen'))
        .map((element) => {
          const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
          return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.textContent.trim()];
        });";
    for state in STATES {
        view.pose(state).await?;
        let found: Vec<(f64, String)> = serde_json::from_value(view.browser.run(measure).await?)?;
        anyhow::ensure!(found.len() >= 4, "{state} says next to nothing: {found:?}");
        for (contrast, text) in found {
            anyhow::ensure!(contrast >= 4.5, "{state}: {text:?} has a contrast of {contrast:.2}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_words_can_be_read_by_day() -> Result {
    let server = patient().await?;
    let view = View::of(&server, USER).await?;
    view.is("waiting").await?;
    assert_contrast(&view).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_heard() -> Result {
    let server = patient().await?;
    let view = View::of(&server, USER).await?;
    view.is("waiting").await?;
    let browser = &view.browser;
    let named = async |selector: &str| browser.role_and_name(selector).await;
    assert_eq!(browser.run("return document.documentElement.lang").await?, "en");
    assert_eq!(browser.run("return document.title").await?, "Pair your phone · Switchboard");
    assert_eq!(named("h1").await?, ("heading".into(), "Pair your phone".into()));
    assert_eq!(named("main").await?.0, "main");
    let (role, name) = named("#qr").await?;
    assert!(matches!(role.as_str(), "image" | "img"), "{role}");
    assert!(name.contains("QR code") && name.contains("Scan it with the app"), "{name}");
    assert_eq!(named("#timer").await?, ("timer".into(), "Seconds left".into()));
    assert_eq!(named("#mobile-link").await?, ("link".into(), "Open in the app on this phone".into()));
    assert_eq!(named("#copy").await?, ("button".into(), "Copy link".into()));
    assert_eq!(named("#status").await?.0, "status");
    let live = "const at = document.getElementById('status'); return [at.ariaLive, at.ariaAtomic];";
    assert_eq!(browser.run(live).await?, json!(["polite", "true"]));
    // a live region that counts seconds would never be quiet
    let chatter = "return document.getElementById('seconds').closest('[aria-live], [role=status], [role=alert]');";
    assert_eq!(browser.run(chatter).await?, Value::Null);
    assert_eq!(browser.run("return document.querySelector('[aria-current=step]').id").await?, "step-scan");
    let pictures = "return [...document.querySelectorAll('svg')].every((svg) => svg.ariaHidden === 'true');";
    assert_eq!(browser.run(pictures).await?, true, "a drawing is read aloud");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_id_is_never_markup() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    for user in
        ["<img src=x onerror=alert(1)>&\"'", "{{rotate_ms}}{{uid}}", "$& $1 $`", "a b ümläut 中文 🙂", "' onfocus='"]
    {
        view.open(&server, &segment(user)).await?;
        let waiting = view.is("waiting").await?;
        let browser = &view.browser;
        assert_eq!(browser.run("return document.querySelector('.uid').textContent").await?, user);
        assert_eq!(browser.run("return document.documentElement.dataset.uid").await?, user);
        assert_eq!(browser.run("return document.querySelectorAll('img').length").await?, 1, "only the code");
        assert_eq!(browser.run("return document.documentElement.getAttributeNames().length").await?, 9);
        assert_eq!(read_code(&browser.screenshot().await?, ".png").await?, waiting.code);
        assert_eq!((view.breaches().await?.len(), browser.console().await?.len()), (0, 0), "{user}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_under_another_name_of_its_host() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    view.browser.go(&format!("http://localhost:{}/pair/{USER}", server.port)).await?;
    let waiting = view.is("waiting").await?;
    assert!(waiting.code.starts_with(&server.url("/v2/")), "the code must keep the public URL: {}", waiting.code);
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, waiting.code);
    assert_eq!(view.breaches().await?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_its_code_names_the_public_address() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.set("sync.rotate_every", "60s");
    let server = builder.set("http.public_url", "https://sms.example.org").start().await?;
    let view = View::of(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    let path = session(USER, &waiting.sid()?);
    assert_eq!(waiting.code, format!("https://sms.example.org:443{path}"));
    assert_eq!(waiting.link, format!("apps://sms.example.org:443{path}"));
    assert_eq!(read_code(&view.browser.screenshot().await?, ".png").await?, waiting.code);
    assert!(view.loaded_from().await?.iter().all(|origin| *origin == server.url("")));
    assert_eq!(view.breaches().await?, [""; 0]);
    Phone::new()?.pair(&server, USER, &waiting.sid()?).await?;
    view.is("paired").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_it_shows_another_way() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    view.browser.devtools("Emulation.setScriptExecutionDisabled", json!({"value": true})).await?;
    for user in ["111", "a b", "what? #1 100%25 &amp; \\"] {
        view.open(&server, &segment(user)).await?;
        let (role, name) = view.browser.role_and_name(".plain a").await?;
        assert_eq!((role.as_str(), name.as_str()), ("link", "one code as a picture"));
        // what a user id holds must not end up in a shell
        assert_eq!(
            view.browser.run("return document.querySelector('.plain code').textContent").await?,
            "switchboard sync"
        );
        let link = view.browser.run("return document.querySelector('.plain a').getAttribute('href')").await?;
        assert_eq!(link, format!("/v2/sync/users/{}?format=svg", segment(user)));
        view.browser.click(".plain a").await?;
        let read = read_code(&view.browser.screenshot().await?, ".png").await?;
        assert!(read.starts_with(&server.url(&format!("/v2/sync/users/{}/sessions/", segment(user)))), "{read}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn its_link_can_be_copied() -> Result {
    let server = patient().await?;
    let view = View::new().await?;
    let grant = json!({"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": server.url("")});
    view.browser.devtools("Browser.grantPermissions", grant).await?;
    view.open(&server, USER).await?;
    let waiting = view.is("waiting").await?;
    view.browser.click("#copy").await?;
    let label = "return document.getElementById('copy').textContent";
    until("word of the copy", async || Ok((view.browser.run(label).await? == "Copied").then_some(()))).await?;
    assert_eq!(view.browser.run("return navigator.clipboard.readText()").await?, waiting.code);
    Ok(())
}
