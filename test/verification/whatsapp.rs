//! Codes by WhatsApp: by a template that the account's carrier has approved, in the nearest language, or not at all.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::{Builder, Carrier, Layout, Result, Server, until};
use crate::messages::{FROM, account, drained, number, quick};
use crate::on_both_engines;
use crate::operations::command::run;

const ANN: &str = "+12065550110";
const ENGLISH: &str = "HX0000000000000000000000000000000e";
const BRAZILIAN: &str = "HX000000000000000000000000000000bb";
const POLISH: &str = "HX0000000000000000000000000000009a";

/// The server, its carrier, and the one account there, with these settings.
async fn scene(layout: Layout, set: Value) -> Result<(Server, Carrier, String)> {
    let carrier = Carrier::start().await?;
    let server = quick(Builder::new(layout).await?, &carrier).start().await?;
    let account = account(&server, set).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "whatsapp"]})).await?;
    Ok((server, carrier, account))
}

fn wanted(locale: &str) -> Value {
    json!({"to": ANN, "channel": "whatsapp", "locale": locale})
}

async fn a_code_goes_into_the_nearest_template(layout: Layout) -> Result {
    let templates = json!({"whatsapp_templates": {"en": ENGLISH, "pt_br": BRAZILIAN, "pl": POLISH}});
    let (server, carrier, id) = scene(layout, templates).await?;
    let shown = well(&server, "GET", &format!("/v1/accounts/{id}"), None).await?;
    assert_eq!(shown["whatsapp_templates"], json!({"en": ENGLISH, "pt-BR": BRAZILIAN, "pl": POLISH}));
    // our own texts are in none but the first two of these; what has no template either is told in English
    let asked = [("en-GB", ENGLISH), ("pt", BRAZILIAN), ("pl-PL", POLISH), ("cs", ENGLISH)];
    for (nth, (locale, sid)) in asked.into_iter().enumerate() {
        well(&server, "POST", "/v1/verifications", Some(wanted(locale))).await?;
        let sent = until("a message", async || {
            let mut all = carrier.messages(None).await?;
            Ok((all.len() > nth).then(|| all.pop()).flatten())
        })
        .await?;
        assert_eq!((sent.to.as_str(), sent.from.as_deref()), ("whatsapp:+12065550110", Some("whatsapp:+15005550100")));
        assert_eq!(sent.other["ContentSid"], sid);
        let variables: Value = serde_json::from_str(&sent.other["ContentVariables"])?;
        let code = variables["1"].as_str().context("no code")?;
        ensure!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{variables}");
        assert_eq!(variables.as_object().map(serde_json::Map::len), Some(1), "nothing else is ours");
        drained(&server).await?;
    }
    let bodies = server.rows("SELECT body FROM sb_message ORDER BY id").await?.concat();
    ensure!(bodies.len() == 4 && bodies.iter().all(|body| body.contains("••••")), "{bodies:?}");
    Ok(())
}

async fn without_a_template_it_is_refused_by_name(layout: Layout) -> Result {
    let (server, carrier, id) = scene(layout, json!({"whatsapp_templates": {"en": ENGLISH}})).await?;
    let (status, answer) = call(&server, "POST", "/v1/verifications", Some(wanted("fr"))).await?;
    ensure!(status == 400 && text(&answer["detail"])?.contains("whatsapp_templates"), "{status} {answer}");
    ensure!(carrier.messages(None).await?.is_empty());
    // once it has one, it goes
    let change = json!({"whatsapp_templates": {"fr": BRAZILIAN}});
    well(&server, "PATCH", &format!("/v1/accounts/{id}"), Some(change)).await?;
    well(&server, "POST", "/v1/verifications", Some(wanted("fr"))).await?;
    let sent = until("a message", async || Ok(carrier.messages(None).await?.pop())).await?;
    assert_eq!(sent.other["ContentSid"], BRAZILIAN);
    Ok(())
}

async fn the_loopback_wants_no_template(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.start().await?;
    let account = crate::relay::loopback(&server).await?;
    number(&server, &account, FROM, json!({"capabilities": ["sms", "whatsapp"]})).await?;
    well(&server, "POST", "/v1/verifications", Some(wanted("en"))).await?;
    drained(&server).await?;
    let listed = well(&server, "GET", "/v1/loopback/messages", None).await?;
    let one = &listed["data"][0];
    ensure!(one["channel"] == "whatsapp" && text(&one["body"])?.contains(|c: char| c.is_ascii_digit()), "{one}");
    Ok(())
}

async fn what_is_no_template_is_refused_and_all_are_changed_at_once(layout: Layout) -> Result {
    let (server, _carrier, id) = scene(layout, json!({})).await?;
    let path = format!("/v1/accounts/{id}");
    assert_eq!(well(&server, "GET", &path, None).await?["whatsapp_templates"], json!({}));
    for wrong in [
        json!({"english": ENGLISH}),
        json!({"en": "HX"}),
        json!({"en": "MG0000000000000000000000000000000e"}),
        json!({"en": ENGLISH, "EN": ENGLISH}),
        json!({"en": null}),
        json!(["en"]),
    ] {
        let change = json!({"whatsapp_templates": wrong});
        let (status, answer) = call(&server, "PATCH", &path, Some(change)).await?;
        let field = answer["field"].as_str().unwrap_or_default();
        ensure!(status == 400 && field.starts_with("whatsapp_templates"), "{wrong}: {status} {answer}");
    }
    let of = async || -> Result<Value> { Ok(well(&server, "GET", &path, None).await?["whatsapp_templates"].clone()) };
    let (english, brazilian) = (format!("en={ENGLISH}"), format!("pt-BR={BRAZILIAN}"));
    let url = server.url("");
    let change = ["account", "change", &*id, "--url", &url, "--whatsapp-template"];
    let both = [&change[..], &[&*english, "--whatsapp-template", &*brazilian]].concat();
    run(server.builder(), &both).await?.well()?;
    assert_eq!(of().await?, json!({"en": ENGLISH, "pt-BR": BRAZILIAN}));
    // what says nothing of them changes none
    well(&server, "PATCH", &path, Some(json!({"name": "texts"}))).await?;
    assert_eq!(of().await?, json!({"en": ENGLISH, "pt-BR": BRAZILIAN}));
    well(&server, "PATCH", &path, Some(json!({"whatsapp_templates": {}}))).await?;
    assert_eq!(of().await?, json!({}));
    let wrong = run(server.builder(), &[&change[..], &["en"]].concat()).await?;
    ensure!(wrong.code == Some(2) && wrong.err.contains("language=SID"), "{wrong:?}");
    Ok(())
}

on_both_engines!(
    a_code_goes_into_the_nearest_template,
    without_a_template_it_is_refused_by_name,
    the_loopback_wants_no_template,
    what_is_no_template_is_refused_and_all_are_changed_at_once,
);
