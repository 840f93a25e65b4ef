//! The last line of a text, read as browsers read it: by the algorithm of origin-bound one-time codes, and by
//! Chromium's own expression.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use anyhow::{Context as _, ensure};
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};
use switchboard::model::template::{Autofill, Locale, ShippedText, TextValues, fill};
use switchboard::model::verification::CODE_MARK;

use crate::events::{call, well};
use crate::harness::{Layout, Result, Server, until};
use crate::messages::with;
use crate::on_both_engines;
use crate::relay::scene::everything;

const HASH: &str = "FA+9qCX9VSu";

/// `kOtpFormatRegex` of `content/browser/sms/sms_parser.cc` in Chromium (2024): its pieces, joined.
static CHROMIUM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?:^|\s)@([a-zA-Z0-9.-]+) #([^#\s]+)(?: @([a-zA-Z0-9.-]+))?").ok());

/// What a text binds a code to.
#[derive(Debug, PartialEq, Eq)]
struct BoundCode {
    host: String,
    code: String,
    embedded: Option<String>,
}

/// What Chromium takes: the first place that fits, anywhere.
fn by_chromium(text: &str) -> Option<BoundCode> {
    let found = CHROMIUM.as_ref()?.captures(text)?;
    let group = |nth: usize| found.get(nth).map(|group| group.as_str().to_owned());
    Some(BoundCode { host: group(1)?, code: group(2)?, embedded: group(3) })
}

/// "Extract a marked token" of <https://wicg.github.io/sms-one-time-codes/#parsing>.
fn marked_token(line: &[char], position: &mut usize, marker: char) -> Option<String> {
    if line.get(*position) != Some(&marker) {
        return None;
    }
    *position += 1;
    let is_white = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ');
    let token: String = line.get(*position..)?.iter().copied().take_while(|c| !is_white(*c)).collect();
    *position += token.chars().count();
    (!token.is_empty()).then_some(token)
}

/// "Parse an origin-bound one-time code message" of the same, step by step.
fn by_the_algorithm(text: &str) -> Option<BoundCode> {
    // the last line: newlines are normalised, then strictly split on
    let normal = text.replace("\r\n", "\n").replace('\r', "\n");
    let line: Vec<char> = normal.split('\n').next_back()?.chars().collect();
    let mut position = 0;
    let host = marked_token(&line, &mut position, '@')?;
    if line.get(position) != Some(&' ') {
        return None;
    }
    position += 1;
    let code = marked_token(&line, &mut position, '#')?;
    let mut embedded = None;
    if line.get(position) == Some(&' ') {
        position += 1;
        embedded = marked_token(&line, &mut position, '@');
    }
    Some(BoundCode { host, code, embedded })
}

fn bound(host: &str, code: &str) -> BoundCode {
    BoundCode { host: host.to_owned(), code: code.to_owned(), embedded: None }
}

#[test]
fn the_readers_read_what_their_authors_say() {
    // examples of the report, and of Chromium's own tests
    for (text, host, code) in [
        ("747723 is your ExampleCo authentication code.\n\n@example.com #747723", "example.com", "747723"),
        ("Your OTP is: 1234ABC.\n@example.com #12345", "example.com", "12345"),
        ("@example.com #747723 ignored", "example.com", "747723"),
    ] {
        assert_eq!(by_the_algorithm(text), Some(bound(host, code)), "{text}");
        assert_eq!(by_chromium(text), Some(bound(host, code)), "{text}");
    }
    let framed = BoundCode { embedded: Some("ecommerce.example".to_owned()), ..bound("example.com", "747723") };
    let text = "@example.com #747723 @ecommerce.example";
    assert_eq!((by_the_algorithm(text), by_chromium(text).is_some_and(|one| one == framed)), (Some(framed), true));
    for text in ["", "@example.com", "!example.com #1234", "@example.com  #1", "@ #1", "@a #", "@a #1\n"] {
        assert_eq!(by_the_algorithm(text), None, "{text}");
    }
    assert_eq!(by_chromium("Your OTP is: 1234.\n!example.com #1234"), None);
}

proptest! {
    #[test]
    fn every_shipped_text_is_read_by_both(
        name in "[A-Za-zÀ-ž .&'-]{0,30}",
        host in "[a-z][a-z0-9]{0,8}(\\.[a-z0-9]{1,8}){0,2}\\.[a-z]{2,6}",
        code in "[0-9]{4,10}",
        has_app in any::<bool>(),
    ) {
        let autofill = Autofill::read(Some(&host), has_app.then_some(HASH));
        prop_assert!(autofill.is_ok(), "{} is refused", host);
        let line = autofill.ok().and_then(|autofill| autofill.line()).unwrap_or_default();
        for locale in Locale::ALL {
            let shipped = ShippedText::of(locale);
            for words in [shipped.body, shipped.short] {
                let filled = fill(words, TextValues { name: &name, minutes: 10 }, |_| None).unwrap_or_default();
                let text = format!("{filled}\n{line}").replace(CODE_MARK, &code);
                prop_assert_eq!(by_the_algorithm(&text), Some(bound(&host, &code)));
                prop_assert_eq!(by_chromium(&text), Some(bound(&host, &code)));
                prop_assert!(!has_app || text.ends_with(HASH));
            }
        }
    }
}

