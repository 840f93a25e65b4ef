//! Twilio Proxy's JSON in our words.

use super::*;

const NOW_MS: Millis = 1_900_000_000_000;

fn sid(prefix: &str) -> String {
    format!("{prefix}{}", "0aF1".repeat(8))
}

fn session(set: &Value) -> Value {
    let mut session = json!({"sid": sid("KC"), "status": "open", "unique_name": "17", "ttl": 0, "mode": "voice-only",
        "date_created": "2030-03-17T17:00:00Z", "date_expiry": null, "date_last_interaction": null});
    for (name, value) in set.as_object().into_iter().flatten() {
        session[name] = value.clone();
    }
    session
}

#[test]
fn a_service_is_a_pool() -> Result<(), String> {
    let service = json!({"sid": sid("KS"), "unique_name": "rides", "default_ttl": 3600, "callback_url": "",
        "number_selection_behavior": "avoid-sticky", "geo_match_level": "area-code",
        "intercept_callback_url": "https://a.example/asked", "out_of_session_callback_url": null});
    let pool = super::pool(&service)?;
    assert_eq!((pool.id, pool.name.as_str()), (Some("0af1".repeat(8)), "rides"));
    assert_eq!(
        pool.settings,
        json!({"choice": "avoid_sticky", "bound": "area_code", "rest": "0s", "ttl": "3600s", "callback_url": null,
            "intercept_url": "https://a.example/asked", "out_of_session_url": null, "hook_format": "form"})
    );
    let bare = super::pool(&json!({"sid": sid("KS"), "default_ttl": 0}))?;
    assert_eq!(
        (bare.name, &bare.settings["ttl"], &bare.settings["bound"]),
        (sid("KS"), &Value::Null, &json!("country"))
    );
    // programs name a service by it
    let longest = "n".repeat(191);
    assert_eq!(super::pool(&json!({"sid": sid("KS"), "unique_name": longest}))?.name, longest);
    assert!(super::pool(&json!({"sid": "KS12"})).is_err());
    Ok(())
}

#[test]
fn a_number_can_do_what_it_could() -> Result<(), String> {
    let listed = json!({"phone_number": "+12125550100", "is_reserved": true,
        "capabilities": {"sms": true, "mms": false, "voice": true, "fax": true}});
    let taken = number(&listed)?;
    assert_eq!((taken.capabilities.join(" ").as_str(), taken.is_reserved), ("sms voice", true));
    let by_direction = json!({"phone_number": "+12125550100", "capabilities": {"SMS": false, "voice_inbound": true}});
    assert_eq!(number(&by_direction)?.capabilities, ["voice"]);
    assert_eq!(number(&json!({"phone_number": "+12125550100"}))?.capabilities, ["sms"]);
    assert!(number(&json!({"sid": "PN1"})).is_err());
    Ok(())
}

#[test]
fn only_what_goes_on_is_live() {
    let is_live = |set: Value| live(&session(&set), NOW_MS).map(|live| live.is_some());
    assert_eq!(is_live(json!({})), Ok(true));
    assert_eq!(
        is_live(json!({"status": "in-progress", "ttl": 600, "date_last_interaction": "2030-03-17T17:45:00Z"})),
        Ok(true)
    );
    assert_eq!(is_live(json!({"ttl": 600})), Ok(false), "silent for longer");
    assert_eq!(is_live(json!({"ttl": 600, "date_expiry": "2031-01-01T00:00:00Z"})), Ok(true), "it has a fixed end");
    assert_eq!(is_live(json!({"date_expiry": "2030-01-01T00:00:00Z"})), Ok(false));
    for status in ["closed", "failed"] {
        assert_eq!(is_live(json!({ "status": status })), Ok(false));
    }
    for wrong in [json!({"status": "odd"}), json!({"sid": "KC1"}), json!({"date_expiry": "soon"})] {
        assert!(is_live(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_session_is_taken_with_those_who_are_in_it() -> Result<(), String> {
    let name = "n".repeat(255);
    let one = |prefix: &str, identifier: &str, left: Value| {
        json!({"sid": format!("KP{}", prefix.repeat(32)), "identifier": identifier, "friendly_name": name,
            "proxy_identifier": "+12125550100", "date_deleted": left})
    };
    let people = [one("a", "+14155550101", Value::Null), one("b", "+14155550102", json!("2030-03-17T17:30:00Z"))];
    let order = |people: &[Value]| -> Result<SessionToImport, String> {
        let session = session(&json!({}));
        live(&session, NOW_MS)?.ok_or("over")?.order(people)
    };
    let taken = order(&people)?;
    assert_eq!((taken.id, taken.numbers), ("0af1".repeat(8), vec!["+12125550100".to_owned()]));
    assert_eq!(
        taken.body,
        json!({
            "door": "twilio_proxy", "created_at": "2030-03-17T17:00:00.000Z", "last_interaction_at": null,
            "participant_ids": ["a".repeat(32)],
            "session": {
                "participants": [{"address": "+14155550101", "number": "+12125550100", "name": name}],
                "mode": "voice", "unique_name": "17", "ttl": null, "ends_at": null,
            },
        })
    );
    // whether nobody need be in it is for the server to say
    assert_eq!(order(&people[1..])?.body["session"]["participants"], json!([]));
    assert!(order(&[json!({"sid": sid("KP")})]).is_err());
    Ok(())
}
