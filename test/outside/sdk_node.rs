//! Twilio's own Node library against our door: nothing of it is changed but where its requests go.

use serde_json::json;

use super::contract;
use super::sdk::{PERSON, SENDER, given, server};
use super::sdk_callback::callbacks;
use crate::harness::{Result, node};

/// The library's documented way to another host: an HTTP client of one's own. It notes what came back.
pub const CLIENT: &str = "
const twilio = require('twilio');
const { RequestClient } = twilio;
const replies = [];

class Turned extends RequestClient {
    async request(options) {
        const twilios = (uri, name) => uri.replace(`https://${name}.twilio.com`, given.url);
        const uri = ['api', 'proxy', 'verify'].reduce(twilios, options.uri);
        const response = await super.request({ ...options, uri });
        const text = response.body === undefined || response.body === '' ? '' :
            typeof response.body === 'string' ? response.body : JSON.stringify(response.body);
        // where its parameters go into the query, Node adds them later
        replies.push({ method: options.method.toUpperCase(), path: uri.slice(given.url.length),
                       status: response.statusCode, body: text });
        return response;
    }
}

const client = twilio(given.sid, given.token, { httpClient: new Turned() });
const { to, from } = given;
const refusal = async (act) => {
    try { await act(); } catch (error) { return [error.status, error.code]; }
    return null;
};
const until = async (fetch, ...states) => {
    for (let n = 0; n < 500; n++) {
        const item = await fetch();
        if (states.includes(item.status)) return item;
        await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error('not ' + states);
};
";

const DRIVE: &str = "
const sent = [];
for (let n = 0; n < 5; n++) sent.push(await client.messages.create({ to, from, body: `number ${n} \u{2713}` }));
const [first] = sent;
const done = await until(() => client.messages(first.sid).fetch(), 'sent', 'delivered');
const listed = await client.messages.list({ to, from, pageSize: 2, dateSentAfter: new Date(Date.now() - 60000) });
const page = await client.messages.page({ to, pageSize: 2 });
const behind = await page.nextPage();
const back = await behind.previousPage();
const sendAt = new Date(Date.now() + 3600000);
const waiting = await client.messages.create({ to, from, body: 'later', scheduleType: 'fixed', sendAt });
const canceled = await client.messages(waiting.sid).update({ status: 'canceled' });
const redacted = await client.messages(first.sid).update({ body: '' });
let each = 0;
await new Promise((resolve, reject) =>
    client.messages.each({ pageSize: 2, done: (error) => error ? reject(error) : resolve() }, () => { each += 1; }));
const call = await client.calls.create({ to, from, url: 'https://example.com/a.xml',
                                         statusCallbackEvent: ['initiated', 'answered'] });
const fetched = await client.calls(call.sid).fetch();
const over = await until(() => client.calls(call.sid).fetch(), 'completed', 'busy', 'no-answer', 'failed');
answer = {
    sent: sent.map((m) => m.sid),
    first: [first.status, first.direction, first.numSegments, first.price, first.priceUnit, first.from, first.to],
    age: Date.now() - first.dateCreated.getTime(),
    done: [done.body, done.dateSent instanceof Date, done.errorCode],
    listed: listed.map((m) => m.sid),
    pages: [page, behind, back].map((one) => one.instances.map((m) => m.sid)),
    each,
    canceled: [waiting.status, canceled.status],
    redacted: redacted.body,
    deleted: await client.messages(first.sid).remove(),
    gone: await refusal(() => client.messages(first.sid).fetch()),
    nobody: await refusal(() => client.messages.create({ to: 'nobody!', from, body: 'x' })),
    empty: await refusal(() => client.messages.create({ to, from, body: '' })),
    stranger: await refusal(() => twilio(given.sid, 'wrong', { httpClient: new Turned() }).messages.list()),
    call: [call.sid.slice(0, 2), call.status, fetched.sid === call.sid],
    calls: (await client.calls.list({ to, status: over.status })).map((one) => one.sid === call.sid),
    too_late: await refusal(() => client.calls(call.sid).update({ status: 'completed' })),
    account: (await client.api.v2010.accounts(given.sid).fetch()).status,
    replies,
};
";

#[tokio::test]
async fn nodes_library_finds_all_it_expects() -> Result {
    let server = server().await?;
    let answer = node::run(&format!("{CLIENT}{DRIVE}"), given(&server)).await?;
    let mut sent = answer["sent"].as_array().cloned().unwrap_or_default();
    sent.reverse();
    assert_eq!(answer["first"], json!(["queued", "outbound-api", "1", "-0.00750", "USD", SENDER, PERSON]));
    assert!(answer["age"].as_f64().is_some_and(|age| (-1000.0..20_000.0).contains(&age)), "{}", answer["age"]);
    assert_eq!(answer["done"], json!(["number 0 \u{2713}", true, null]));
    assert_eq!(answer["listed"], json!(sent), "newest first, over three pages");
    assert_eq!(answer["pages"], json!([&sent[..2], &sent[2..4], &sent[..2]]), "a page, the next, and back");
    assert_eq!(answer["each"], 6);
    assert_eq!(answer["canceled"], json!(["scheduled", "canceled"]));
    assert_eq!((&answer["redacted"], &answer["deleted"]), (&json!(""), &json!(true)));
    assert_eq!((&answer["gone"], &answer["nobody"]), (&json!([404, 20404]), &json!([400, 21211])));
    assert_eq!((&answer["empty"], &answer["stranger"]), (&json!([400, 21602]), &json!([401, 20003])));
    assert_eq!((&answer["call"], &answer["calls"]), (&json!(["CA", "queued", true]), &json!([true])));
    assert_eq!(answer["too_late"], json!([400, 21220]));
    assert_eq!(answer["account"], "active");
    contract::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 20).await
}

const VALIDATE: &str = "
const { validateRequest } = require('twilio');
answer = given.posts.map(({ url, form, signature }) => {
    const fields = Object.fromEntries(form);
    return [validateRequest(given.token, signature, url, fields),
            validateRequest(given.token, signature, url, { ...fields, MessageStatus: 'read' }),
            validateRequest('other', signature, url, fields)];
});
";

#[tokio::test]
async fn nodes_validator_accepts_our_callbacks() -> Result {
    let server = server().await?;
    let answer = node::run(VALIDATE, callbacks(&server).await?).await?;
    let verdicts = answer.as_array().cloned().unwrap_or_default();
    assert!(!verdicts.is_empty() && verdicts.iter().all(|one| *one == json!([true, false, false])), "{answer}");
    Ok(())
}
