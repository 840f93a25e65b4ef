//! Codes that are spoken: a key is pressed before a digit is said, and nothing but that one answer holds the code.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::model::template::{Locale, VoiceWords};

use crate::events::{call, text, well};
use crate::harness::carrier::TOKEN;
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::inbound::play::{PUBLIC, post_form, post_twilio};
use crate::messages::{FROM, account, number, quick, with};
use crate::on_both_engines;

const ANN: &str = "+12065550110";
/// A code of the caller's own: long enough to stand nowhere by chance.
const CODE: &str = "9081726354";
/// Another account at Twilio, and what it signs with.
const OTHER: (&str, &str) = ("AC00000000000000000000000000000077", "another-auth-token");

/// A server whose carrier places calls, and may ask it what they say.
struct CallScene {
    server: Server,
    carrier: Carrier,
}

impl CallScene {
    async fn open(layout: Layout) -> Result<Self> {
        let carrier = Carrier::start().await?;
        let builder = quick(Builder::new(layout).await?, &carrier).set("http.public_url", PUBLIC);
        let server = builder.set("verification.custom_codes", "true").start().await?;
        let account = account(&server, json!({})).await?;
        number(&server, &account, FROM, json!({"capabilities": ["sms", "voice"]})).await?;
        Ok(Self { server, carrier })
    }

    /// Asks for a call with the one code; the verification.
    async fn place(&self, set: Value) -> Result<Value> {
        let body = with(json!({"to": ANN, "channel": "call", "code": CODE}), set);
        well(&self.server, "POST", "/v1/verifications", Some(body)).await
    }

    /// What the last of so many calls says at first.
    async fn beginning(&self, calls: usize) -> Result<String> {
        until("a call", async || {
            let all = self.carrier.messages(Some(ANN)).await?;
            let placed: Vec<_> = all.into_iter().filter(|one| one.sid.starts_with("CA")).collect();
            Ok((placed.len() == calls).then(|| placed.last().map(|one| one.body.clone())).flatten())
        })
        .await
    }

    /// What is answered of a key that was pressed there, or was not.
    async fn press(&self, path: &str, digits: Option<&str>) -> Result<(u16, String)> {
        let form: Vec<_> = [("CallSid", "CA1")].into_iter().chain(digits.map(|digits| ("Digits", digits))).collect();
        post_twilio(&self.server, path, &form, TOKEN).await
    }
}

/// Where a document says that it goes on, behind our own address.
fn next(twiml: &str) -> Result<String> {
    let inside = |begin: &str, end: &str| twiml.split_once(begin)?.1.split_once(end).map(|(found, _)| found);
    let found = inside("action=\"", "\"").or_else(|| inside("<Redirect method=\"POST\">", "<"));
    let url = found.context("it goes on nowhere")?.replace("&amp;", "&");
    // our own address is written with its port
    let path = url.strip_prefix(PUBLIC).context("it goes on elsewhere")?;
    Ok(path.strip_prefix(":443").unwrap_or(path).to_owned())
}

fn spoken(locale: Locale) -> String {
    VoiceWords::of(locale).spoken(CODE)
}

async fn a_key_is_pressed_before_a_digit_is_spoken(layout: Layout) -> Result {
    let scene = CallScene::open(layout).await?;
    for (nth, locale) in [Locale::En, Locale::Fr, Locale::Ar, Locale::Sw].into_iter().enumerate() {
        let words = VoiceWords::of(locale);
        let made = scene.place(json!({"locale": locale.name(), "name": "Acme & Co"})).await?;
        let twiml = scene.beginning(nth + 1).await?;
        let asked = format!("<Say language=\"{}\">Acme &amp; Co. {}</Say>", words.language, words.press_key);
        assert_eq!(twiml.matches(&asked).count(), 2, "{twiml}");
        ensure!(!twiml.contains(CODE) && words.digits.iter().all(|digit| !twiml.contains(&format!(">{digit}."))));
        let path = next(&twiml)?;
        let (status, silence) = scene.press(&path, None).await?;
        ensure!(status == 200 && !silence.contains(&spoken(locale)) && silence.contains(words.goodbye), "{silence}");
        for key in ["5", "#"] {
            let (status, said) = scene.press(&path, Some(key)).await?;
            ensure!(status == 200 && said.matches(&spoken(locale)).count() == 2, "{status} {said}");
            ensure!(said.contains(words.your_code) && said.contains(words.again) && !said.contains(CODE), "{said}");
        }
        let path = format!("/v1/verifications/{}", text(&made["id"])?);
        well(&scene.server, "DELETE", &path, None).await?;
    }
    ensure!(!scene.server.log()?.contains(CODE), "no code is logged");
    Ok(())
}

async fn it_goes_on_at_once_where_its_service_wants_no_key(layout: Layout) -> Result {
    let scene = CallScene::open(layout).await?;
    let service = json!({"name": "Acme", "key_press": false, "custom_code": true});
    let service = well(&scene.server, "POST", "/v1/verification-services", Some(service)).await?;
    scene.place(json!({"service": service["id"]})).await?;
    let twiml = scene.beginning(1).await?;
    ensure!(!twiml.contains("<Gather") && !twiml.contains(CODE), "{twiml}");
    let (status, said) = scene.press(&next(&twiml)?, None).await?;
    ensure!(status == 200 && said.matches(&spoken(Locale::En)).count() == 2, "{status} {said}");
    Ok(())
}

