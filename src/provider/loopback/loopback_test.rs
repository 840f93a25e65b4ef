//! The table of numbers, the ring, and the speed.

use super::ring::KEPT;
use super::*;
use crate::model::{Secret, SecretReference, VerificationId};
use crate::provider::mock::{Result, outgoing, settings};
use crate::provider::{CarrierKind, OutgoingSecret, opted_out};

fn loopback(room: usize) -> Result<(Loopback, mpsc::Receiver<LoopbackEvent>)> {
    let (events, told) = mpsc::channel(room);
    Ok((Loopback::new(&settings("http://h")?, Clock::by_hand(5_000), events), told))
}

fn receipt(told: &mut mpsc::Receiver<LoopbackEvent>) -> Option<(MessageState, Option<i64>)> {
    let LoopbackEvent::Receipt(receipt) = told.try_recv().ok()? else { return None };
    let receipt = receipt.read();
    Some((receipt.state?, receipt.error_code))
}

#[tokio::test]
async fn refusals_are_twilios() -> Result {
    let (loopback, mut told) = loopback(9)?;
    for (to, code) in [("0001", 21_211), ("0002", 21_612), ("0003", 21_408), ("0004", 21_610), ("0009", 21_614)] {
        let sent = loopback.send(&outgoing(&format!("+1500555{to}"), "x")).await;
        assert!(matches!(sent, SendOutcome::Refused { code: Some(found), .. } if found == code), "{to}: {sent:?}");
        assert_eq!(opted_out(CarrierKind::Loopback, Some(code)), to == "0004");
    }
    assert!(told.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn receipts_and_echoes_follow() -> Result {
    let (loopback, mut told) = loopback(9)?;
    for (to, expected) in [
        ("+14155550100", Some((MessageState::Delivered, None))),
        ("+15005550006", Some((MessageState::Delivered, None))),
        ("+15005550011", Some((MessageState::Undelivered, Some(30_003)))),
        ("+15005550012", Some((MessageState::Failed, Some(30_007)))),
        ("+15005550018", None),
    ] {
        let sent = loopback.send(&outgoing(to, &"ж".repeat(71))).await;
        assert!(matches!(sent, SendOutcome::Accepted { segments: Some(2), .. }), "{to}: {sent:?}");
        assert_eq!(receipt(&mut told), expected, "{to}");
    }
    loopback.send(&outgoing("+15005550010", "who is there?")).await;
    assert_eq!(receipt(&mut told), Some((MessageState::Delivered, None)));
    let Ok(LoopbackEvent::Text(echo)) = told.try_recv() else { return Err("no echo".into()) };
    assert_eq!((echo.from.as_str(), echo.to.as_str()), ("+15005550010", "+14155550199"));
    assert_eq!(echo.body, "who is there?");
    Ok(())
}

#[tokio::test]
async fn trouble_is_once_or_always() -> Result {
    let (loopback, _told) = loopback(9)?;
    let send = async |to: &str| loopback.send(&outgoing(to, "x")).await;
    for _ in 0..3 {
        assert!(matches!(send("+15005550014").await, SendOutcome::Unreachable { .. }));
    }
    let hasty = outgoing("+15005550013", "x");
    let after = Some(Duration::from_secs(1));
    assert!(matches!(loopback.send(&hasty).await, SendOutcome::Throttled { after: found, .. } if found == after));
    assert!(matches!(loopback.send(&hasty).await, SendOutcome::Accepted { .. }));
    let early = outgoing("+15005550015", "x");
    assert!(matches!(loopback.send(&early).await, SendOutcome::Unreachable { .. }));
    assert!(matches!(loopback.send(&early).await, SendOutcome::Accepted { .. }));
    let uncertain = outgoing("+15005550017", "x");
    assert!(matches!(loopback.send(&uncertain).await, SendOutcome::Uncertain { .. }));
    assert_eq!(loopback.find(&uncertain, 0).await?, []);
    assert!(matches!(loopback.send(&uncertain).await, SendOutcome::Accepted { .. }));
    Ok(())
}

#[tokio::test]
async fn an_uncertain_send_can_be_found() -> Result {
    let (loopback, _told) = loopback(9)?;
    let message = outgoing("+15005550016", "hello");
    assert!(matches!(loopback.send(&message).await, SendOutcome::Uncertain { .. }));
    let found = loopback.find(&message, 5_000).await?;
    assert_eq!(found.len(), 1);
    assert_eq!(loopback.find(&message, 5_001).await?, []);
    assert_eq!(loopback.find(&OutgoingMessage { body: "hullo".into(), ..message }, 0).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_code_is_not_kept() -> Result {
    let (loopback, mut told) = loopback(9)?;
    let (reference, stored) = SecretReference::take_out(VerificationId::new(1), 6, "Your code is \u{E0C0}.");
    let body = reference.put_in(&stored, "048213");
    let secret = OutgoingSecret { reference: reference.clone(), code: Secret::new("048213".into()), stored };
    let message = OutgoingMessage { secret: Some(secret), ..outgoing("+15005550010", &body) };
    assert!(matches!(loopback.send(&message).await, SendOutcome::Accepted { segments: Some(1), .. }));
    let kept = loopback.list(&Filter::default(), None, 9).messages;
    assert_eq!((kept[0].sent.body.as_str(), &kept[0].secret), ("Your code is ••••.", &Some(reference)));
    assert_eq!(loopback.find(&message, 0).await?.len(), 1, "it is known again");
    receipt(&mut told);
    let Ok(LoopbackEvent::Text(echo)) = told.try_recv() else { return Err("no echo".into()) };
    assert_eq!(echo.body, "Your code is ••••.");
    Ok(())
}

#[tokio::test]
async fn slowness_is_as_told() -> Result {
    let (events, _told) = mpsc::channel(9);
    let settings =
        Settings { loopback_latency: crate::model::DurationSetting::from_millis(100), ..settings("http://h")? };
    let loopback = Loopback::new(&settings, Clock::by_hand(0), events);
    let within = async |to: &str, ms| {
        tokio::time::timeout(Duration::from_millis(ms), loopback.send(&outgoing(to, "x"))).await.is_ok()
    };
    assert!(!within("+14155550100", 50).await);
    assert!(within("+14155550100", 2_000).await);
    assert!(!within("+15005550019", 500).await);
    Ok(())
}

#[tokio::test]
async fn pages_go_from_newest_to_oldest() -> Result {
    let (loopback, _told) = loopback(1)?;
    for n in 0..7 {
        loopback.send(&outgoing(if n % 2 == 0 { "+14155550100" } else { "+14155550101" }, &n.to_string())).await;
    }
    // the channel took one event of seven, and no send waited
    assert_eq!(loopback.dropped(), 6);
    let filter = Filter { to: Some("+14155550100".into()), from: None };
    let bodies = |page: &LoopbackPage| page.messages.iter().map(|kept| kept.sent.body.clone()).collect::<Vec<_>>();
    let first = loopback.list(&filter, None, 2);
    assert_eq!((bodies(&first), first.next), (vec!["6".into(), "4".into()], Some(4)));
    let second = loopback.list(&filter, first.next, 2);
    assert_eq!((bodies(&second), second.next), (vec!["2".into(), "0".into()], None));
    assert_eq!(loopback.list(&Filter::default(), None, 100).messages.len(), 7);
    Ok(())
}

#[tokio::test]
async fn the_ring_is_bounded_and_fast() -> Result {
    let (loopback, mut told) = loopback(1024)?;
    let message = outgoing("+14155550100", "a body of the usual length, which is to say forty characters or more");
    let (started, sends) = (std::time::Instant::now(), KEPT + 50_000);
    for _ in 0..sends {
        loopback.send(&message).await;
        let _ = told.try_recv();
    }
    let per_second = f64::from(u32::try_from(sends)?) / started.elapsed().as_secs_f64();
    println!("loopback: {per_second:.0} sends a second, unoptimised");
    let page = loopback.list(&Filter::default(), None, sends);
    assert_eq!((page.messages.len(), page.messages.last().map(|kept| kept.number)), (KEPT, Some(50_000)));
    assert_eq!(loopback.dropped(), 0);
    Ok(())
}
