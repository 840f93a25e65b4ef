//! What people write is kept whatever its bytes: posts as twilio-python reads and signs them.

use anyhow::ensure;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard::crypto::hash::sha256_hex;

use crate::harness::carrier::signature::sign;
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Layout, Result, Server, python};
use crate::inbound::play::{FLOWROUTE_TOKEN, OURS, PERSON, PUBLIC, flowroute, number, received, settled, with_twilio};
use crate::on_both_engines;

const SMS: &str = "/webhooks/twilio/sms";
const FLOWROUTES: &str = "+14155550188";

/// Forms whose bodies are no text, read as Python's web servers read them, signed by the library, and what can be kept.
const MAKE: &str = r"
import random
from urllib.parse import parse_qsl
from twilio.request_validator import RequestValidator

dice = random.Random(given['seed'])
validator = RequestValidator(given['token'])
PARTS = [b'%FF', b'%C3', b'%e9', b'%E2%82', b'%ED%A0%80', b'%F0%9F%98', b'%F0%9F%98%80', b'%F8%88%80', b'%00', b'%C0%80',
         b'\xff', b'\xe9', b'\xc3', b'\xe2\x82', b'\xf0\x9f\x98\x80', b'\x00', b'+', b'a', b'%2B', b'%', b'%4', b'\xef\xbb\xbf']
answer = []
for n in range(given['count']):
    body = b'n%d-' % n + b''.join(dice.choice(PARTS) for _ in range(dice.randint(1, 9)))
    form = b'MessageSid=SM%032d&AccountSid=%s&From=%s&To=%s&Body=%s&NumMedia=0' % (
        n, given['account'].encode(), given['from'].replace('+', '%2B').encode(), given['to'].replace('+', '%2B').encode(), body)
    pairs = parse_qsl(form.decode('utf-8', 'replace'), keep_blank_values=True, errors='replace')
    answer.append({'form': list(form), 'signature': validator.compute_signature(given['url'], dict(pairs)),
                   'kept': dict(pairs)['Body'].replace('\0', '\ufffd')})
";

#[derive(Deserialize)]
struct Post {
    form: Vec<u8>,
    signature: String,
    kept: String,
}

async fn post(server: &Server, path: &str, media: &str, signature: &str, body: Vec<u8>) -> Result<u16> {
    let request =
        server.http.post(server.url(path)).header("content-type", media).header("X-Twilio-Signature", signature);
    Ok(request.body(body).send().await?.status().as_u16())
}

/// The bytes of a JSON string, as a text that came; and what of them is kept.
const JSON: [(&[u8], &str); 5] = [
    (br"half \ud83d pair", "half \u{fffd} pair"),
    (br"\ud83d\ude00 \udc00\ud800", "😀 \u{fffd}\u{fffd}"),
    (br"nul \u0000.", "nul \u{fffd}."),
    (b"caf\xe9 \xf0\x9f\x98", "caf\u{fffd} \u{fffd}"),
    (b"raw\n\0line", "raw\n\u{fffd}line"),
];

async fn what_is_no_text_is_kept_with_what_can_be(layout: Layout) -> Result {
    let server = with_twilio(layout).await?;
    let account = flowroute(&server).await?;
    number(&server, &account, FLOWROUTES, json!({})).await?;
    let seed = rand::random::<u64>();
    let given = json!({"seed": seed, "count": 60, "token": TOKEN, "account": ACCOUNT, "from": PERSON,
        "to": OURS, "url": format!("{PUBLIC}{SMS}")});
    let posts: Vec<Post> = serde_json::from_value(python::run(MAKE, given).await?)?;
    let mut kept = Vec::new();
    for Post { form, signature, kept: body } in posts {
        let shown = String::from_utf8_lossy(&form).into_owned();
        let status = post(&server, SMS, "application/x-www-form-urlencoded", &signature, form).await?;
        ensure!(status == 200, "seed {seed}: {shown}: {status}");
        kept.push(vec![PERSON.to_owned(), OURS.to_owned(), body]);
    }
    for (at, (text, body)) in JSON.iter().enumerate() {
        let fields = json!({"MessageSid": format!("SMjson{at}"), "AccountSid": ACCOUNT, "From": PERSON, "To": OURS});
        let path = |json: &[u8]| format!("{SMS}?bodySHA256={}", sha256_hex(json));
        let whole = with_body(&fields, "Body", text);
        let path = path(&whole);
        let signature = sign(TOKEN, &format!("{PUBLIC}{path}"), &[]);
        let status = post(&server, &path, "application/json", &signature, whole).await?;
        ensure!(status == 200, "{body}: {status}");
        kept.push(vec![PERSON.to_owned(), OURS.to_owned(), (*body).to_owned()]);
        let fields = json!({"id": format!("mdr1-{at}"), "from": &PERSON[1..], "to": &FLOWROUTES[1..]});
        let path = format!("/webhooks/flowroute/{FLOWROUTE_TOKEN}/sms");
        let status = post(&server, &path, "application/json", "", with_body(&fields, "body", text)).await?;
        ensure!(status == 200, "{body}: {status}");
        // its bytes that are no UTF-8 are the older European set
        let body = if text.starts_with(b"caf\xe9") { "café ðŸ˜" } else { *body };
        kept.push(vec![PERSON.to_owned(), FLOWROUTES.to_owned(), body.to_owned()]);
    }
    settled(&server).await?;
    let mut found = received(&server).await?;
    found.sort();
    kept.sort();
    assert_eq!(found, kept, "seed {seed}");
    Ok(())
}

/// A JSON object with one more field, whose value is these bytes.
fn with_body(fields: &Value, name: &str, text: &[u8]) -> Vec<u8> {
    let object = fields.to_string();
    [object.trim_end_matches('}').as_bytes(), format!(",\"{name}\":\"").as_bytes(), text, b"\"}"].concat()
}

on_both_engines!(what_is_no_text_is_kept_with_what_can_be);
