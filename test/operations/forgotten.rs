//! The harness fails a test whose server has forgotten a job: here it is made to.

use anyhow::ensure;
use serde_json::json;
use switchboard::model::{Clock, rfc3339};
use switchboard::store::Change;

use crate::events::well;
use crate::harness::forgotten::{PARKED, QUERIES, jobs};
use crate::harness::{Layout, Result, Server};
use crate::on_both_engines;
use crate::relay::client::{TO, loopback};

const DELIVERY: &str = "INSERT INTO sb_delivery (event_id, target_id, target, ready_ms, tries, state, changed_ms) \
                        VALUES (X'00112233445566778899aabbccddeeff', X'ffeeddccbbaa99887766554433221100', 'endpoint', \
                        NULL, 0, 'pending', 0)";
const TURN: &str = "INSERT INTO sb_delivery_turn (event_id, target_id, object, place) \
                    VALUES (X'00112233445566778899aabbccddeeff', X'ffeeddccbbaa99887766554433221100', \
                    X'00112233445566778899aabbccddeeff', 1)";

const PUBLICATION: &str = "INSERT INTO sb_publication \
    (id, text_hash, user_id, platform, phone_hash, sealed, tries, state, received_ms) \
    VALUES (X'00112233445566778899aabbccddeeff', \
    X'00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'u', 'p', 'h', X'00', 0, 'waiting', 0)";

/// A session that was to end, and a person in it to its end.
const SESSION: &str = "INSERT INTO sb_session (id, client_id, mode, state, door, settings, ttl_ms, sequence, created_ms, \
                       changed_ms) VALUES (X'00112233445566778899aabbccddeeff', X'00000000000000000000000000000001', \
                       'both', 'open', 'native', '{\"labels\":\"off\",\"end_text\":\"It has ended.\"}', 1, 1, 1, 1)";
const PARTICIPANT: &str = "INSERT INTO sb_participant (id, session_id, client_id, address, person, number_id, number, \
                           joined_ms, left_ms, place) VALUES (X'ffeeddccbbaa99887766554433221100', \
                           X'00112233445566778899aabbccddeeff', X'00000000000000000000000000000001', 'a', 'a', \
                           X'00112233445566778899aabbccddeeff', 'n', 1, 2, 0)";
const INTERACTION: &str = "INSERT INTO sb_interaction (id, session_id, client_id, kind, to_participant, created_ms) \
                           VALUES (X'00112233445566778899aabbccddeeff', X'00112233445566778899aabbccddeeff', \
                           X'00000000000000000000000000000001', 'message', X'ffeeddccbbaa99887766554433221100', 2)";

/// An import that somebody writes, without a time at which another might give it up.
const IMPORT: &str = "INSERT INTO sb_number_import (id, client_id, state, total, written, set_ms, created_ms) VALUES \
                      (X'00112233445566778899aabbccddeeff', X'00000000000000000000000000000001', 'writing', 2, 1, 0, 0)";

const ASKED: &str = "INSERT INTO sb_asked_text (id, client_id, lane, received_ms, ready_ms, set_ms) \
    VALUES (X'00112233445566778899aabbccddeeff', X'ffeeddccbbaa99887766554433221100', \
    X'00112233445566778899aabbccddeeff', 1, 1, 1)";

async fn what_nobody_will_do_is_found(layout: Layout) -> Result {
    let mut server = Server::start(layout).await?;
    loopback(&server).await?;
    let later = rfc3339(Clock::default().now_ms() + 3_600_000);
    // nobody is ever there
    for message in [json!({"to": "+15005550014", "body": "x"}), json!({"to": TO, "body": "x", "send_at": later})] {
        well(&server, "POST", "/v1/messages", Some(message)).await?;
    }
    server.kill()?;
    let store = server.home().databases.store()?;
    let mut found = jobs(&store).await?;
    ensure!(found.is_empty(), "{found:?}");
    for (sql, wanted) in [
        ("DELETE FROM sb_lane", vec![QUERIES[2].0]),
        ("DELETE FROM sb_outbox", vec![QUERIES[0].0]),
        ("DELETE FROM sb_schedule", vec![QUERIES[0].0, QUERIES[1].0]),
        // or this test would fail as it ends
        ("UPDATE sb_message SET state = 'canceled'", Vec::new()),
        (DELIVERY, vec![QUERIES[3].0]),
        (TURN, vec![QUERIES[3].0, QUERIES[4].0]),
        ("UPDATE sb_delivery SET ready_ms = 4611686018427387904", vec![QUERIES[4].0, PARKED]),
        // behind the turn that is there
        ("UPDATE sb_delivery SET ready_ms = 5231400165740244735", vec![QUERIES[4].0]),
        ("UPDATE sb_delivery_turn SET target_id = event_id", vec![QUERIES[4].0, PARKED]),
        ("DELETE FROM sb_delivery", vec![QUERIES[4].0]),
        ("DELETE FROM sb_delivery_turn", Vec::new()),
        (PUBLICATION, vec![QUERIES[5].0]),
        ("DELETE FROM sb_publication", Vec::new()),
        (SESSION, vec![QUERIES[6].0]),
        (PARTICIPANT, vec![QUERIES[6].0]),
        ("UPDATE sb_session SET state = 'closed', closed_ms = 2", vec![QUERIES[7].0]),
        ("UPDATE sb_session SET tell_ms = 3", Vec::new()),
        ("UPDATE sb_session SET tell_ms = NULL", vec![QUERIES[7].0]),
        (INTERACTION, Vec::new()),
        (IMPORT, vec![QUERIES[8].0]),
        ("UPDATE sb_number_import SET state = 'done'", Vec::new()),
        ("UPDATE sb_number SET import_id = X'00112233445566778899aabbccddeeff'", Vec::new()),
        ("DELETE FROM sb_number_import", vec![QUERIES[9].0]),
        ("UPDATE sb_number SET import_id = NULL", Vec::new()),
        (ASKED, vec![QUERIES[10].0]),
        ("DELETE FROM sb_asked_text", Vec::new()),
    ] {
        store.commit(Change::new().run(sql, Vec::new())).await?;
        found = jobs(&store).await?;
        ensure!(found == wanted, "{sql}: {found:?}");
    }
    Ok(())
}

on_both_engines!(what_nobody_will_do_is_found);
