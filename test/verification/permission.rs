//! Whom something may be sent to: the operator's rules, and what a client narrows them to.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::events::{call, text, well};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::relay::acts::Shown::Made;
use crate::relay::acts::{Act, act, on};
use crate::relay::client::{By, ask};
use crate::relay::scene::{self, act_well, at_rest, balance, customer, everything};
use crate::snapshots::hold_inline;

const RULES: &str = "/v1/guard/countries";
const OPERATOR: &str = "cli_00000000000000000000000000000001";
/// A personal number, which costs what a premium one does.
const PERSONAL: &str = "+447012345678";

/// What is done to everybody's rules.
pub fn acts() -> Vec<Act> {
    vec![on(OPERATOR, act("PUT", RULES, &[], json!({"premium": ["uan"]}), "guard.countries", Made))]
}

fn named(detail: &str) -> String {
    format!("{detail} (/v1/guard/countries)")
}

async fn rules_are_everybody_s_or_a_client_s_own(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let client = crate::relay::client(&server, "1").await?;
    let first = json!({"countries": null, "prefixes": [], "refused_prefixes": [], "premium": null, "messages": false});
    hold_inline(&["Permissions"], &well(&server, "GET", RULES, None).await?, &first)?;
    let rules = json!({"countries": ["us", "DE"], "prefixes": ["+4470"], "refused_prefixes": ["+1242"],
        "premium": ["personal"], "messages": true});
    let put = act_well(&server, &client.id, "PUT", RULES, Some(rules)).await?;
    let wanted = json!({"countries": ["DE", "US"], "prefixes": ["+4470"], "refused_prefixes": ["+1242"],
        "premium": ["personal"], "messages": true});
    ensure!(put == wanted, "{put}");
    ensure!(act_well(&server, &client.id, "GET", RULES, None).await? == wanted);
    ensure!(well(&server, "GET", RULES, None).await? == first, "those of others are as they were");

    // a client reads its own by a key, and changes them by its token
    let (status, _, seen) = ask(&server, By::Proxy(&client.key), "GET", RULES, None).await?;
    ensure!(status == 200 && seen == wanted, "{status} {seen}");
    let (status, ..) = ask(&server, By::Proxy(&client.key), "PUT", RULES, Some(json!({}))).await?;
    ensure!(status == 403, "{status}");
    let (status, _, seen) = ask(&server, By::Basic(&client.sid, &client.token), "PUT", RULES, Some(json!({}))).await?;
    ensure!(status == 200 && seen == first, "{status} {seen}");

    for (body, field) in [
        (json!({"countries": ["UK"]}), "countries[0]"),
        (json!({"countries": "US"}), "countries"),
        (json!({"prefixes": ["44"]}), "prefixes"),
        (json!({"refused_prefixes": ["+"]}), "refused_prefixes"),
        (json!({"premium": ["mobile"]}), "premium"),
    ] {
        let (status, problem) = call(&server, "PUT", RULES, Some(body.clone())).await?;
        ensure!(status == 400 && problem["field"] == field, "{body}: {status} {problem}");
    }
    Ok(())
}

/// A text of a client's: status and answer.
async fn texted(server: &Server, client: &str, to: &str) -> Result<(u16, Value)> {
    scene::act(server, client, "POST", "/v1/messages", Some(json!({"to": to, "body": "hello"}))).await
}

