//! Every refusal of a handshake: status and body as in the contract's tables, in its order of
//! checks, and nothing changed where nothing may change.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::encrypt::Encrypter;
use openssl::pkey::PKey;
use openssl::rsa::Padding;
use serde_json::{Value, json};

use super::play::{self, NOBODY, Written, answer, edited, handshake, lenient, verification};
use crate::harness::phone::session;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{on_both_engines, on_every_layout};

const NOT_JSON: (u16, &str) = (400, "poorly formed json");
const NO_PASSWORD: (u16, &str) = (400, "missing password");
const NO_KEY: (u16, &str) = (400, "missing public key");
const BAD_SID: (u16, &str) = (400, "invalid session requested");
const BAD_KEY: (u16, &str) = (400, "invalid public key");
const UNDECRYPTABLE: (u16, &str) = (400, "error with decryption");
const FORBIDDEN: (u16, &str) = (403, "");
const UNAUTHENTICATED: (u16, &str) = (401, "failed to authenticate");

/// A session id that was never issued.
const FORGED: &str = "ffffffffdeadbeef0123456789abcdef";

async fn expect(server: &Server, path: &str, body: &str, expected: (u16, &str)) -> Result {
    let refused = answer(server, path, body.to_owned()).await?;
    let shown = &body[..body.len().min(80)];
    assert_eq!((refused.status, refused.body.as_str()), expected, "{path} {shown}");
    assert_eq!(refused.header("cache-control"), "no-store", "{path} {shown}");
    if !refused.body.is_empty() {
        assert!(refused.header("content-type").starts_with("text/plain"), "{path} {shown}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_json_object_of_texts_is_poorly_formed() -> Result {
    let server = lenient(Layout::SqliteShared).await?.start().await?;
    let sid = server.sid(USER).await?;
    let before = Written::by(&server).await?;
    let broken = [
        "",
        " ",
        "{",
        "nonsense",
        "{'public_key': 1}",
        "{\"a\": \"b\"",
        "{\"a\": 1} more",
        "null",
        "7",
        "\"text\"",
        "[]",
        "[\"a\", \"b\", null, null, null]",
        "{\"public_key\": \"a\\\n\"}",
        "{\"a\": \"\\x\"}",
        "{\"a\"\u{1}: 1}",
        "{\"public_key\": \"\\ud800\"}",
        "{\"public_key\": 5}",
        "{\"public_key\": [\"a\"]}",
        "{\"public_key\": {}}",
        "{\"public_key\": true}",
    ];
    let paths = [handshake(USER, &sid), session(USER, &sid), verification(USER, &sid)];
    for body in broken {
        for path in &paths {
            expect(&server, path, body, NOT_JSON).await?;
        }
    }
    // a parser may take a list for an object's fields in their order
    for length in 1..=12 {
        for path in &paths {
            expect(&server, path, &json!(vec![Phone::new()?.public_pem; length]).to_string(), NOT_JSON).await?;
            expect(&server, path, &json!(vec![Value::Null; length]).to_string(), NOT_JSON).await?;
        }
    }
    for path in &paths[1..] {
        for body in ["{\"password\": 5}", "{\"password\": {\"a\": 1}}", "{\"hashingAlgorithm\": 256}"] {
            expect(&server, path, body, NOT_JSON).await?;
        }
    }
    let (status, body) = server.post(&paths[1], vec![b'{', b'"', 0xff, b'"', b':', b'1', b'}']).await?;
    assert_eq!((status, body.as_str()), NOT_JSON, "not UTF-8");
    assert_eq!(Written::by(&server).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_fields_are_named() -> Result {
    let server = lenient(Layout::SqliteShared).await?.start().await?;
    let sid = server.sid(USER).await?;
    let before = Written::by(&server).await?;
    let pem = Phone::new()?.public_pem;
    for body in ["{}", "{\"public_key\": null}", "{\"public_key\": \"\"}", "{\"password\": \"x\"}"] {
        expect(&server, &handshake(USER, &sid), body, NO_KEY).await?;
    }
    for path in [session(USER, &sid), verification(USER, &sid)] {
        let with_key = json!({"public_key": pem}).to_string();
        for body in ["{}", "{\"password\": null}", "{\"password\": \"\"}", &with_key] {
            expect(&server, &path, body, NO_PASSWORD).await?;
        }
        // T2 without T1
        let password = Phone::new()?.two_step(&server, PASSWORD)?;
        expect(&server, &path, &password, NO_KEY).await?;
    }
    assert_eq!(Written::by(&server).await?, before);
    Ok(())
}

async fn a_session_that_is_not_ours_is_invalid(layout: Layout) -> Result {
    let server = lenient(layout).await?.users(1).start().await?;
    let phone = Phone::new()?;
    let ours = server.sid(USER).await?;
    let others = server.sid("load-000001").await?;
    let before = Written::by(&server).await?;
    // one digit of its expiry, of its random part, of its proof
    let bent = [7, 12, 31].map(|at| {
        let other = if &ours[at..=at] == "0" { "1" } else { "0" };
        format!("{}{other}{}", &ours[..at], &ours[at + 1..])
    });
    // one session has one spelling
    let (upper, longer) = (format!("{}A", &ours[..31].to_uppercase()), format!("{ours}00"));
    let mut sids = vec![FORGED, &others, &upper, &longer, &ours[1..], "000", "0", "%20", "..%2f", "zz"];
    sids.extend(bent.iter().map(String::as_str));
    let bodies = [
        (handshake as fn(&str, &str) -> String, json!({"public_key": phone.public_pem}).to_string()),
        (session, phone.one_step(&server, PASSWORD)?),
        (verification, phone.two_step(&server, PASSWORD)?),
    ];
    for sid in sids {
        for (path, body) in &bodies {
            expect(&server, &path(USER, sid), body, BAD_SID).await?;
        }
    }
    assert_eq!(Written::by(&server).await?, before);
    // and the one that is ours is none the worse for it
    phone.pair(&server, USER, &ours).await?;
    Ok(())
}

async fn an_unknown_user_looks_like_a_wrong_password(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    let mut one = Vec::new();
    let mut two = Vec::new();
    for (user, password) in
        [(USER, "wrong"), (USER, ""), (USER, "dummy_passwor\u{0}"), (NOBODY, PASSWORD), (NOBODY, "")]
    {
        let sid = server.sid(user).await?;
        one.push(answer(&server, &session(user, &sid), phone.one_step(&server, password)?).await?);
        let sid = server.sid(user).await?;
        let offered = play::offer(&server, &phone, user, &sid).await?;
        assert_eq!(offered["public_key"], server.public_pem()?, "T1 knows no users");
        two.push(answer(&server, &verification(user, &sid), phone.two_step(&server, password)?).await?);
    }
    for (answers, expected) in [(one, FORBIDDEN), (two, UNAUTHENTICATED)] {
        assert_eq!((answers[0].status, answers[0].body.as_str()), expected);
        for other in &answers {
            assert_eq!(other.looks(), answers[0].looks());
        }
    }
    assert!(Written::by(&server).await?.devices.is_empty());
    Ok(())
}

/// Passwords that cannot be decrypted, each named.
fn undecryptable(server: &Server, phone: &Phone) -> Result<Vec<(&'static str, String)>> {
    let server_key = PKey::public_key_from_pem(server.public_pem()?.as_bytes())?;
    let mut pkcs1 = Encrypter::new(&server_key)?;
    pkcs1.set_rsa_padding(Padding::PKCS1)?;
    let mut sealed = vec![0; pkcs1.encrypt_len(PASSWORD.as_bytes())?];
    let len = pkcs1.encrypt(PASSWORD.as_bytes(), &mut sealed)?;
    sealed.truncate(len);
    let sound = STANDARD.decode(phone.encrypt(server, PASSWORD)?)?;
    let mut bent = sound.clone();
    bent[200] ^= 4;
    let to_another = {
        let pair = switchboard::model::OaepDigests { oaep: phone.digests.oaep, mgf1: phone.digests.password_mgf1 };
        switchboard::crypto::phone::PhonePrivateKey::encrypt(&phone.public_pem, pair, PASSWORD.as_bytes())?
    };
    Ok(vec![
        ("PKCS#1 v1.5", STANDARD.encode(sealed)),
        ("one bit changed", STANDARD.encode(bent)),
        ("to another key", STANDARD.encode(to_another)),
        ("cut short", STANDARD.encode(&sound[1..])),
        ("too long", STANDARD.encode([&sound[..], &[0]].concat())),
        ("above the modulus", STANDARD.encode([0xff; 256])),
        ("nothing but zeros", STANDARD.encode([0; 256])),
        ("white space alone", " \n".into()),
        ("not base64", "!!!".into()),
        ("the password itself", PASSWORD.into()),
    ])
}

async fn what_does_not_decrypt_is_told_apart_in_one_step_only(layout: Layout) -> Result {
    let server = lenient(layout).await?.start().await?;
    let phone = Phone::new()?;
    for (name, password) in undecryptable(&server, &phone)? {
        for user in [USER, NOBODY] {
            let body = edited(&phone.one_step(&server, PASSWORD)?, &json!({"password": password}))?;
            let path = session(user, &server.sid(user).await?);
            assert_eq!(server.post(&path, body).await?, (400, UNDECRYPTABLE.1.into()), "{name} of {user}");
            let sid = server.sid(user).await?;
            play::offer(&server, &phone, user, &sid).await?;
            let body = edited(&phone.two_step(&server, PASSWORD)?, &json!({"password": password}))?;
            let refused = server.post(&verification(user, &sid), body).await?;
            assert_eq!(refused, (401, UNAUTHENTICATED.1.into()), "{name} of {user}");
        }
    }
    let bytes = {
        let pair = switchboard::model::OaepDigests { oaep: phone.digests.oaep, mgf1: phone.digests.password_mgf1 };
        switchboard::crypto::phone::PhonePrivateKey::encrypt(&server.public_pem()?, pair, &[0xff, 0xfe])?
    };
    let body = edited(&phone.one_step(&server, PASSWORD)?, &json!({"password": STANDARD.encode(bytes)}))?;
    expect(&server, &session(USER, &server.sid(USER).await?), &body, UNDECRYPTABLE).await?;
    assert!(Written::by(&server).await?.devices.is_empty());
    Ok(())
}

/// Bodies of O, each with two faults: the earlier check speaks.
#[tokio::test(flavor = "multi_thread")]
async fn checks_run_in_the_contract_s_order() -> Result {
    let server = lenient(Layout::SqliteShared).await?.start().await?;
    let phone = Phone::new()?;
    let used = server.sid(USER).await?;
    phone.pair(&server, USER, &used).await?;
    let fresh = server.sid(USER).await?;
    let before = Written::by(&server).await?;
    let sound = phone.one_step(&server, PASSWORD)?;
    let with = |changes: Value| edited(&sound, &changes);
    let (not_pem, garbage) = (json!({"public_key": "not a key"}), json!({"public_key": "not a key", "password": "!"}));
    let wrong = edited(&phone.one_step(&server, "wrong")?, &not_pem)?;
    let cases = [
        ("JSON before sid", FORGED, "{\"public_key\": ".to_owned(), NOT_JSON),
        ("fields before sid", FORGED, with(json!({"password": null}))?, NO_PASSWORD),
        ("fields before PEM", &fresh, with(json!({"password": null, "public_key": "x"}))?, NO_PASSWORD),
        ("sid before PEM", FORGED, with(not_pem.clone())?, BAD_SID),
        ("sid before password", FORGED, with(garbage.clone())?, BAD_SID),
        ("used sid before PEM", &used, with(not_pem.clone())?, BAD_SID),
        ("PEM before RSA", &fresh, with(garbage)?, BAD_KEY),
        ("PEM before password", &fresh, wrong, BAD_KEY),
    ];
    for (name, sid, body, expected) in cases {
        let (status, text) = server.post(&session(USER, sid), body).await?;
        assert_eq!((status, text.as_str()), expected, "{name}");
    }
    let t1 = handshake(USER, FORGED);
    expect(&server, &t1, "{", NOT_JSON).await?;
    expect(&server, &t1, "{}", NO_KEY).await?;
    expect(&server, &t1, &not_pem.to_string(), BAD_SID).await?;
    expect(&server, &handshake(USER, &fresh), &not_pem.to_string(), BAD_KEY).await?;
    expect(&server, &handshake(USER, &used), &not_pem.to_string(), BAD_SID).await?;
    let two = phone.two_step(&server, PASSWORD)?;
    expect(&server, &verification(USER, &fresh), &two, NO_KEY).await?;
    expect(&server, &verification(USER, &used), &two, BAD_SID).await?;
    assert_eq!(Written::by(&server).await?, before, "none of these reached a password");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_out_stands_between_the_public_key_and_the_password() -> Result {
    let builder = lenient(Layout::SqliteShared).await?;
    let server = builder.set("sync.lockouts", r#"[{failures=1,wait="1h"}]"#).start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    play::fail_once(&server, USER).await?;
    let before = Written::by(&server).await?;
    let sound = phone.one_step(&server, PASSWORD)?;
    expect(&server, &session(USER, &sid), &edited(&sound, &json!({"public_key": "x"}))?, BAD_KEY).await?;
    expect(&server, &session(USER, &sid), &phone.two_step(&server, PASSWORD)?, NO_KEY).await?;
    expect(&server, &session(USER, FORGED), &sound, BAD_SID).await?;
    for (name, password) in undecryptable(&server, &phone)? {
        let body = edited(&sound, &json!({"password": password}))?;
        assert_eq!(server.post(&session(USER, &sid), body).await?.0, 429, "{name} is not looked at");
    }
    assert_eq!(Written::by(&server).await?, before, "and none of it counts");
    Ok(())
}

async fn an_oversized_body_is_refused_and_a_large_one_is_not(layout: Layout) -> Result {
    let server = lenient(layout).await?.set("http.body_limit", 16_384).start().await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    let before = Written::by(&server).await?;
    let sound = phone.one_step(&server, PASSWORD)?;
    let padded = |length: usize| -> Result<String> {
        let padding = length - edited(&sound, &json!({"padding": ""}))?.len();
        edited(&sound, &json!({"padding": "x".repeat(padding)}))
    };
    // a connection each: the server ends one whose body it does not read to the end
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    for path in [session(USER, &sid), verification(USER, &sid), handshake(USER, &sid)] {
        let post = |body: String| http.post(server.url(&path)).body(body).send();
        assert_eq!(post(padded(16_385)?).await?.status(), 413, "{path}");
        // whoever sends on and on may be cut off before they read the answer
        if let Ok(answer) = post(" ".repeat(3_000_000)).await {
            assert_eq!(answer.status(), 413, "{path}");
        }
    }
    assert_eq!(Written::by(&server).await?, before);
    assert_eq!(server.post(&session(USER, &sid), padded(16_384)?).await?.0, 200, "just what fits");
    Ok(())
}

on_every_layout!(a_session_that_is_not_ours_is_invalid, an_unknown_user_looks_like_a_wrong_password);
on_both_engines!(
    what_does_not_decrypt_is_told_apart_in_one_step_only,
    an_oversized_body_is_refused_and_a_large_one_is_not,
);
