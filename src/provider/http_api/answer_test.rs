//! What answers come to: by what they say, by their status, or not known.

use http::StatusCode;
use serde_json::{Value, json};

use super::*;
use crate::provider::http_api::template::NamedSecrets;

fn reader(description: Value) -> Result<AnswerReader, String> {
    let read: AnswerDescription = serde_json::from_value(description).map_err(|error| error.to_string())?;
    read.compile("answer")
}

fn echoes() -> SecretEchoes {
    SecretEchoes::of(&NamedSecrets::new(), Vec::new())
}

fn outcome(reader: &AnswerReader, status: u16, body: impl Into<Vec<u8>>) -> SendOutcome {
    let body: Vec<u8> = body.into();
    let status = StatusCode::from_u16(status).unwrap();
    reader.outcome(&ProviderAnswer { status, retry_after: None, body: body.into() }, &echoes())
}

fn is_uncertain(outcome: &SendOutcome) -> bool {
    matches!(outcome, SendOutcome::Uncertain { .. })
}

fn accepted(id: &str) -> SendOutcome {
    SendOutcome::Accepted { provider_id: id.to_owned(), segments: None }
}

#[test]
fn answers_of_each_format_are_read_or_are_in_doubt() {
    let json = json!({"format": "json", "id": "m/*/id", "state": "m/*/code", "error_code": "m/*/code",
        "states": {"100": "accepted", "403": "refused", "405": "denied", "501": "throttled"}, "error": "say"});
    let json = reader(json).unwrap();
    let one = |code: u32| json!({"say": "no", "m": [{"id": "m1", "code": code}]}).to_string();
    let reason = || "no".to_owned();
    assert_eq!(outcome(&json, 200, one(100)), accepted("m1"));
    assert_eq!(outcome(&json, 200, one(403)), SendOutcome::Refused { code: Some(403), reason: reason() });
    assert_eq!(outcome(&json, 200, one(405)), SendOutcome::Denied { code: Some(405), reason: reason() });
    assert_eq!(outcome(&json, 200, one(501)), SendOutcome::Throttled { after: None, reason: reason() });
    for doubtful in [
        one(999),
        String::new(),
        "{}".to_owned(),
        "<ok/>".to_owned(),
        json!({"m": []}).to_string(),
        json!({"m": [{"code": 100}]}).to_string(),
        json!({"m": [{"code": 100, "id": "two words"}]}).to_string(),
        json!({"m": [{"code": 100, "id": "1"}, {"code": 100, "id": "2"}]}).to_string(),
        // longer than any answer is read
        json!({"m": [{"code": 100, "id": "1"}], "more": "x".repeat(64 * 1024)}).to_string(),
    ] {
        assert!(is_uncertain(&outcome(&json, 200, doubtful.as_str())), "{doubtful:.80}");
    }
    let xml = reader(json!({"format": "xml", "id": "message/@id"})).unwrap();
    assert_eq!(outcome(&xml, 200, "<r xmlns='http://x/'><message id='m2'/></r>"), accepted("m2"));
    assert!(is_uncertain(&outcome(&xml, 200, "<r><message id='m2'/><message id='m3'/></r>")));
    let text = reader(json!({"format": "text", "id": "^OK ([a-z0-9]+)$", "error": "^ERR (.*)$"})).unwrap();
    assert_eq!(outcome(&text, 200, " OK m3\r\n"), accepted("m3"));
    assert!(is_uncertain(&outcome(&text, 200, "ERR no money")));
    assert_eq!(text.explain(b"ERR no money", &echoes()), Some((None, "no money".to_owned())));
    let form = reader(json!({"format": "form", "id": "id", "error_code": "code"})).unwrap();
    assert_eq!(outcome(&form, 201, "id=m4&code=0"), accepted("m4"));
    assert_eq!(form.explain(b"code=7", &echoes()), Some((Some(7), String::new())));
}

