//! Why no number of a service is free for somebody, each by its code; and how near numbers must be.

use anyhow::ensure;
use serde_json::json;

use super::{ProxyDoor, ours};
use crate::events::text;
use crate::harness::{Layout, Result};
use crate::on_both_engines;
use crate::session::talk::{ANN, BOB};

/// In the United Kingdom.
const DEE: &str = "+447911123456";

/// In Manhattan, Brooklyn and Philadelphia.
const MANHATTAN: &str = "+12125550177";
const BROOKLYN: &str = "+17185550177";
const PHILADELPHIA: &str = "+12155550177";

fn participant(identifier: &str) -> String {
    json!({ "Identifier": identifier }).to_string()
}

async fn each_shortage_has_its_code(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let sessions = door.path("Sessions");
    let (ann, dee) = (participant(ANN), participant(DEE));
    door.refused("POST", &sessions, &[("Participants", &ann)], (400, 80206)).await?;
    door.number(&ours(0), &["sms"]).await?;
    door.well("POST", &door.path("PhoneNumbers"), &[("PhoneNumber", &ours(0))]).await?;
    door.refused("POST", &sessions, &[("Participants", &ann), ("Mode", "voice-only")], (400, 80201)).await?;
    let named = json!({"Identifier": ANN, "ProxyIdentifier": ours(0)}).to_string();
    door.refused("POST", &sessions, &[("Participants", &named), ("Mode", "voice-only")], (400, 80201)).await?;
    door.refused("POST", &sessions, &[("Participants", &dee)], (400, 80203)).await?;
    // a number that is named may be from anywhere
    let named = json!({"Identifier": DEE, "ProxyIdentifier": ours(0)}).to_string();
    door.well("POST", &sessions, &[("Participants", &named)]).await?;
    let first = door.hold(&[ANN, BOB], &[]).await?;
    door.refused("POST", &sessions, &[("Participants", &ann)], (400, 80206)).await?;
    let rest = door.hold(&[], &[]).await?;
    door.refused("POST", &text(&rest["links"]["participants"])?, &[("Identifier", ANN)], (400, 80206)).await?;
    door.well("POST", &text(&first["url"])?, &[("Status", "closed")]).await?;
    door.well("POST", &text(&rest["links"]["participants"])?, &[("Identifier", ANN)]).await?;
    door.close(5).await
}

async fn numbers_are_as_near_as_the_service_wants(layout: Layout) -> Result {
    let door = ProxyDoor::open(layout, 0).await?;
    let service = format!("/v1/Services/{}", door.service);
    // a number in Brooklyn
    door.number("+17185550105", &["sms"]).await?;
    door.well("POST", &door.path("PhoneNumbers"), &[("PhoneNumber", "+17185550105")]).await?;
    for (level, person, is_near) in [
        ("area-code", BROOKLYN, true),
        ("area-code", MANHATTAN, false),
        ("overlay", MANHATTAN, true),
        ("overlay", PHILADELPHIA, false),
        ("radius", PHILADELPHIA, true),
        ("radius", ANN, false),
        ("country", ANN, true),
        ("country", DEE, false),
    ] {
        door.well("POST", &service, &[("GeoMatchLevel", level)]).await?;
        let person = participant(person);
        let (status, answer) = door.ask("POST", &door.path("Sessions"), &[("Participants", &person)]).await?;
        let code = if level == "country" { 80203 } else { 80206 };
        let is_so = if is_near { status == 201 } else { status == 400 && answer["code"] == code };
        ensure!(is_so, "{level} {person}: {status} {answer}");
        if is_near {
            door.well("DELETE", &text(&answer["url"])?, &[]).await?;
        }
    }
    door.close(12).await
}

on_both_engines!(each_shortage_has_its_code, numbers_are_as_near_as_the_service_wants);
