//! What callers' carriers are told, element for element and attribute for attribute as Twilio's own library writes it.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::call::dial;
use super::talk::{ANN, BOB, CID, DOT, Talk};
use crate::events::text;
use crate::harness::{Builder, Layout, Result, python};

/// Callbacks are ours.
const COMPARE: &str = "
import xml.etree.ElementTree as tree
from twilio.twiml.voice_response import Dial, VoiceResponse

OURS = ('action', 'statusCallback', 'statusCallbackEvent')

def shape(element):
    attributes = {name: value for name, value in element.attrib.items() if name not in OURS}
    return [element.tag, attributes, element.text or '', [shape(inner) for inner in element]]

def say(said):
    response = VoiceResponse()
    response.say(said, **given['voice'])
    return response

def put_through(to, caller_id):
    response, dial = say(given['connecting']), Dial(caller_id=caller_id)
    dial.number(to)
    response.append(dial)
    return response

def hosting(room):
    response, dial = say(given['connecting']), Dial()
    dial.conference(room, end_conference_on_exit=True)
    response.append(dial)
    return response

def joining(room):
    response, dial = VoiceResponse(), Dial()
    dial.conference(room)
    response.append(dial)
    return response

theirs = {
    'direct': put_through(given['to'], given['caller_id']),
    'host': hosting(given['room']),
    'guest': joining(given['room']),
    'stranger': say(given['none']),
}
answer = {name: [shape(tree.fromstring(given[name])), shape(tree.fromstring(str(response)))]
          for name, response in theirs.items()}
";

/// All that is told in one setting of the voice.
async fn told(voice: &[(&str, &str)], connecting: &str) -> Result<Value> {
    let mut builder = Builder::new(Layout::SqliteShared).await?.set("session.connecting_text", connecting);
    for (name, value) in voice {
        builder = builder.set(&format!("session.{name}"), *value);
    }
    let talk = Talk::of(builder, 3).await?;
    let two = talk.hold(&[(ANN, "Ann"), (BOB, "Bob")], json!({})).await?;
    let direct = dial(&talk, ANN, &two.number(ANN)?, "call-1").await?;
    let three = talk.hold(&[(ANN, "Ann"), (BOB, "Bob"), (CID, "Cid")], json!({})).await?;
    let host = dial(&talk, ANN, &three.number(ANN)?, "call-2").await?;
    let leg = text(&talk.said(&three).await?.first().context("nobody is called")?["outbound_call_id"])?;
    let guest = text(&talk.well("GET", &format!("/v1/calls/{leg}"), None).await?["twiml"])?;
    let stranger = dial(&talk, DOT, &talk.numbers[0], "call-3").await?;
    let room = guest.split_once("<Conference>").and_then(|(_, rest)| rest.split_once('<')).context("no room")?.0;
    let voice: serde_json::Map<String, Value> =
        voice.iter().map(|(name, it)| ((*name).to_owned(), json!(it))).collect();
    let given = json!({"direct": direct, "host": host, "guest": guest, "stranger": stranger, "voice": voice,
        "connecting": connecting, "none": "This number is not in use for you now. Goodbye.", "to": BOB,
        "caller_id": two.number(BOB)?, "room": room});
    python::run(COMPARE, given).await
}

#[tokio::test(flavor = "multi_thread")]
async fn our_twiml_is_that_of_twilios_library() -> Result {
    for (voice, connecting) in [
        (&[("voice", "alice"), ("language", "en-GB")][..], "Connecting"),
        (&[], "Ça va ? <One & two> 😀"),
        (&[("language", "de-DE")], "Wird verbunden."),
    ] {
        let told = told(voice, connecting).await?;
        for (name, pair) in told.as_object().context("no answer")? {
            assert_eq!(pair[0], pair[1], "{name}");
        }
    }
    Ok(())
}