#[test]
fn names_of_messages_are_texts_or_whole_numbers() {
    let json = reader(json!({"format": "json", "id": "id"})).unwrap();
    assert_eq!(outcome(&json, 200, r#"{"id": 17}"#), accepted("17"));
    assert_eq!(outcome(&json, 200, r#"{"id": "0"}"#), accepted("0"));
    for odd in ["true", "false", "0", "-1", "1.5", "1.0", "1e3", "null", "\"\"", "[\"1\"]", "{}"] {
        assert!(is_uncertain(&outcome(&json, 200, format!("{{\"id\": {odd}}}"))), "{odd}");
    }
}

#[test]
fn statuses_say_what_the_answer_does_not() {
    let plain = reader(json!({"format": "json", "id": "id"})).unwrap();
    let (code, reason) = (None, |status: u16| format!("HTTP {status}"));
    for (status, wanted) in [
        (400, SendOutcome::Refused { code, reason: reason(400) }),
        (404, SendOutcome::Refused { code, reason: reason(404) }),
        (401, SendOutcome::Denied { code, reason: reason(401) }),
        (402, SendOutcome::Denied { code, reason: reason(402) }),
        (403, SendOutcome::Forbidden { code, reason: reason(403) }),
        (429, SendOutcome::Throttled { after: None, reason: reason(429) }),
    ] {
        assert_eq!(outcome(&plain, status, ""), wanted, "{status}");
    }
    for status in [301, 302, 307, 308, 408, 425, 500, 501, 502, 503, 504] {
        assert!(is_uncertain(&outcome(&plain, status, "")), "{status}");
        // nor is a message accepted under it
        assert!(is_uncertain(&outcome(&plain, status, r#"{"id": "1"}"#)), "{status}");
    }
    let told = json!({"format": "json", "id": "id", "state": "s", "states": {"ok": "accepted", "full": "throttled"},
        "error_code": "c", "codes": {"E9": "uncertain"}, "statuses": {"503": "throttled", "302": "refused"}});
    let told = reader(told).unwrap();
    assert!(matches!(outcome(&told, 503, ""), SendOutcome::Throttled { .. }));
    assert!(matches!(outcome(&told, 302, ""), SendOutcome::Refused { .. }));
    assert!(matches!(outcome(&told, 500, r#"{"s": "full"}"#), SendOutcome::Throttled { .. }));
    assert!(is_uncertain(&outcome(&told, 503, r#"{"s": "ok", "id": "1"}"#)));
    assert!(is_uncertain(&outcome(&told, 400, r#"{"c": "E9"}"#)));
    assert!(is_uncertain(&outcome(&told, 500, "")));
}

#[test]
fn codes_say_more_than_states_and_words_are_read_to_the_letter() {
    let json = json!({"format": "json", "id": "id", "state": "s", "states": {"ok": "accepted", "OK": "refused"},
        "error_code": "c", "codes": {"7": "opted_out", "E8": "denied", "9": "throttled"}, "error": "w"});
    let json = reader(json).unwrap();
    assert_eq!(outcome(&json, 200, r#"{"s": "ok", "id": "1"}"#), accepted("1"));
    assert!(matches!(outcome(&json, 200, r#"{"s": "OK", "id": "1"}"#), SendOutcome::Refused { .. }));
    assert!(is_uncertain(&outcome(&json, 200, r#"{"s": "Ok", "id": "1"}"#)));
    for status in [200, 400, 500] {
        let reason = "they said STOP".to_owned();
        let opted_out = outcome(&json, status, r#"{"s": "OK", "c": 7, "w": "they said STOP"}"#);
        assert_eq!(opted_out, SendOutcome::Refused { code: Some(OPTED_OUT), reason }, "{status}");
        assert!(matches!(outcome(&json, status, r#"{"c": "E8"}"#), SendOutcome::Denied { .. }), "{status}");
        assert!(matches!(outcome(&json, status, r#"{"c": 9}"#), SendOutcome::Throttled { .. }), "{status}");
    }
    // one of the two is wrong
    assert!(is_uncertain(&outcome(&json, 200, r#"{"s": "ok", "id": "1", "c": 9}"#)));
    // a code like ours for those who opted out is not that
    let code = outcome(&json, 400, format!("{{\"c\": {OPTED_OUT}}}"));
    assert!(matches!(code, SendOutcome::Refused { code: None, .. }), "{code:?}");
}

#[test]
fn an_unknown_code_beside_a_name_is_in_doubt_where_no_state_is_said() {
    let plain = json!({"format": "json", "id": "id", "error_code": "c", "codes": {"7": "refused"}, "error": "w"});
    let plain = reader(plain).unwrap();
    for none in ["0", "\"0\"", "\"00\"", "\"\"", "\" \"", "null"] {
        assert_eq!(outcome(&plain, 200, format!("{{\"id\": \"1\", \"c\": {none}}}")), accepted("1"), "{none}");
    }
    for odd in ["8", "\"E8\"", "-1", "\"0x0\""] {
        let body = format!("{{\"id\": \"1\", \"c\": {odd}, \"w\": \"no\"}}");
        assert!(is_uncertain(&outcome(&plain, 200, body.as_str())), "{odd}");
        // what a status says it says all the same
        assert!(matches!(outcome(&plain, 400, body), SendOutcome::Refused { .. }), "{odd}");
    }
    assert!(matches!(outcome(&plain, 200, r#"{"id": "1", "c": 7}"#), SendOutcome::Refused { code: Some(7), .. }));
    let stated = json!({"format": "json", "id": "id", "state": "s", "states": {"ok": "accepted"}, "error_code": "c"});
    assert_eq!(outcome(&reader(stated).unwrap(), 200, r#"{"s": "ok", "id": "1", "c": 8}"#), accepted("1"));
}

#[test]
fn what_repeats_a_secret_does_not_show_it() {
    let secrets = NamedSecrets::from([("key".to_owned(), crate::model::Secret::new("hu&sh".to_owned()))]);
    let echoes = SecretEchoes::of(&secrets, Vec::new());
    let json = reader(json!({"format": "json", "id": "id", "error": "w"})).unwrap();
    for (status, said) in [(400, "hu&sh"), (401, "hu%26sh"), (500, "hu&amp;sh"), (200, "hu&sh")] {
        // the secret is where words are cut
        let body = json!({"w": format!("{}{said}", "x".repeat(297))}).to_string();
        let answer =
            ProviderAnswer { status: StatusCode::from_u16(status).unwrap(), retry_after: None, body: body.into() };
        let outcome = format!("{:?}", json.outcome(&answer, &echoes));
        assert!(!outcome.contains("hu"), "{outcome}");
        assert_eq!(json.explain(&answer.body, &echoes).map(|(_, words)| words.contains("hu")), Some(false));
    }
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |more: Value| {
        let mut description = json!({"format": "json", "id": "a"});
        more.as_object().unwrap().iter().for_each(|(name, value)| description[name] = value.clone());
        reader(description).err().unwrap_or_default()
    };
    for (more, said) in [
        (json!({"id": ""}), "answer.id "),
        (json!({"state": "b"}), "answer.states "),
        (json!({"states": {"x": "accepted"}}), "answer.state "),
        (json!({"format": "text", "id": "OK"}), "answer.id "),
        (json!({"format": "xml", "error": "@b/c"}), "answer.error "),
        (json!({"state": "b", "states": {"x": "good"}}), "unknown variant"),
        (json!({"codes": {"7": "denied"}}), "answer.error_code "),
        (json!({"error_code": "c", "codes": {"7": "accepted"}}), "answer.codes "),
        (json!({"statuses": {"200": "refused"}}), "answer.statuses "),
        (json!({"statuses": {"0503": "refused"}}), "answer.statuses "),
        (json!({"statuses": {"503": "accepted"}}), "answer.statuses "),
    ] {
        let reason = wrong(more.clone());
        assert!(reason.starts_with(said), "{more}: {reason}");
    }
}
