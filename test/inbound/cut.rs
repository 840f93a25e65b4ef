//! One good webhook, its fields cut elsewhere: the signature does not see where a name ends, and who writes the text
//! writes the cut. A signature is taken once.

use anyhow::ensure;
use futures_util::future::try_join_all;
use serde_json::json;
use switchboard::store::Change;

use super::play::{ELSEWHERE, OURS, PERSON, PUBLIC, builder, form, number, post_form, received, settled, twilio};
use crate::harness::carrier::{ACCOUNT, TOKEN, signature::sign};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::{in_foreign_sessions, on_both_engines};

const SMS: &str = "/webhooks/twilio/sms";
const STATUS: &str = "/webhooks/twilio/status";
const VICTIM: &str = "+14155550111";
/// Races of a post with what was cut from it.
const ROUNDS: usize = 12;

type Fields = Vec<(String, String)>;

fn owned(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn sid() -> String {
    format!("SM{:032x}", rand::random::<u128>())
}

/// A text as its sender writes it, and two texts of somebody else's that it can be cut into. All say the same bytes in
/// the same order, and each name and value has the shape that it should have.
fn cuts() -> [Fields; 3] {
    let [real, first, second] = [sid(), sid(), sid()];
    let one = format!("pay meFrom{VICTIM}MessageSid{first}Note");
    let other = format!("From{VICTIM}MessageSid{second}Note");
    let body = format!("{one}{other}");
    let behind = format!("From{PERSON}MessageSid{real}");
    let text = |body: &str, from: &str, sid: &str, note: Option<String>| {
        let mut fields = owned(&form(sid, body));
        from.clone_into(&mut fields[2].1);
        fields.extend(note.map(|note| ("Note".to_owned(), note)));
        fields
    };
    [
        text(&body, PERSON, &real, None),
        text("pay me", VICTIM, &first, Some(format!("{other}{behind}"))),
        text(&one, VICTIM, &second, Some(behind.clone())),
    ]
}

fn signed(path: &str, fields: &Fields) -> String {
    sign(TOKEN, &format!("{PUBLIC}{path}"), fields)
}

/// At Twilio itself, so that all that it is known by counts.
async fn at_twilio(builder: Builder) -> Result<Server> {
    let builder = builder.set(ELSEWHERE.0, "https://api.twilio.com").set("inbound.receipt_patience", "100ms");
    let server = builder.start().await?;
    let account = twilio(&server).await?;
    number(&server, &account, OURS, json!({})).await?;
    Ok(server)
}

async fn a_signature_is_taken_once(layout: Layout) -> Result {
    let server = at_twilio(builder(layout).await?).await?;
    let [real, first, second] = cuts();
    let signature = signed(SMS, &real);
    ensure!([&first, &second].iter().all(|cut| signed(SMS, cut) == signature), "they are not the same bytes");
    for (fields, status) in [(&real, 200), (&first, 403), (&second, 403), (&real, 200), (&first, 403)] {
        assert_eq!(post_form(&server, SMS, fields, &signature).await?.0, status, "{fields:?}");
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, &real[4].1]]);

    // whichever comes first
    let [real, first, second] = cuts();
    let signature = signed(SMS, &real);
    for (fields, status) in [(&second, 200), (&real, 403), (&first, 403), (&second, 200)] {
        assert_eq!(post_form(&server, SMS, fields, &signature).await?.0, status, "{fields:?}");
    }
    // the same text signed anew, as for another URL, is a repeat: and that signature is taken too
    let [real, first, _] = cuts();
    assert_eq!(post_form(&server, SMS, &real, &signed(SMS, &real)).await?.0, 200);
    for query in ["?again", "?once=more"] {
        let path = format!("{SMS}{query}");
        let signature = signed(&path, &real);
        for (fields, status) in [(&real, 200), (&first, 403), (&real, 200)] {
            assert_eq!(post_form(&server, &path, fields, &signature).await?.0, status, "{query}: {fields:?}");
        }
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?.len(), 3);

    // what is said of messages, too
    let real = owned(&[("MessageSid", &sid()), ("MessageStatus", "sent"), ("AccountSid", ACCOUNT), ("To", PERSON)]);
    let mut cut = real.clone();
    cut[1].1 = format!("sentTo{PERSON}");
    cut.pop();
    let signature = signed(STATUS, &real);
    ensure!(signed(STATUS, &cut) == signature);
    for (fields, status) in [(&real, 204), (&cut, 403), (&real, 204)] {
        assert_eq!(post_form(&server, STATUS, fields, &signature).await?.0, status, "{fields:?}");
    }
    Ok(())
}

