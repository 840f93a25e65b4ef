//! Twilio's own OpenAPI descriptions against our Twilio-shaped paths: every reply must be as they say.
//!
//! It is read more strictly than it is written: nothing may be missing, nothing more may be there, and what it says
//! only in formats that no validator knows (mail dates, currencies, URIs) is checked too.

use anyhow::ensure;
use serde_json::{Value, json};

use crate::harness::{Prism, Result, python};

const CHECK: &str = r"
import re, jsonschema_rs

spec = given['description']
KEPT = {'type', 'properties', 'items', 'enum', 'minLength', 'maxLength', 'pattern', '$ref', 'format'}
FORMATS, ENDING = given['rules']['formats'], given['rules']['ending']
URI = FORMATS['uri']

def strict(node):
    out = {name: value for name, value in node.items() if name in KEPT}
    if '$ref' in out:
        # of Proxy's it says nowhere that they may be null, and its examples are
        null = [{'type': 'null'}] if given['rules']['null_parts'] else []
        return {'anyOf': [{'$ref': out['$ref']}, *null]}
    form = out.pop('format', None)
    if form in FORMATS:
        out['pattern'] = FORMATS[form]
    if 'properties' in out:
        out['properties'] = {name: strict(value) for name, value in out['properties'].items()}
        out['required'] = sorted(out['properties'])
        out['additionalProperties'] = False
    elif form == 'uri-map':
        out['additionalProperties'] = {'type': 'string', 'pattern': URI}
    if 'items' in out:
        out['items'] = strict(out['items'])
    if node.get('nullable') and 'type' in out:
        out['type'] = [out['type'], 'null']
    return out

parts = {name: strict(schema) for name, schema in spec['components']['schemas'].items()}

def validator(schema):
    return jsonschema_rs.Draft202012Validator({**schema, 'components': {'schemas': parts}})

ERROR = jsonschema_rs.Draft202012Validator({
    'type': 'object', 'additionalProperties': False, 'required': ['code', 'message', 'more_info', 'status'],
    'properties': {'code': {'type': 'integer', 'minimum': 20000}, 'message': {'type': 'string', 'minLength': 1},
                   'more_info': {'type': 'string', 'pattern': r'^https://www\.twilio\.com/docs/errors/\d{5}$'},
                   'status': {'type': 'integer'}}})

paths = {}
# what has fewer open places is the nearer description
for template, methods in sorted(spec['paths'].items(), key=lambda path: path[0].count('{')):
    form = '^' + re.sub(r'\\{\w+\\}', '[^/]+', re.escape(template)) + '$'
    paths[re.compile(form)] = methods
known = {}

def check(reply):
    path = re.sub('^/relay', '', reply['path'].split('?')[0])
    path = path if path.endswith(ENDING) else path + ENDING
    if reply['status'] >= 400:
        body = json.loads(reply['body'])
        wrong = [error.message for error in ERROR.iter_errors(body)]
        if not wrong and (body['status'] != reply['status'] or not body['more_info'].endswith(str(body['code']))):
            wrong = ['its status or its link is not its own']
        return 'error', wrong
    for form, methods in paths.items():
        if not form.match(path):
            continue
        answers = methods.get(reply['method'].lower(), {}).get('responses', {})
        if str(reply['status']) not in answers:
            return 'described', ['no such status: ' + str(reply['status'])]
        content = answers[str(reply['status'])].get('content')
        if content is None:
            return 'described', ['a body where there is none'] if reply['body'] else []
        key = (form, reply['method'], reply['status'])
        if key not in known:
            known[key] = validator(strict(content['application/json']['schema']))
        return 'described', [error.message for error in known[key].iter_errors(json.loads(reply['body']))]
    return 'undescribed', []

answer = []
for reply in given['replies']:
    kind, wrong = check(reply)
    answer.append({'kind': kind, 'wrong': wrong, 'reply': reply if wrong else None})
";

/// What is wrong with each of these replies (`method`, `path`, `status`, `body`), and how many of them Twilio's
/// description is about. `None` where the description is not beside the repository.
async fn judge(replies: &[Value]) -> Result<Option<Vec<Value>>> {
    const DATE: &str = r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d \+0000$";
    const URI: &str = r"^/2010-04-01/Accounts/AC[0-9a-f]{32}(/|\.json)";
    let formats = json!({"date-time-rfc-2822": DATE, "uri": URI, "currency": "^[A-Z]{3}$"});
    let rules = json!({"formats": formats, "ending": ".json", "null_parts": false});
    judge_by(Prism::description()?, rules, replies).await
}

