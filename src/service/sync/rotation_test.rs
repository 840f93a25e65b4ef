//! The rotation under the contract's cases, and under random ones.

use proptest::prelude::*;

use super::*;
use crate::crypto::HashKey;
use crate::model::DurationSetting;

fn settings() -> Settings {
    Settings {
        ping_every: DurationSetting::from_millis(25_000),
        silent_for: DurationSetting::from_millis(60_000),
        rotate_every: DurationSetting::from_millis(15_000),
        rotations: 3,
        pause_for: DurationSetting::from_millis(120_000),
        session_ttl: DurationSetting::from_millis(300_000),
        sockets_per_user: 50,
        sockets_per_address: 5,
        handshakes_at_once: 128,
        refusal_delay: DurationSetting::from_millis(300),
        sms_refusal_delay: DurationSetting::from_millis(100),
        allowed_origins: Vec::new(),
        seeds_url: String::new(),
        private_key: String::new(),
        previous_private_key: String::new(),
        lockouts: Vec::new(),
    }
}

fn sid() -> SyncSessionId {
    let user = "111".parse().unwrap_or_else(|_| unreachable!());
    SyncSessionId::issue(&HashKey::generate(), &user, 0, DurationSetting::from_millis(300_000))
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn open() -> (SyncUrlRotation, SyncSessionId) {
    let first = sid();
    let (rotation, action) = SyncUrlRotation::open(&settings(), first);
    assert_eq!(action, SyncSocketAction::Show(first));
    (rotation, first)
}

#[test]
fn three_codes_then_done() {
    let (mut rotation, _) = open();
    assert_eq!(rotation.tick(secs(14), &mut sid), None);
    assert!(matches!(rotation.tick(secs(15), &mut sid), Some(SyncSocketAction::Show(_))));
    assert!(matches!(rotation.tick(secs(30), &mut sid), Some(SyncSocketAction::Show(_))));
    assert_eq!(rotation.tick(secs(45), &mut sid), Some(SyncSocketAction::Close(SyncCloseCode::Done)));
    assert_eq!(rotation.tick(secs(60), &mut sid), None);
}

#[test]
fn a_pause_holds_the_rotation_and_an_ack_ends_it() {
    let (mut rotation, first) = open();
    assert_eq!(rotation.signal(secs(5), SyncPairingEvent::Paused(first), 1, &mut sid), [SyncSocketAction::Pause]);
    assert_eq!(rotation.tick(secs(100), &mut sid), None);
    let ended = rotation.signal(secs(101), SyncPairingEvent::Acknowledged(first), 2, &mut sid);
    assert_eq!(ended, [SyncSocketAction::Acknowledge, SyncSocketAction::Close(SyncCloseCode::Done)]);
    assert_eq!(rotation.signal(secs(102), SyncPairingEvent::Acknowledged(first), 3, &mut sid), []);
}

#[test]
fn a_code_that_is_no_longer_shown_still_counts() {
    let (mut rotation, first) = open();
    rotation.tick(secs(15), &mut sid);
    assert_eq!(rotation.signal(secs(16), SyncPairingEvent::Paused(first), 1, &mut sid), [SyncSocketAction::Pause]);
}

#[test]
fn other_sessions_do_not_count() {
    let (mut rotation, _) = open();
    assert_eq!(rotation.signal(secs(1), SyncPairingEvent::Acknowledged(sid()), 1, &mut sid), []);
}

#[test]
fn a_failure_always_shows_one_more() {
    let (mut rotation, first) = open();
    rotation.tick(secs(15), &mut sid);
    rotation.tick(secs(30), &mut sid);
    rotation.signal(secs(31), SyncPairingEvent::Paused(first), 1, &mut sid);
    let resumed = rotation.signal(secs(32), SyncPairingEvent::Resumed(first), 2, &mut sid);
    assert!(matches!(resumed[..], [SyncSocketAction::Show(_)]), "the fourth code");
    assert_eq!(rotation.tick(secs(47), &mut sid), Some(SyncSocketAction::Close(SyncCloseCode::Done)));
}

#[test]
fn a_pause_that_lasts_too_long_resumes_within_the_rotations() {
    let (mut rotation, first) = open();
    rotation.signal(secs(1), SyncPairingEvent::Paused(first), 1, &mut sid);
    assert!(matches!(rotation.tick(secs(121), &mut sid), Some(SyncSocketAction::Show(_))));
    rotation.tick(secs(136), &mut sid);
    rotation.signal(secs(137), SyncPairingEvent::Paused(first), 2, &mut sid);
    assert_eq!(
        rotation.tick(secs(257), &mut sid),
        Some(SyncSocketAction::Close(SyncCloseCode::Done)),
        "no code is left"
    );
}

#[test]
fn no_socket_outlives_the_session_s_life() {
    let (mut rotation, first) = open();
    rotation.signal(secs(1), SyncPairingEvent::Paused(first), 1, &mut sid);
    rotation.signal(secs(299), SyncPairingEvent::Paused(first), 9, &mut sid);
    assert_eq!(rotation.tick(secs(300), &mut sid), Some(SyncSocketAction::Close(SyncCloseCode::Done)));
}

#[test]
fn old_news_does_nothing() {
    let (mut rotation, first) = open();
    rotation.signal(secs(1), SyncPairingEvent::Paused(first), 10, &mut sid);
    rotation.signal(secs(2), SyncPairingEvent::Resumed(first), 11, &mut sid);
    assert_eq!(rotation.found(secs(3), SyncPairingEvent::Paused(first), 10, &mut sid), [], "found in the store later");
    assert_eq!(rotation.found(secs(4), SyncPairingEvent::Paused(first), 12, &mut sid), [SyncSocketAction::Pause]);
}

#[test]
fn a_node_whose_clock_is_behind_is_heard() {
    let (mut rotation, first) = open();
    rotation.signal(secs(1), SyncPairingEvent::Paused(first), 1_000_000, &mut sid);
    let resumed = rotation.signal(secs(2), SyncPairingEvent::Resumed(first), 5, &mut sid);
    assert!(matches!(resumed[..], [SyncSocketAction::Show(_)]), "{resumed:?}");
}

#[test]
fn a_failure_that_paused_nothing_shows_one_more_after_the_last_code_only() {
    let (mut rotation, first) = open();
    assert_eq!(rotation.signal(secs(1), SyncPairingEvent::Resumed(first), 1, &mut sid), [], "others follow anyway");
    rotation.tick(secs(15), &mut sid);
    let Some(SyncSocketAction::Show(last)) = rotation.tick(secs(30), &mut sid) else { panic!("no third code") };
    let more = rotation.signal(secs(31), SyncPairingEvent::Resumed(last), 2, &mut sid);
    assert!(matches!(more[..], [SyncSocketAction::Show(_)]), "{more:?}");
    assert_eq!(rotation.signal(secs(32), SyncPairingEvent::Resumed(last), 3, &mut sid), [], "a repeat shows no other");
    assert_eq!(rotation.tick(secs(46), &mut sid), Some(SyncSocketAction::Close(SyncCloseCode::Done)));
}

#[test]
fn a_revoked_device_closes() {
    let (mut rotation, _) = open();
    assert_eq!(
        rotation.signal(secs(1), SyncPairingEvent::Revoked, 1, &mut sid),
        [SyncSocketAction::Close(SyncCloseCode::Revoked)]
    );
}

proptest! {
    /// Whatever happens: an acknowledgement is last, nothing follows a close, and it ends in time.
    #[test]
    fn every_history_ends_properly(steps in prop::collection::vec((0_u8..5, 1_u64..60), 0..60)) {
        let (mut rotation, first) = open();
        let (mut now, mut closed, mut at_ms) = (0, false, 0);
        for (kind, wait) in steps {
            now += wait;
            at_ms += 1;
            let actions = match kind {
                0 => rotation.signal(secs(now), SyncPairingEvent::Paused(first), at_ms, &mut sid),
                1 => rotation.signal(secs(now), SyncPairingEvent::Resumed(first), at_ms, &mut sid),
                2 if wait > 55 => rotation.signal(secs(now), SyncPairingEvent::Acknowledged(first), at_ms, &mut sid),
                _ => rotation.tick(secs(now), &mut sid).into_iter().collect(),
            };
            for action in actions {
                prop_assert!(!closed, "{action:?} after the close");
                closed = matches!(action, SyncSocketAction::Close(_));
            }
        }
        if !closed {
            let last = rotation.tick(secs(now.max(300)), &mut sid);
            prop_assert_eq!(last, Some(SyncSocketAction::Close(SyncCloseCode::Done)));
        }
    }
}