/// The text that a person was sent last.
async fn texted(server: &Server, to: &str) -> Result<String> {
    let path = format!("/v1/loopback/messages?to=%2B{}", &to[1..]);
    until("the text of a code", async || {
        let sent = well(server, "GET", &path, None).await?;
        Ok(sent["data"][0]["body"].as_str().map(str::to_owned))
    })
    .await
}

/// A server that sends everything by the loopback.
async fn sending(layout: Layout) -> Result<Server> {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    Ok(server)
}

async fn verify(server: &Server, to: &str, set: Value) -> Result<Value> {
    well(server, "POST", "/v1/verifications", Some(with(json!({"to": to, "name": "Acme"}), set))).await
}

async fn a_code_arrives_with_its_line_in_three_languages(layout: Layout) -> Result {
    let server = sending(layout).await?;
    let mut said = BTreeSet::new();
    for (to, begin) in [
        ("+12065550110", "Your Acme verification code is: "),
        ("+33612345678", "Votre code de vérification Acme est : "),
        ("+919812345678", "आपका Acme सत्यापन कोड "),
    ] {
        let bind = json!({"web_otp_host": "Shop.Example", "app_hash": HASH});
        verify(&server, to, bind).await?;
        let text = texted(&server, to).await?;
        ensure!(text.starts_with(begin) && text.ends_with(&format!(" {HASH}")), "{text}");
        let read = by_the_algorithm(&text).with_context(|| format!("not read: {text}"))?;
        ensure!(read == bound("shop.example", &read.code), "{read:?}");
        ensure!(by_chromium(&text).as_ref() == Some(&read), "{text}");
        ensure!(read.code.len() == 6 && text.matches(&read.code).count() == 2, "{text}");
        let body = json!({"to": to, "code": read.code});
        let checked = well(&server, "POST", "/v1/verifications/check", Some(body)).await?;
        ensure!(checked["status"] == "approved", "{checked}");
        said.insert(text);
    }
    ensure!(said.len() == 3, "{said:?}");
    Ok(())
}

async fn a_template_tells_a_code_in_its_own_words(layout: Layout) -> Result {
    let server = sending(layout).await?;
    let template = async |locale: &str, body: &str| {
        let new = json!({"name": "order", "locale": locale, "body": body});
        well(&server, "POST", "/v1/verification-templates", Some(new)).await
    };
    let english = template("en", "{code} opens order {order}. It is good for {minutes} min. {name}").await?;
    template("de", "{code} ist für Auftrag {order}, {name}").await?;
    let terms = json!({"template": english["id"], "substitutions": {"order": "{code} A-7"}, "ttl": "45s"});
    for (to, rest) in [
        ("+12065550111", " opens order {code} A-7. It is good for 1 min. Acme"),
        ("+491712345678", " ist für Auftrag {code} A-7, Acme"),
        // in no language of ours: the one that was named
        ("+819012345678", " opens order {code} A-7. It is good for 1 min. Acme"),
    ] {
        verify(&server, to, terms.clone()).await?;
        let text = texted(&server, to).await?;
        let (code, words) = text.split_at_checked(6).context("no code")?;
        ensure!(code.bytes().all(|b| b.is_ascii_digit()) && words == rest, "{text}");
    }
    let to = "+12065550119";
    for (field, wrong) in [
        ("template", json!({"template": format!("vtp_{}", "0".repeat(31) + "f")})),
        ("substitutions", json!({"template": english["id"]})),
        ("substitutions", json!({"substitutions": {"code": "1"}})),
        ("locale", json!({"locale": "English"})),
        ("web_otp_host", json!({"web_otp_host": "https://shop.example"})),
        ("app_hash", json!({"app_hash": "short"})),
    ] {
        let body = with(json!({ "to": to }), wrong);
        let (status, problem) = call(&server, "POST", "/v1/verifications", Some(body.clone())).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    let sent = well(&server, "GET", &format!("/v1/loopback/messages?to=%2B{}", &to[1..]), None).await?;
    ensure!(sent["data"] == json!([]), "{sent}");
    Ok(())
}

async fn a_code_goes_out_again_though_its_template_is_gone(layout: Layout) -> Result {
    let server = sending(layout).await?;
    let new = json!({"name": "short", "locale": "en", "body": "It is {code}"});
    let template = well(&server, "POST", "/v1/verification-templates", Some(new)).await?;
    let to = "+12065550112";
    let made = verify(&server, to, json!({"template": template["id"]})).await?;
    let first = texted(&server, to).await?;
    let code = first.strip_prefix("It is ").with_context(|| first.clone())?;
    let path = |one: &Value| one["id"].as_str().map(str::to_owned).context("no id");
    let (status, _) =
        call(&server, "DELETE", &format!("/v1/verification-templates/{}", path(&template)?), None).await?;
    ensure!(status == 204, "{status}");
    well(&server, "POST", &format!("/v1/verifications/{}/resend", path(&made)?), None).await?;
    let wanted = format!("Your Acme verification code is: {code}");
    until("the second text", async || Ok((texted(&server, to).await? == wanted).then_some(()))).await
}

on_both_engines!(
    a_code_arrives_with_its_line_in_three_languages,
    a_code_goes_out_again_though_its_template_is_gone,
    a_template_tells_a_code_in_its_own_words,
);