pub(super) async fn judge_by(
    description: Option<Value>,
    rules: Value,
    replies: &[Value],
) -> Result<Option<Vec<Value>>> {
    let Some(description) = description else { return Ok(None) };
    let answer = python::run(CHECK, json!({"description": description, "rules": rules, "replies": replies})).await?;
    Ok(Some(serde_json::from_value(answer)?))
}

/// Checks replies, of which so many at least must be described.
pub async fn check(replies: &[Value], least: usize) -> Result {
    settle(judge(replies).await?, replies, least)
}

/// The same of Proxy's paths. Whatever is refused there is refused in the same form.
pub async fn check_proxy(replies: &[Value], least: usize) -> Result {
    settle(judge_proxy(replies).await?, replies, least)
}

async fn judge_proxy(replies: &[Value]) -> Result<Option<Vec<Value>>> {
    let formats = json!({"date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "uri": "^https?://[^/]+/"});
    let rules = json!({"formats": formats, "ending": "", "null_parts": true});
    judge_by(Prism::proxy_description()?, rules, replies).await
}

pub(super) fn settle(verdicts: Option<Vec<Value>>, replies: &[Value], least: usize) -> Result {
    let Some(verdicts) = verdicts else { return Ok(()) };
    let wrong: Vec<&Value> = verdicts.iter().filter(|verdict| verdict["wrong"] != json!([])).collect();
    ensure!(wrong.is_empty(), "not as Twilio's description has it: {wrong:#?}");
    let described = verdicts.iter().filter(|verdict| verdict["kind"] == "described").count();
    ensure!(described >= least, "only {described} of {} replies are described", replies.len());
    Ok(())
}

/// A message as Twilio writes one.
fn message() -> Value {
    let account = "AC00000000000000000000000000000111";
    let sid = "SM0123456789abcdef0123456789abcdef";
    json!({
        "account_sid": account, "api_version": "2010-04-01", "body": "hello", "error_code": null,
        "date_created": "Tue, 14 Nov 2023 22:13:20 +0000", "date_sent": null,
        "date_updated": "Tue, 14 Nov 2023 22:13:20 +0000", "direction": "outbound-api", "error_message": null,
        "from": "+15005550006", "messaging_service_sid": null, "num_media": "0", "num_segments": "1",
        "price": "-0.00750", "price_unit": "USD", "sid": sid, "status": "queued", "to": "+14155550100",
        "subresource_uris": {"media": format!("/2010-04-01/Accounts/{account}/Messages/{sid}/Media.json")},
        "uri": format!("/2010-04-01/Accounts/{account}/Messages/{sid}.json"),
    })
}

/// The control: what is good passes, and each way of being wrong is seen.
#[tokio::test]
async fn a_reply_that_is_not_as_described_is_seen() -> Result {
    let reply = |method: &str, path: &str, status: u16, body: &Value| {
        let path = format!("/2010-04-01/Accounts/AC00000000000000000000000000000111/{path}");
        json!({"method": method, "path": path, "status": status, "body": body.to_string()})
    };
    let created = |body: &Value| reply("POST", "Messages.json", 201, body);
    let error = json!({"code": 20404, "message": "gone", "status": 404,
        "more_info": "https://www.twilio.com/docs/errors/20404"});
    let Some(good) = judge(&[created(&message()), reply("GET", "Calls/CA1.json", 404, &error)]).await? else {
        return Ok(());
    };
    ensure!(good.iter().all(|verdict| verdict["wrong"] == json!([])), "{good:?}");
    let mut wrong = vec![
        reply("POST", "Messages.json", 200, &message()),
        reply("GET", "Messages/SM1.json", 200, &json!([])),
        reply("GET", "Calls/CA1.json", 200, &message()),
        reply("GET", "Messages.json", 200, &json!({"messages": []})),
        reply("DELETE", "Messages/SM1.json", 204, &message()),
        reply("GET", "Calls/CA1.json", 403, &error),
    ];
    for (field, value) in [
        ("status", json!("accepting")),
        ("direction", json!("outbound")),
        ("num_segments", json!(1)),
        ("price", json!(-0.0075)),
        ("price_unit", json!("usd")),
        ("error_code", json!("30008")),
        ("sid", json!("msg_0123456789abcdef0123456789abcdef")),
        ("date_created", json!("2023-11-14T22:13:20Z")),
        ("date_sent", json!("Tue, 14 Nov 2023 22:13:20 GMT")),
        ("uri", Value::Null),
        ("subresource_uris", json!({"media": 1})),
        ("more", json!(true)),
    ] {
        let mut message = message();
        message[field] = value;
        wrong.push(created(&message));
    }
    for field in message().as_object().into_iter().flatten().map(|(field, _)| field) {
        let mut message = message();
        message.as_object_mut().map(|fields| fields.remove(field));
        wrong.push(created(&message));
    }
    // the description lets a URI be null
    wrong.retain(|reply| !reply["body"].as_str().is_some_and(|body| body.contains("\"uri\":null")));
    let verdicts = judge(&wrong).await?.unwrap_or_default();
    let unseen: Vec<_> = verdicts.iter().zip(&wrong).filter(|(verdict, _)| verdict["wrong"] == json!([])).collect();
    ensure!(verdicts.len() == wrong.len() && unseen.is_empty(), "not seen: {unseen:#?}");
    Ok(())
}

/// A session as Twilio's Proxy shows one.
fn session() -> Value {
    let at = "2023-11-14T22:13:20Z";
    let url = "https://proxy.twilio.com/v1/Services/KS0123456789abcdef0123456789abcdef/Sessions/\
               KC0123456789abcdef0123456789abcdef";
    json!({
        "sid": "KC0123456789abcdef0123456789abcdef", "service_sid": "KS0123456789abcdef0123456789abcdef",
        "account_sid": "AC00000000000000000000000000000111", "date_started": at, "date_ended": null,
        "date_last_interaction": null, "date_expiry": null, "unique_name": "ride", "status": "open",
        "closed_reason": null, "ttl": 3600, "mode": "voice-and-message", "date_created": at, "date_updated": at,
        "url": url, "links": {"participants": format!("{url}/Participants")},
    })
}

/// The same control of Proxy's description.
#[tokio::test]
async fn a_reply_of_proxy_that_is_not_as_described_is_seen() -> Result {
    const PATH: &str = "/v1/Services/KS0123456789abcdef0123456789abcdef/Sessions/KC0123456789abcdef0123456789abcdef";
    let reply = |method: &str, status: u16, body: &Value| {
        let body = body.to_string();
        json!({"method": method, "path": PATH, "status": status, "body": body})
    };
    let error = json!({"code": 20404, "message": "gone", "status": 404,
        "more_info": "https://www.twilio.com/docs/errors/20404"});
    let Some(good) = judge_proxy(&[reply("GET", 200, &session()), reply("GET", 404, &error)]).await? else {
        return Ok(());
    };
    ensure!(good.iter().all(|verdict| verdict["wrong"] == json!([])), "{good:?}");
    let mut wrong = vec![
        reply("POST", 201, &session()),
        reply("DELETE", 204, &session()),
        reply("GET", 200, &json!([])),
        reply("GET", 403, &error),
    ];
    for (field, value) in [
        ("status", json!("in_progress")),
        ("mode", json!("both")),
        ("ttl", json!("3600")),
        ("ttl", Value::Null),
        ("sid", json!("ses_0123456789abcdef0123456789abcdef")),
        ("date_created", json!("2023-11-14T22:13:20.000Z")),
        ("date_expiry", json!("Tue, 14 Nov 2023 22:13:20 +0000")),
        ("url", json!("/v1/Services")),
        ("links", json!({"participants": 1})),
        ("links", json!({"participants": "/v1/Services"})),
        ("more", json!(true)),
    ] {
        let mut session = session();
        session[field] = value;
        wrong.push(reply("GET", 200, &session));
    }
    for field in session().as_object().into_iter().flatten().map(|(field, _)| field) {
        let mut session = session();
        session.as_object_mut().map(|fields| fields.remove(field));
        wrong.push(reply("GET", 200, &session));
    }
    let verdicts = judge_proxy(&wrong).await?.unwrap_or_default();
    let unseen: Vec<_> = verdicts.iter().zip(&wrong).filter(|(verdict, _)| verdict["wrong"] == json!([])).collect();
    ensure!(verdicts.len() == wrong.len() && unseen.is_empty(), "not seen: {unseen:#?}");
    Ok(())
}