async fn plain_messages_are_held_to_them_where_their_client_wants_it(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    let (client, other) = (customer(&server, "10", json!({})).await?, customer(&server, "10", json!({})).await?);
    ensure!(texted(&server, &client, PERSONAL).await?.0 == 202, "nobody has said anything");
    act_well(&server, &client, "PUT", RULES, Some(json!({"countries": ["US", "GB"], "messages": true}))).await?;
    well(&server, "PUT", RULES, Some(json!({"countries": ["US", "FR"]}))).await?;
    at_rest(&server, 0).await?;
    let before = balance(&server, &client).await?;
    let country =
        |name: &str, whose: &str| named(&format!("{name} is not allowed: it is not among {whose}`countries`"));
    for (to, detail) in [
        (PERSONAL, named("this number costs more than others (personal), and `premium`") + " does not name that"),
        ("+33612345678", country("FR", "this client's ")),
        ("+447400123456", country("GB", "")),
        ("+447797712345", country("JE", "")),
    ] {
        let (status, problem) = texted(&server, &client, to).await?;
        ensure!(status == 403 && problem["detail"] == detail.as_str(), "{to}: {status} {problem}");
    }
    ensure!(balance(&server, &client).await? == before, "what is refused costs nothing");
    ensure!(texted(&server, &client, "+14155550100").await?.0 == 202);
    ensure!(texted(&server, &other, "+447400123456").await?.0 == 202, "it has not asked for it");

    // the doors of older systems say it in their words
    let account = client.replace("cli_", "AC");
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let request = server.http.post(server.url(&path)).bearer_auth(crate::harness::ADMIN);
    let form = [("To", "+33612345678"), ("From", "+15005550100"), ("Body", "hello")];
    let answer = request.header("switchboard-client", &client).form(&form).send().await?;
    let (status, said) = (answer.status(), answer.json::<Value>().await?);
    ensure!(status == 403 && said["code"] == 21408, "{status} {said}");
    at_rest(&server, 0).await
}

/// A code for a number: status and answer.
async fn asked(server: &Server, client: &str, body: Value) -> Result<(u16, Value)> {
    scene::act(server, client, "POST", "/v1/verifications", Some(body)).await
}

async fn codes_go_only_where_they_may(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let before = balance(&server, &client).await?;
    let (status, problem) = asked(&server, &client, json!({"to": PERSONAL})).await?;
    let dear = named("this number costs more than others (personal), and `premium`") + " does not name that";
    ensure!(status == 403 && problem["detail"] == dear.as_str(), "by default: {status} {problem}");
    well(&server, "PUT", RULES, Some(json!({"countries": ["US", "GB"]}))).await?;
    let (status, problem) = asked(&server, &client, json!({"to": "+33612345678"})).await?;
    let wanted = named("FR is not allowed: it is not among `countries`");
    ensure!(status == 403 && problem["detail"] == wanted.as_str(), "{status} {problem}");
    ensure!(balance(&server, &client).await? == before, "nothing is charged");
    ensure!(asked(&server, &client, json!({"to": "+447400123456"})).await?.0 == 201);
    well(&server, "PUT", RULES, Some(json!({"countries": ["US"], "prefixes": ["+4470"]}))).await?;
    let (status, answer) = asked(&server, &client, json!({"to": PERSONAL})).await?;
    ensure!(status == 201, "a prefix goes before its country and before what it costs: {status} {answer}");
    at_rest(&server, 0).await
}

async fn fixed_lines_get_texts_unless_their_service_skips_them(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    let fixed = "+442079460018";
    ensure!(asked(&server, &client, json!({"to": fixed})).await?.0 == 201);
    let new = json!({"name": "shop", "skip_sms_to_landlines": true});
    let service = text(&act_well(&server, &client, "POST", "/v1/verification-services", Some(new)).await?["id"])?;
    let (status, problem) = asked(&server, &client, json!({"to": fixed, "service": service})).await?;
    ensure!(status == 403 && text(&problem["detail"])?.contains("fixed line"), "{status} {problem}");
    ensure!(asked(&server, &client, json!({"to": "+447400123456", "service": service})).await?.0 == 201);
    at_rest(&server, 0).await
}

on_both_engines!(
    rules_are_everybody_s_or_a_client_s_own,
    plain_messages_are_held_to_them_where_their_client_wants_it,
    codes_go_only_where_they_may,
    fixed_lines_get_texts_unless_their_service_skips_them,
);
