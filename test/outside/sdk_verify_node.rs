//! Twilio's own Node library against our Verify: nothing of it is changed but where its requests go.

use serde_json::json;

use super::contract_verify;
use super::sdk::server;
use super::sdk_node::CLIENT;
use super::sdk_verify::told;
use crate::harness::{Result, node};

const DRIVE: &str = r"
const texts = async (to) => {
    const url = `${given.url}/v1/loopback/messages?limit=50&to=${encodeURIComponent(to)}`;
    const told = await fetch(url, { headers: { authorization: `Bearer ${given.admin}` } });
    return (await told.json()).data.map((one) => one.body);
};
const codeOf = async (to, count = 1) => {
    for (let n = 0; n < 1000; n++) {
        const got = await texts(to);
        if (got.length >= count) return got[0].match(/(?<!\d)\d{6}(?!\d)/)[0];
        await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error('no text');
};
const other = (code) => String((Number(code) + 1) % 1000000).padStart(6, '0');
const person = (nth) => '+1415555030' + nth;
const verify = client.verify.v2;
const service = await verify.services.create({ friendlyName: 'Acme' });
const at = verify.services(service.sid);
const check = (to, code) => at.verificationChecks.create({ to, code });
const sent = await at.verifications.create({ to, channel: 'sms' });
const code = await codeOf(to);
const wrong = await check(to, other(code));
const again = await at.verifications.create({ to, channel: 'sms' });
const same = (await codeOf(to, 2)) === code;
const right = await at.verificationChecks.create({ verificationSid: sent.sid, code });
const over = [await refusal(() => check(to, code)), await refusal(() => at.verifications(sent.sid).fetch())];

await at.verifications.create({ to: person(1), channel: 'sms' });
const guessed = await codeOf(person(1));
const guesses = [];
for (let n = 0; n < 5; n++) guesses.push((await check(person(1), other(guessed))).status);
const sixth = await refusal(() => check(person(1), guessed));

const first = await at.verifications.create({ to: person(2), channel: 'sms' });
const canceled = await at.verifications(person(2)).update({ status: 'canceled' });

const limit = await at.rateLimits.create({ uniqueName: 'ip', description: 'by address' });
const bucket = await at.rateLimits(limit.sid).buckets.create({ max: 1, interval: 600 });
const limited = (nth) => at.verifications.create({ to: person(nth), channel: 'sms', rateLimits: { ip: '192.0.2.1' } });
const allowed = (await limited(3)).status;
const full = await refusal(() => limited(4));
const wider = await at.rateLimits(limit.sid).buckets(bucket.sid).update({ max: 5 });
const listed = (await at.rateLimits.list()).map((one) => one.uniqueName);
const removed = await at.rateLimits(limit.sid).remove();

const attempts = await verify.verificationAttempts.list({ verifyServiceSid: service.sid, pageSize: 2 });
const one = await verify.verificationAttempts(attempts[0].sid).fetch();
const summary = await verify.verificationAttemptsSummary().fetch({ verifyServiceSid: service.sid });
answer = {
    sent: [sent.sid.slice(0, 2), sent.status, sent.valid, sent.to, sent.dateCreated instanceof Date],
    wrong: [wrong.status, wrong.valid],
    again: [again.sid === sent.sid, again.sendCodeAttempts.length, same],
    right: [right.status, right.valid],
    over,
    guesses,
    sixth,
    canceled: [canceled.sid === first.sid, canceled.status],
    limits: [limit.uniqueName, bucket.max, bucket.interval, allowed, full, wider.max, listed, removed],
    attempts: [attempts.length, one.conversionStatus, one.channel, one.channelData.to === person(3)],
    summary: [summary.totalAttempts, summary.totalConverted, summary.totalUnconverted, summary.conversionRatePercentage],
    nobody: await refusal(() => at.verifications.create({ to: 'nobody', channel: 'sms' })),
    stranger: await refusal(() => verify.services('VA' + '0'.repeat(32)).fetch()),
    replies,
};
";

#[tokio::test]
async fn nodes_library_verifies_a_phone() -> Result {
    let server = server().await?;
    let answer = node::run(&format!("{CLIENT}{DRIVE}"), told(&server)).await?;
    assert_eq!(answer["sent"], json!(["VE", "pending", false, "+14155550100", true]));
    assert_eq!(answer["wrong"], json!(["pending", false]));
    assert_eq!(answer["again"], json!([true, 2, true]), "the same verification, and the same code");
    assert_eq!(answer["right"], json!(["approved", true]));
    assert_eq!(answer["over"], json!([[404, 20404], [404, 20404]]));
    assert_eq!(answer["guesses"], json!(vec!["pending"; 5]));
    assert_eq!(answer["sixth"], json!([429, 60202]));
    assert_eq!(answer["canceled"], json!([true, "canceled"]));
    assert_eq!(answer["limits"], json!(["ip", 1, 600, "pending", [429, 20429], 5, ["ip"], true]));
    assert_eq!(answer["attempts"], json!([5, "unconverted", "sms", true]));
    assert_eq!(answer["summary"], json!([5, 2, 3, "40.00"]));
    assert_eq!((&answer["nobody"], &answer["stranger"]), (&json!([400, 60200]), &json!([404, 20404])));
    contract_verify::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 22).await
}