/// Many at once, honest and cut, in one batch and in several.
async fn a_cut_does_its_neighbours_no_harm(layout: Layout) -> Result {
    let server = at_twilio(builder(layout).await?).await?;
    let taken = cuts();
    assert_eq!(post_form(&server, SMS, &taken[0], &signed(SMS, &taken[0])).await?.0, 200);
    let honest: Vec<Fields> = (0..60).map(|n| owned(&form(&sid(), &format!("text {n:02}")))).collect();
    let posts =
        honest.iter().enumerate().flat_map(|(n, fields)| [(fields, 200), (&taken[1 + n % 2], 403), (fields, 200)]);
    let node = &server;
    let posts = posts.map(|(fields, expected)| async move {
        let (status, answer) = post_form(node, SMS, fields, &signed(SMS, fields)).await?;
        ensure!(status == expected, "{status} {answer}: {fields:?}");
        anyhow::Ok(())
    });
    try_join_all(posts).await?;
    settled(&server).await?;
    let mut bodies: Vec<_> = received(&server).await?.into_iter().map(|mut row| row.remove(2)).collect();
    bodies.sort();
    bodies.retain(|body| body.starts_with("text "));
    assert_eq!(bodies, (0..60).map(|n| format!("text {n:02}")).collect::<Vec<_>>());
    assert_eq!(received(&server).await?.len(), 61);
    Ok(())
}

async fn ids_and_names_are_twilio_s(layout: Layout) -> Result {
    let server = at_twilio(builder(layout).await?).await?;
    let (good, other, call) = (sid(), sid(), format!("CA{}", &sid()[2..]));
    let long = "x".repeat(64);
    let text = |sid: &str, more: &[(&str, &str)]| owned(&[&form(sid, "hello")[..], more].concat());
    let receipt = |name: &str, sid: &str| {
        owned(&[(name, sid), ("AccountSid", ACCOUNT), ("MessageStatus", "sent"), ("CallStatus", "ringing")])
    };
    let many = |count: usize| -> Fields {
        let more = (0..count - 5).map(|n| (format!("More{n}"), String::new()));
        text(&sid(), &[]).into_iter().chain(more).collect()
    };
    for (path, fields, status) in [
        (SMS, text(&good, &[("SmsSid", &good), ("SmsMessageSid", &good), (&long, "as long as it may be")]), 200),
        (SMS, text(&good.replace("SM", "MM"), &[("Reply.To_a-name", "")]), 200),
        (SMS, text("SM1", &[]), 400),
        (SMS, text(&good[..33], &[]), 400),
        (SMS, text(&call, &[]), 400),
        (SMS, text(&other, &[("SmsSid", &good)]), 400),
        (SMS, text(&other, &[("SmsMessageSid", &good)]), 400),
        (SMS, text(&other, &[("MessageSid", &good)]), 400),
        (SMS, text(&other, &[(&format!("{long}x"), "")]), 403),
        (SMS, text(&other, &[("From+1415", "")]), 403),
        (SMS, text(&other, &[("Größe", "")]), 403),
        (SMS, text(&other, &[("", "nameless")]), 403),
        (STATUS, receipt("CallSid", &call), 204),
        (STATUS, receipt("CallSid", &good), 400),
        (STATUS, receipt("MessageSid", &call), 400),
        (SMS, many(256), 200),
        (SMS, many(257), 400),
    ] {
        let (answered, said) = post_form(&server, path, &fields, &signed(path, &fields)).await?;
        assert_eq!(answered, status, "{said} to {} fields: {:?}", fields.len(), &fields[..fields.len().min(9)]);
    }
    // what was refused is not remembered
    let mended = text(&other, &[]);
    assert_eq!(post_form(&server, SMS, &mended, &signed(SMS, &mended)).await?.0, 200);
    settled(&server).await?;
    assert_eq!(received(&server).await?.len(), 4);
    // whoever speaks as Twilio does names messages as it likes, but each by one name
    let server = builder(layout).await?.start().await?;
    twilio(&server).await?;
    for (fields, status) in [(text("a-1", &[("SmsSid", "a-1")]), 200), (text("a-2", &[("SmsSid", "a-1")]), 400)] {
        assert_eq!(post_form(&server, SMS, &fields, &signed(SMS, &fields)).await?.0, status);
    }
    Ok(())
}

