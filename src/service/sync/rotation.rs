//! What one sync socket shows, as a state machine without I/O: time and signals go in,
//! frames and close codes come out.

use std::time::Duration;

use crate::crypto::SyncSessionId;
use crate::model::Millis;
use crate::signal::SyncPairingEvent;

use super::Settings;

/// WebSocket close codes of the contract (RFC 6455, section 7.4; 4000 on are ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncCloseCode {
    /// Paired, or the codes are used up.
    Done,
    /// The server is going away.
    GoingAway,
    /// The session in the URL is none of ours.
    UnknownSession,
    /// A device of this user was revoked.
    Revoked,
    /// Too many sockets of this user or address.
    TooMany,
    /// The client sent something that only a broken or hostile client sends.
    Misbehaved,
}

impl SyncCloseCode {
    pub fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::GoingAway => 1001,
            Self::Misbehaved => 1008,
            Self::UnknownSession => 4404,
            Self::Revoked => 4410,
            Self::TooMany => 4429,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncSocketAction {
    /// Send the rotation frame of this session.
    Show(SyncSessionId),
    /// Send `201- pause`.
    Pause,
    /// Send `200- ack`.
    Acknowledge,
    Close(SyncCloseCode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SyncUrlRotationPhase {
    Showing,
    Paused,
    Closed,
}

/// Makes the next session, where one is to be shown.
pub type IssueSession<'a> = &'a mut dyn FnMut() -> SyncSessionId;

/// Times are on a monotonic clock, from when the socket opened.
pub struct SyncUrlRotation {
    phase: SyncUrlRotationPhase,
    shown: Vec<SyncSessionId>,
    frames: u32,
    /// When the phase ends by itself.
    deadline: Duration,
    end: Duration,
    rotate_every: Duration,
    pause_for: Duration,
    rotations: u32,
    /// The newest signal obeyed: what the store says of before does nothing.
    latest: Option<(SyncPairingEvent, Millis)>,
}

impl SyncUrlRotation {
    /// Opens with the session that the GET issued: it is the first frame.
    pub fn open(settings: &Settings, first: SyncSessionId) -> (Self, SyncSocketAction) {
        let mut rotation = Self {
            phase: SyncUrlRotationPhase::Showing,
            shown: Vec::with_capacity(1),
            frames: 0,
            deadline: Duration::ZERO,
            end: settings.session_ttl.as_duration(),
            rotate_every: settings.rotate_every.as_duration(),
            pause_for: settings.pause_for.as_duration(),
            rotations: settings.rotations,
            latest: None,
        };
        let action = rotation.show(Duration::ZERO, first);
        (rotation, action)
    }

    /// When to call [`SyncUrlRotation::tick`] next.
    pub fn next_tick(&self) -> Duration {
        self.deadline.min(self.end)
    }

    pub fn is_paused(&self) -> bool {
        self.phase == SyncUrlRotationPhase::Paused
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration, issue: IssueSession<'_>) -> Option<SyncSocketAction> {
        if self.phase == SyncUrlRotationPhase::Closed || now < self.next_tick() {
            return None;
        }
        if now >= self.end || self.frames >= self.rotations {
            return Some(self.close(SyncCloseCode::Done));
        }
        Some(self.show(now, issue()))
    }

    /// The store says that something has happened, which may be known already.
    pub fn found(
        &mut self,
        now: Duration,
        event: SyncPairingEvent,
        at_ms: Millis,
        issue: IssueSession<'_>,
    ) -> Vec<SyncSocketAction> {
        if self.is_news(event, at_ms) { self.signal(now, event, at_ms, issue) } else { Vec::new() }
    }

    /// Something happens to a session or a device of this socket's user.
    pub fn signal(
        &mut self,
        now: Duration,
        event: SyncPairingEvent,
        at_ms: Millis,
        issue: IssueSession<'_>,
    ) -> Vec<SyncSocketAction> {
        if self.phase == SyncUrlRotationPhase::Closed || !event.is_about(&self.shown) {
            return Vec::new();
        }
        let newest_ms = self.latest.map_or(at_ms, |(_, last_ms)| last_ms.max(at_ms));
        self.latest = Some((event, newest_ms));
        match event {
            SyncPairingEvent::Revoked => vec![self.close(SyncCloseCode::Revoked)],
            SyncPairingEvent::Acknowledged(_) => vec![SyncSocketAction::Acknowledge, self.close(SyncCloseCode::Done)],
            SyncPairingEvent::Paused(_) => {
                let was_showing = self.phase == SyncUrlRotationPhase::Showing;
                self.phase = SyncUrlRotationPhase::Paused;
                self.deadline = now + self.pause_for;
                if was_showing { vec![SyncSocketAction::Pause] } else { Vec::new() }
            }
            // a failure always shows one more, also where nothing was paused and this code is the last
            SyncPairingEvent::Resumed(sid) if self.phase == SyncUrlRotationPhase::Paused || self.is_last(sid) => {
                vec![self.show(now, issue())]
            }
            SyncPairingEvent::Resumed(_) => Vec::new(),
        }
    }

    /// Whether the code that is shown now is this session's, and no other would follow.
    fn is_last(&self, sid: SyncSessionId) -> bool {
        self.frames >= self.rotations && self.shown.last() == Some(&sid)
    }

    fn is_news(&self, event: SyncPairingEvent, at_ms: Millis) -> bool {
        event.is_final()
            || self.latest.is_none_or(|(last, last_ms)| at_ms > last_ms || (at_ms == last_ms && event != last))
    }

    fn show(&mut self, now: Duration, sid: SyncSessionId) -> SyncSocketAction {
        self.phase = SyncUrlRotationPhase::Showing;
        self.shown.push(sid);
        self.frames += 1;
        self.deadline = now + self.rotate_every;
        SyncSocketAction::Show(sid)
    }

    fn close(&mut self, code: SyncCloseCode) -> SyncSocketAction {
        self.phase = SyncUrlRotationPhase::Closed;
        SyncSocketAction::Close(code)
    }
}

#[cfg(test)]
#[path = "rotation_test.rs"]
mod tests;