async fn nobody_but_its_carrier_hears_it(layout: Layout) -> Result {
    let scene = CallScene::open(layout).await?;
    let credentials = json!({"account_sid": OTHER.0, "auth_token": OTHER.1});
    let other = json!({"provider": "twilio", "credentials": credentials, "check": false});
    well(&scene.server, "POST", "/v1/accounts", Some(other)).await?;
    scene.place(json!({})).await?;
    let path = next(&scene.beginning(1).await?)?;
    let form = [("CallSid", "CA1"), ("Digits", "5")];
    let elsewhere = format!("/verify-call/{}?locale=en", "0".repeat(32));
    for (path, token, wanted) in [
        (&path, "wrong-token", 403),
        (&path, OTHER.1, 404),
        (&elsewhere, TOKEN, 404),
        (&"/verify-call/nothing".to_owned(), TOKEN, 404),
    ] {
        let (status, said) = post_twilio(&scene.server, path, &form, token).await?;
        ensure!(status == wanted && !said.contains(&spoken(Locale::En)), "{path}: {status} {said}");
    }
    // what was signed of one path says nothing of another
    let fields: Vec<(String, String)> = form.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let signature = crate::harness::carrier::signature::sign(TOKEN, &format!("{PUBLIC}{elsewhere}"), &fields);
    assert_eq!(post_form(&scene.server, &path, &fields, &signature).await?.0, 403);
    let unsigned = scene.server.http.post(scene.server.url(&path)).body("Digits=5").send().await?;
    assert_eq!(unsigned.status(), 400);
    let fetched = scene.server.http.get(scene.server.url(&path)).send().await?;
    assert_eq!(fetched.status(), 405);
    let (status, said) = scene.press(&path, Some("1")).await?;
    ensure!(status == 200 && said.contains(&spoken(Locale::En)), "{status} {said}");
    Ok(())
}

async fn what_is_over_is_spoken_no_more(layout: Layout) -> Result {
    let scene = CallScene::open(layout).await?;
    let made = scene.place(json!({})).await?;
    let path = next(&scene.beginning(1).await?)?;
    well(&scene.server, "DELETE", &format!("/v1/verifications/{}", text(&made["id"])?), None).await?;
    let (status, said) = scene.press(&path, Some("5")).await?;
    ensure!(status == 200 && !said.contains(&spoken(Locale::En)), "{status} {said}");
    // nor once its time is over
    scene.place(json!({})).await?;
    let path = next(&scene.beginning(2).await?)?;
    crate::relay::scene::tamper(&scene.server, "UPDATE sb_verification SET expires_ms = created_ms").await?;
    let (status, said) = scene.press(&path, Some("5")).await?;
    ensure!(status == 200 && !said.contains(&spoken(Locale::En)), "{status} {said}");
    Ok(())
}

async fn a_call_speaks_the_code_that_was_texted(layout: Layout) -> Result {
    let scene = CallScene::open(layout).await?;
    let texted = json!({"to": ANN, "channel": "sms", "code_length": 10});
    let first = well(&scene.server, "POST", "/v1/verifications", Some(texted)).await?;
    let sent = until("a text", async || Ok(scene.carrier.messages(Some(ANN)).await?.pop())).await?;
    let code = sent.body.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 10).context("no code")?;
    let called = json!({"to": ANN, "channel": "call"});
    let again = well(&scene.server, "POST", "/v1/verifications", Some(called)).await?;
    assert_eq!(first["id"], again["id"]);
    let (status, said) = scene.press(&next(&scene.beginning(1).await?)?, Some("5")).await?;
    let wanted = VoiceWords::of(Locale::En).spoken(code);
    ensure!(status == 200 && said.matches(&wanted).count() == 2, "{status} {said}");
    Ok(())
}

async fn without_a_public_address_there_are_no_calls(layout: Layout) -> Result {
    let carrier = Carrier::start().await?;
    let server = quick(Builder::new(layout).await?, &carrier).start().await?;
    let account = account(&server, json!({})).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "voice"]})).await?;
    let wanted = json!({"to": ANN, "channel": "call"});
    let (status, answer) = call(&server, "POST", "/v1/verifications", Some(wanted)).await?;
    ensure!(status == 400 && text(&answer["detail"])?.contains("http.public_url"), "{status} {answer}");
    ensure!(carrier.messages(None).await?.is_empty());
    let kept = server.rows("SELECT (SELECT COUNT(*) FROM sb_verification) + (SELECT COUNT(*) FROM sb_message)").await?;
    assert_eq!(kept.concat(), ["0"], "nothing is left of it");
    Ok(())
}

on_both_engines!(
    a_key_is_pressed_before_a_digit_is_spoken,
    it_goes_on_at_once_where_its_service_wants_no_key,
    nobody_but_its_carrier_hears_it,
    what_is_over_is_spoken_no_more,
    a_call_speaks_the_code_that_was_texted,
    without_a_public_address_there_are_no_calls,
);