/// Each cut counts, and what is proved is taken beside them.
async fn a_cut_is_a_guess(layout: Layout) -> Result {
    let server = at_twilio(builder(layout).await?.set("http.requests_per_address", 2)).await?;
    let [real, cut, _] = cuts();
    let signature = signed(SMS, &real);
    assert_eq!(post_form(&server, SMS, &real, &signature).await?.0, 200);
    for _ in 0..2 {
        assert_eq!(post_form(&server, SMS, &cut, &signature).await?.0, 403);
    }
    let spent = async || Ok((post_form(&server, SMS, &cut, &signature).await?.0 == 429).then_some(()));
    until("the end of what one address may guess", spent).await?;
    let forged = signed("/elsewhere", &real);
    assert_eq!(post_form(&server, SMS, &real, &forged).await?.0, 429);
    assert_eq!(post_form(&server, SMS, &real, &signature).await?.0, 200);
    Ok(())
}

async fn rename(server: &Server, sql: &'static str) -> Result {
    Ok(server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?)
}

async fn a_store_that_cannot_be_asked_takes_nothing(layout: Layout) -> Result {
    let server = at_twilio(builder(layout).await?).await?;
    let [real, cut, _] = cuts();
    let signature = signed(SMS, &real);
    rename(&server, "ALTER TABLE sb_inbound RENAME TO sb_away").await?;
    for fields in [&cut, &real] {
        ensure!(post_form(&server, SMS, fields, &signature).await?.0 >= 500, "{fields:?}");
    }
    rename(&server, "ALTER TABLE sb_away RENAME TO sb_inbound").await?;
    for (fields, status) in [(&real, 200), (&cut, 403), (&real, 200)] {
        assert_eq!(post_form(&server, SMS, fields, &signature).await?.0, status, "{fields:?}");
    }
    settled(&server).await?;
    assert_eq!(received(&server).await?, [[PERSON, OURS, &real[4].1]]);
    Ok(())
}

on_both_engines!(
    a_signature_is_taken_once,
    a_cut_does_its_neighbours_no_harm,
    ids_and_names_are_twilio_s,
    a_cut_is_a_guess,
    a_store_that_cannot_be_asked_takes_nothing,
);

in_foreign_sessions!(a_signature_is_taken_once);

/// A post and what was cut from it reach both nodes at once: one of them is taken, and stays the one.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_taken_once_on_two_nodes() -> Result {
    let one = builder(Layout::MariadbShared).await?;
    let other = Builder::at(one.home()).set("http.public_url", PUBLIC);
    let one = at_twilio(one).await?;
    let other = other.start_unseeded().await?;
    for round in 0..ROUNDS {
        let cuts = cuts();
        let signature = signed(SMS, &cuts[0]);
        let posts = (0..12).map(|n| {
            let (node, which) = (if n % 2 == 0 { &one } else { &other }, (n / 2 + round) % 3);
            let (fields, signature) = (&cuts[which], &signature);
            async move { anyhow::Ok((which, post_form(node, SMS, fields, signature).await?.0)) }
        });
        let statuses = try_join_all(posts).await?;
        let taken: Vec<usize> = statuses.iter().filter(|(_, status)| *status == 200).map(|(which, _)| *which).collect();
        ensure!(taken.len() == 4 && taken.iter().all(|which| *which == taken[0]), "{statuses:?}");
        ensure!(statuses.iter().filter(|(_, status)| *status == 403).count() == 8, "{statuses:?}");
        for (which, fields) in cuts.iter().enumerate() {
            let expected = if which == taken[0] { 200 } else { 403 };
            assert_eq!(post_form(&other, SMS, fields, &signature).await?.0, expected);
        }
    }
    settled(&one).await?;
    assert_eq!(received(&one).await?.len(), ROUNDS);
    Ok(())
}
