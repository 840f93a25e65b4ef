//! Twilio's own libraries against the conversations that `POST /sessions` gives: read, spoken in, closed, removed.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::sdk::{SID, TOKEN, given, server};
use crate::events::{text, well};
use crate::harness::{Result, Server, node, python};
use crate::relay::scene::act_well;

/// Two numbers of the development client's own, in the pool that the masked door looks for.
async fn with_pool(server: &Server) -> Result {
    let clients = well(server, "GET", "/v1/clients", None).await?;
    let all = clients["data"].as_array().context("no clients")?;
    let demo = text(&all.iter().find(|one| one["sid"] == SID).context("no development client")?["id"])?;
    let account = text(&well(server, "GET", "/v1/accounts", None).await?["data"][0]["id"])?;
    let pool = act_well(server, &demo, "POST", "/v1/pools", Some(json!({"name": "masked"}))).await?;
    let pool = text(&pool["id"])?;
    for number in ["+12125550301", "+12125550302"] {
        let body = json!({"number": number, "account_id": account, "capabilities": ["sms", "voice"]});
        let id = text(&act_well(server, &demo, "POST", "/v1/numbers", Some(body)).await?["id"])?;
        act_well(server, &demo, "PUT", &format!("/v1/pools/{pool}/numbers/{id}"), None).await?;
    }
    Ok(())
}

/// A conversation, as the older system's users ask for one.
async fn made(server: &Server) -> Result<Value> {
    let body = json!({"addresses": ["+14155550101", "+14155550102"], "uniqueName": "ride", "attributes": "{\"a\":1}"});
    let request = server.http.post(server.url("/sessions")).basic_auth(SID, Some(TOKEN));
    let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
    Ok(serde_json::from_str(&response.text().await?)?)
}

/// What both libraries are to find.
fn wanted(sid: &Value) -> Value {
    json!({
        "fetched": [sid, "active", "ride", "{\"a\":1}", true],
        "links": ["messages", "participants", "webhooks"],
        "changed": ["Ride", "{\"b\":2}", "active"],
        "people": ["+14155550101", "+14155550102", "+14155550103"],
        "said": ["system", "hello"],
        "messages": ["hello"],
        "webhooks": 0,
        "no_webhook": [404, 20404],
        "left": 2,
        "states": ["inactive", "active", "closed"],
        "listed": 1,
        "removed": true,
        "gone": [404, 20404],
        "nobody": [400, 20001],
    })
}

const NODE: &str = "
const twilio = require('twilio');
const { RequestClient } = twilio;

class Turned extends RequestClient {
    async request(options) {
        return super.request({ ...options, uri: options.uri.replace(/https:\\/\\/[a-z]+\\.twilio\\.com/, given.url) });
    }
}

const client = twilio(given.sid, given.token, { httpClient: new Turned() });
const refusal = async (act) => {
    try { await act(); } catch (error) { return [error.status, error.code]; }
    return null;
};
const conversation = client.conversations.v1.conversations(given.conversation);
const fetched = await conversation.fetch();
const changed = await conversation.update({ friendlyName: 'Ride', attributes: '{\"b\":2}', 'timers.inactive': 'PT10M' });
const added = await conversation.participants.create({ 'messagingBinding.address': '+14155550103' });
const people = (await conversation.participants.list()).map((one) => one.messagingBinding.address).sort();
const nobody = await refusal(() => conversation.participants.create({ 'messagingBinding.address': 'nobody!' }));
await conversation.participants(added.sid).remove();
const said = await conversation.messages.create({ body: 'hello' });
const messages = await conversation.messages.list();
const states = [];
for (const state of ['inactive', 'active', 'closed']) states.push((await conversation.update({ state })).state);
const listed = (await client.conversations.v1.conversations.list({ limit: 20 })).length;
answer = {
    fetched: [fetched.sid, fetched.state, fetched.uniqueName, fetched.attributes, fetched.dateCreated instanceof Date],
    links: Object.keys(fetched.links).sort(),
    changed: [changed.friendlyName, changed.attributes, changed.state],
    people,
    said: [said.author, said.body],
    messages: messages.map((one) => one.body),
    webhooks: (await conversation.webhooks.list()).length,
    no_webhook: await refusal(() => conversation.webhooks.create({ target: 'webhook' })),
    left: (await conversation.participants.list()).length,
    states,
    listed,
    removed: await conversation.remove(),
    gone: await refusal(() => conversation.fetch()),
    nobody,
};
";

const PYTHON: &str = "
import re
from datetime import datetime
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

class Turned(TwilioHttpClient):
    def request(self, method, url, *args, **more):
        return super().request(method, re.sub(r'https://[a-z]+\\.twilio\\.com', given['url'], url), *args, **more)

def refusal(act):
    try:
        act()
    except TwilioRestException as error:
        return [error.status, error.code]
    return None

client = Client(given['sid'], given['token'], http_client=Turned())
conversation = client.conversations.v1.conversations(given['conversation'])
fetched = conversation.fetch()
changed = conversation.update(friendly_name='Ride', attributes='{\"b\":2}', timers_inactive='PT10M')
added = conversation.participants.create(messaging_binding_address='+14155550103')
people = sorted(one.messaging_binding['address'] for one in conversation.participants.list())
nobody = refusal(lambda: conversation.participants.create(messaging_binding_address='nobody!'))
conversation.participants(added.sid).delete()
said = conversation.messages.create(body='hello')
messages = conversation.messages.list()
states = [conversation.update(state=state).state for state in ('inactive', 'active', 'closed')]
answer = {
    'fetched': [fetched.sid, fetched.state, fetched.unique_name, fetched.attributes,
                isinstance(fetched.date_created, datetime)],
    'links': sorted(fetched.links),
    'changed': [changed.friendly_name, changed.attributes, changed.state],
    'people': people,
    'said': [said.author, said.body],
    'messages': [one.body for one in messages],
    'webhooks': len(conversation.webhooks.list()),
    'no_webhook': refusal(lambda: conversation.webhooks.create(target='webhook')),
    'left': len(conversation.participants.list()),
    'states': states,
    'listed': len(client.conversations.v1.conversations.list(limit=20)),
    'removed': conversation.delete(),
    'gone': refusal(conversation.fetch),
    'nobody': nobody,
}
";

/// What a script is given, and the conversation that it is about.
async fn about(server: &Server) -> Result<(Value, Value)> {
    with_pool(server).await?;
    let sid = made(server).await?["sid"].clone();
    let mut about = given(server);
    about["conversation"] = sid.clone();
    Ok((about, sid))
}

#[tokio::test]
async fn nodes_library_finds_what_the_masked_door_gave() -> Result {
    let server = server().await?;
    let (about, sid) = about(&server).await?;
    assert_eq!(node::run(NODE, about).await?, wanted(&sid));
    Ok(())
}

#[tokio::test]
async fn pythons_library_finds_what_the_masked_door_gave() -> Result {
    let server = server().await?;
    let (about, sid) = about(&server).await?;
    assert_eq!(python::run(PYTHON, about).await?, wanted(&sid));
    Ok(())
}
