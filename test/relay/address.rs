//! Every door reads a number as every other does: formatted, national, dialled abroad; and refuses it in the same
//! words.

mod table;

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use self::table::{NUMBERS, REFUSED};
use super::scene::{act, act_well, everything};
use super::{Client, client};
use crate::events::{call, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A client of each country, with money and a number of its own from which it sends.
struct Doors {
    server: Server,
    account: String,
    clients: HashMap<&'static str, (Client, String)>,
}

impl Doors {
    async fn open(layout: Layout) -> Result<Self> {
        let server = Builder::new(layout).await?.start().await?;
        let account = everything(&server).await?;
        let mut doors = Self { server, account, clients: HashMap::new() };
        for (at, country) in ["", "US", "GB", "NO", "DE", "IT", "CN"].into_iter().enumerate() {
            doors.add(country, &format!("+1500555020{at}")).await?;
        }
        Ok(doors)
    }

    async fn add(&mut self, country: &'static str, number: &str) -> Result {
        let client = client(&self.server, "1000").await?;
        let path = format!("/v1/clients/{}", client.id);
        let wanted = if country.is_empty() { Value::Null } else { country.into() };
        let changed = well(&self.server, "PATCH", &path, Some(json!({"country": wanted}))).await?;
        ensure!(changed["country"] == wanted, "{changed}");
        let new = json!({"number": number, "account_id": self.account, "capabilities": ["sms"]});
        act_well(&self.server, &client.id, "POST", "/v1/numbers", Some(new)).await?;
        self.clients.insert(country, (client, number.to_owned()));
        Ok(())
    }

    fn of(&self, country: &str) -> Result<&(Client, String)> {
        self.clients.get(country).with_context(|| format!("no client of {country}"))
    }

    /// Posts a body to a path of the relay or of Twilio; status and answer.
    async fn post(&self, request: reqwest::RequestBuilder, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let response = request.send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    /// What each door says of it: its name, and the number, or why it is none.
    async fn ask(&self, text: &str, country: &str) -> Result<Vec<(&'static str, std::result::Result<String, String>)>> {
        let (client, number) = self.of(country)?;
        let server = &self.server;
        let said = |status: u16, answer: &Value, number: &str, reason: &str| {
            let of = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            if status < 300 { Ok(of(number)) } else { Err(format!("{status} {}", of(reason))) }
        };
        let mut all = Vec::new();
        let body = json!({"to": text, "body": "x"});
        let (status, answer) = act(server, &client.id, "POST", "/v1/messages", Some(body)).await?;
        all.push(("messages", said(status, &answer, "to", "detail")));
        let query = format!("/v1/routes/explain?to={}&client={}", encoded(text), client.id);
        let (status, answer) = call(server, "GET", &query, None).await?;
        all.push(("explain", said(status, &answer, "to", "detail")));
        let opt_out = format!("/v1/opt-outs/{}/{}", encoded(number), encoded(text));
        let (status, answer) = act(server, &client.id, "PUT", &opt_out, Some(json!({"is_out": false}))).await?;
        all.push(("opt-outs", said(status, &answer, "person", "detail")));
        let twilio = server.url(&format!("/2010-04-01/Accounts/{}/Messages.json", client.sid));
        let twilio = server.http.post(twilio).basic_auth(&client.sid, Some(&client.token));
        let (status, answer) = self.post(twilio, &[("To", text), ("Body", "x")]).await?;
        ensure!(status < 300 || answer["code"] == 21211, "{text}: {answer}");
        all.push(("twilio", said(status, &answer, "to", "message")));
        for is_form in [true, false] {
            let relay = server.http.post(server.url("/relay/sms")).bearer_auth(&client.key);
            let (status, answer) = if is_form {
                self.post(relay, &[("To", text), ("Body", "x")]).await?
            } else {
                let response = relay.json(&json!({"To": text, "Body": "x"})).send().await?;
                (response.status().as_u16(), response.json().await?)
            };
            let said = match answer["sid"].as_str() {
                Some(name) => {
                    let path = format!("/v1/messages/msg_{}", name.get(2..).unwrap_or_default());
                    Ok(act_well(server, &client.id, "GET", &path, None).await?["to"]
                        .as_str()
                        .unwrap_or_default()
                        .into())
                }
                None => said(status, &answer, "", "error"),
            };
            all.push((if is_form { "relay, a form" } else { "relay" }, said));
        }
        Ok(all)
    }
}

async fn every_door_reads_the_same(layout: Layout) -> Result {
    let doors = Doors::open(layout).await?;
    let mut wrong = Vec::new();
    for (text, country, wanted) in NUMBERS {
        for (door, said) in doors.ask(text, country).await? {
            if said.as_deref() != Ok(*wanted) {
                wrong.push(format!("{door}: {text:?} under {country:?} is {said:?}, not {wanted}"));
            }
        }
    }
    for (text, country, reason) in REFUSED {
        for (door, said) in doors.ask(text, country).await? {
            let is_so = said.as_ref().is_err_and(|said| said.starts_with("400") && said.contains(reason));
            if !is_so {
                wrong.push(format!("{door}: {text:?} under {country:?} is {said:?}, not refused with {reason:?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    lists_are_searched_in_the_same_forms(&doors).await?;
    channels_are_named(&doors).await?;
    senders_are_read_too(&doors).await
}

async fn lists_are_searched_in_the_same_forms(doors: &Doors) -> Result {
    let (client, number) = doors.of("GB")?;
    let server = &doors.server;
    let count = async |path: &str| -> Result<usize> {
        let list = act_well(server, &client.id, "GET", path, None).await?;
        Ok(list["data"].as_array().map_or(0, Vec::len))
    };
    let of = "/v1/messages?limit=100&";
    let wanted = count(&format!("{of}to=%2B447700900123")).await?;
    ensure!(wanted > 0);
    // a plus that was not encoded arrives as a blank
    for to in ["07700%20900123", "+447700900123", "%2B44%20(0)7700%20900123", "447700900123;", "tel:+447700900123"] {
        let found = act(server, &client.id, "GET", &format!("{of}to={to}"), None).await?;
        let expected = if to.ends_with(';') { (400, None) } else { (200, Some(wanted)) };
        let found = (found.0, found.1["data"].as_array().map(Vec::len));
        ensure!(found == expected, "{to}: {found:?}");
    }
    ensure!(count(&format!("{of}number=07700900123&channel=sms")).await? == wanted);
    ensure!(count(&format!("{of}to=whatsapp:07700900123")).await? == 0, "a channel that is named narrows");
    let (status, _) = act(server, &client.id, "GET", &format!("{of}to=whatsapp:07700900123&channel=sms"), None).await?;
    ensure!(status == 400);
    let from = number.trim_start_matches('+');
    ensure!(count(&format!("{of}from={from}&to=07700900123")).await? == wanted, "its own number, bare");
    ensure!(count("/v1/opt-outs?person=07700%20900123").await? == 1);
    ensure!(count(&format!("/v1/opt-outs?person=0044%207700%20900123&number=+{from}")).await? == 1);
    let twilio = format!("/2010-04-01/Accounts/{}/Messages.json?PageSize=100&To=", client.sid);
    for (to, found) in [("+447700900123", wanted), ("07700%20900123", wanted), ("whatsapp:07700900123", 0)] {
        let request =
            server.http.get(server.url(&format!("{twilio}{to}"))).basic_auth(&client.sid, Some(&client.token));
        let list: Value = request.send().await?.json().await?;
        ensure!(list["messages"].as_array().map(Vec::len) == Some(found), "{to}: {list}");
    }
    Ok(())
}

async fn channels_are_named(doors: &Doors) -> Result {
    let (client, number) = doors.of("US")?;
    let server = &doors.server;
    for (to, channel, said) in [
        ("WhatsApp: +1 202 555 0150", Value::Null, Ok("whatsapp")),
        ("WHATSAPP:2025550150", "whatsapp".into(), Ok("whatsapp")),
        ("sms:2025550150", Value::Null, Ok("sms")),
        ("tel:2025550150", "whatsapp".into(), Ok("whatsapp")),
        ("whatsapp:+12025550150", "sms".into(), Err("another channel")),
        ("sms:+12025550150", "whatsapp".into(), Err("another channel")),
    ] {
        let query = format!("/v1/routes/explain?client={}&to={}", client.id, encoded(to));
        let query = channel.as_str().map_or(query.clone(), |channel| format!("{query}&channel={channel}"));
        let (status, answer) = call(server, "GET", &query, None).await?;
        match said {
            Ok(channel) => ensure!(status == 200 && answer["channel"] == channel, "{to}: {answer}"),
            Err(words) => {
                ensure!(
                    status == 400 && answer["detail"].as_str().is_some_and(|it| it.contains(words)),
                    "{to}: {answer}"
                );
            }
        }
    }
    let call = json!({"to": "whatsapp:+12025550150", "twiml": "<Response/>"});
    let (status, answer) = act(server, &client.id, "POST", "/v1/calls", Some(call)).await?;
    ensure!(status == 400 && answer["field"] == "to", "{answer}");
    // a number of ours names its channel too
    let of_chats = encoded(&format!("WhatsApp:{number}"));
    for (person, said, wanted) in [
        ("+12025550177", Value::Null, (200, "whatsapp")),
        ("+12025550177", "whatsapp".into(), (200, "whatsapp")),
        ("whatsapp:+12025550177", Value::Null, (200, "whatsapp")),
        ("sms:+12025550177", Value::Null, (400, "number")),
        ("+12025550177", "sms".into(), (400, "number")),
    ] {
        let mut change = json!({"is_out": false});
        if !said.is_null() {
            change["channel"] = said;
        }
        let path = format!("/v1/opt-outs/{of_chats}/{}", encoded(person));
        let (status, answer) = act(server, &client.id, "PUT", &path, Some(change)).await?;
        let shown = if status == 200 { &answer["channel"] } else { &answer["field"] };
        ensure!((status, shown.as_str()) == (wanted.0, Some(wanted.1)), "{person}: {answer}");
    }
    for (capability, wanted) in [("sms", 400), ("voice", 400), ("whatsapp", 201)] {
        let new = json!({"number": "whatsapp:2025550188", "account_id": doors.account, "capabilities": [capability]});
        let (status, answer) = act(server, &client.id, "POST", "/v1/numbers", Some(new)).await?;
        ensure!(status == wanted && (status == 201 || answer["field"] == "number"), "{capability}: {answer}");
    }
    Ok(())
}

async fn senders_are_read_too(doors: &Doors) -> Result {
    let (client, number) = doors.of("US")?;
    let server = &doors.server;
    let bare = number.trim_start_matches("+1");
    let spaced = format!(" +1 ({}) {} ", &bare[..3], &bare[3..]);
    for from in [number.as_str(), bare, &spaced] {
        let body = json!({"from": from, "to": "2025550150", "body": "x"});
        let sent = act_well(server, &client.id, "POST", "/v1/messages", Some(body)).await?;
        ensure!(sent["from"] == number.as_str(), "{from}: {sent}");
    }
    for (from, wanted) in [
        (" Acme ", Ok("Acme")),
        ("Acme+", Ok("Acme+")),
        ("A.B.&C-d_e", Ok("A.B.&C-d_e")),
        ("sms:Acme Co", Ok("Acme Co")),
        ("40 404", Err("of US")),
        ("+Acme", Err("a name of 1 to 11")),
        ("ABCDEFGHIJKL", Err("a name of 1 to 11")),
        ("Acmé", Err("a name of 1 to 11")),
        ("+0012025550150", Err("begins with 0")),
    ] {
        let new = json!({"number": from, "account_id": doors.account, "capabilities": ["sms"]});
        let (status, answer) = act(server, &client.id, "POST", "/v1/numbers", Some(new)).await?;
        match wanted {
            Ok(name) => ensure!(status == 201 && answer["number"] == name, "{from:?}: {answer}"),
            Err(words) => {
                let is_told = answer["detail"].as_str().is_some_and(|detail| detail.contains(words));
                ensure!(status == 400 && is_told && answer["field"] == "number", "{from:?}: {answer}");
            }
        }
    }
    let twilio = server.url(&format!("/2010-04-01/Accounts/{}/Messages.json", client.sid));
    for (from, code) in [("+Acme", 21212), ("Acme!", 21212), ("whatsapp:2025550150", 21910)] {
        let request = server.http.post(&twilio).basic_auth(&client.sid, Some(&client.token));
        let (status, answer) = doors.post(request, &[("To", "2025550150"), ("From", from), ("Body", "x")]).await?;
        ensure!(status == 400 && answer["code"] == code, "{from}: {answer}");
    }
    Ok(())
}

on_both_engines!(every_door_reads_the_same);
