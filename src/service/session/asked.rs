//! Texts about which clients' own servers are asked what is to become of them. Each is a job of its own, so that nobody
//! else waits for the answer; those of one session, and of one stranger, take turns, and what a stranger texts who has come
//! into a session waits for what they texted before. Where a server is asked twice, as after a crash, copies are made once
//! all the same.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hook::SessionHooks;
use super::{SessionMessages, SessionRoute, Sessions};
use crate::model::{Address, ClientId, DurationSetting, HookFormat, Id as _, InboundId, Millis, SessionState};
use crate::service::Result;
use crate::service::client::Clients;
use crate::service::directory::SenderNumber;
use crate::service::race::won;
use crate::store::inbound::handled::{HandledJob, HandledText, HandledTextEvents, HandledTextsResult, PreparedText};
use crate::store::lease::{Lease, LeaseOwner};
use crate::store::message::{self, Message};
use crate::store::session::asked::{self, AskedText, NewAskedText};
use crate::store::session::interaction::NewInteraction;
use crate::store::session::{Session, SessionWithParticipants};

/// How long a job is its claimer's alone.
const LEASE: DurationSetting = DurationSetting::from_millis(30_000);
/// Nobody is asked under a lease older than this: a server may take its time, and clocks differ.
const BEGUN: Duration = Duration::from_secs(10);
/// Jobs looked at in one go, of which one is claimed: other nodes look at them too.
const LOOK: i64 = 16;
/// How long we keep trying to write what came of a text.
const WRITING: Duration = Duration::from_secs(5);
/// Waits before one is tried again: as long as it has waited, within these.
const WAITS_MS: (Millis, Millis) = (500, 30_000);
/// One that still goes wrong after so long is let go: its session waits for it.
const PATIENCE_MS: Millis = 3_600_000;

/// A text that this node alone may ask about for now.
pub struct ClaimedAskedText {
    job: AskedText,
    at: Instant,
}

impl ClaimedAskedText {
    /// Whose server is asked.
    pub fn client(&self) -> ClientId {
        self.job.client
    }
}

/// What came of a text, and the session in which that was.
pub(super) type AskedTextResult = (PreparedText, Option<Arc<SessionWithParticipants>>);

/// Asks, and does what is answered.
pub struct AskedTexts {
    pub sessions: Arc<Sessions>,
    pub messages: Arc<SessionMessages>,
    pub hooks: Arc<SessionHooks>,
    /// Know whom clients may text.
    pub clients: Arc<Clients>,
    /// This process among all that lease texts.
    pub owner: LeaseOwner,
}

impl SessionMessages {
    /// Who is asked before something is passed on in a session: whom it names itself, else whom its pool names.
    pub(super) fn intercept_hook(&self, session: &Session) -> Option<(String, HookFormat)> {
        if let Some(url) = &session.settings.intercept_url {
            return Some((url.clone(), HookFormat::Json));
        }
        let entries = self.directory.current();
        let settings = &entries.pool(session.pool?)?.settings;
        settings.intercept_url.clone().map(|url| (url, settings.hook_format))
    }

    /// Who is asked what to do with strangers at a number.
    pub(super) fn stranger_hook(&self, sender: &SenderNumber) -> Option<(String, HookFormat)> {
        let entries = self.directory.current();
        let settings = &entries.pool(sender.number.pool?)?.settings;
        settings.out_of_session_url.clone().map(|url| (url, settings.hook_format))
    }

    /// The job of a text that was said in a session, where somebody is to be asked about it.
    pub(in crate::service) fn ask_in(
        &self,
        route: &SessionRoute,
        id: InboundId,
        at_ms: Millis,
    ) -> Option<NewAskedText> {
        let session = &route.session.session;
        if !session.mode.has_texts() {
            return None;
        }
        // it waits for those before it that are asked about, though nobody be asked about itself
        let asked = || self.intercept_hook(session).map(|_| session.id.bytes());
        let (client, lane) = (session.client, route.behind.or_else(asked)?);
        Some(NewAskedText { id, client, lane, said: Some((session.id, route.from)), received_ms: at_ms })
    }

    /// The same of one that was said in none.
    pub(in crate::service) fn ask_outside(
        &self,
        sender: &SenderNumber,
        person: &str,
        (id, at_ms): (InboundId, Millis),
    ) -> Option<NewAskedText> {
        self.stranger_hook(sender)?;
        let lane = self.pair(&Address::stored(person), sender, at_ms).lane.bytes();
        Some(NewAskedText { id, client: sender.number.client, lane, said: None, received_ms: at_ms })
    }
}

impl AskedTexts {
    /// Waits for a text that is to be asked about.
    pub async fn arrived(&self) {
        self.messages.asked.notified().await;
    }

    /// Claims a text whose turn has come, of none of these clients.
    pub async fn claim(&self, busy: &[ClientId]) -> Result<Option<ClaimedAskedText>> {
        let lease = |now_ms| Lease { owner: &self.owner, now_ms, until_ms: now_ms + LEASE.as_ms() };
        let (store, clock) = (&self.messages.store, &self.messages.clock);
        for mut job in asked::due(store, lease(clock.now_ms()), busy, LOOK).await? {
            let at = Instant::now();
            if won(job.claim(store, lease(clock.now_ms())).await)?.is_some() {
                return Ok(Some(ClaimedAskedText { job, at }));
            }
        }
        Ok(None)
    }

    /// Asks about a text, does what is answered, and writes what came of it.
    pub async fn settle(&self, ClaimedAskedText { job, at }: ClaimedAskedText) {
        // whoever took the lease over asks
        if at.elapsed() > BEGUN {
            return;
        }
        let came = match self.come_to(&job).await {
            Err(error) if self.messages.clock.now_ms() - job.received_ms > PATIENCE_MS => {
                tracing::error!(%error, id = %job.id, "a text that was to be asked about is let go");
                Ok((PreparedText::default(), None))
            }
            came => came,
        };
        let written = match came {
            Ok(came) => self.write(&job, came).await,
            Err(error) => Err(error),
        };
        match written {
            // it is the next one's turn
            Ok(()) => self.messages.asked.notify_one(),
            Err(error) => {
                tracing::warn!(%error, id = %job.id, "a text that is asked about is tried again");
                self.give_back(&job).await;
            }
        }
    }

    async fn come_to(&self, job: &AskedText) -> Result<AskedTextResult> {
        let nothing = || (PreparedText::default(), None);
        let Some(text) = self.text(job).await? else { return Ok(nothing()) };
        let Some(sender) = self.messages.known_sender(&text.to, |_| true).await? else { return Ok(nothing()) };
        match (job.session, job.participant) {
            (Some(session), Some(from)) => self.said(job, (&text, &sender), (session, from)).await,
            _ => self.stranger(job, &text, &sender).await,
        }
    }

    /// What was said, unless its client has taken it back.
    pub(super) async fn text(&self, job: &AskedText) -> Result<Option<Message>> {
        let found = message::find(&self.messages.store, job.client, job.id.message()).await?;
        Ok(found.filter(|text| text.redacted_ms.is_none()))
    }

    /// Writes what came of a text; that is another node's doing where that was faster.
    async fn write(&self, job: &AskedText, (prepared, session): AskedTextResult) -> Result<()> {
        let is_idle =
            |one: &SessionWithParticipants| matches!(one.session.state, SessionState::Open | SessionState::Inactive);
        let text = HandledText {
            job: HandledJob::Asked(job.clone()),
            message: None,
            unheard: None,
            is_erased: false,
            is_first: session.as_deref().is_some_and(is_idle),
            told: self.telling(&prepared, session),
            prepared,
            asked: None,
        };
        let SessionMessages { handled, messages, events, .. } = &*self.messages;
        let HandledTextsResult { copies, is_told, failed } = handled.write(vec![text], WRITING).await;
        messages.stored(copies);
        if is_told {
            events.wake();
        }
        failed.into_iter().next().map_or(Ok(()), |(_, error)| Err(error.into()))
    }

    /// Tells of what came of a text, once that is decided.
    fn telling(&self, prepared: &PreparedText, session: Option<Arc<SessionWithParticipants>>) -> HandledTextEvents {
        let (messages, at_ms) = (self.messages.clone(), prepared.record.touched.map(|touch| touch.at_ms));
        Box::new(move |_: Option<&Message>, said: &[NewInteraction], begins: bool| {
            let mut batch = messages.events.batch();
            if let (Some(before), Some(at_ms)) = (session.as_deref().filter(|_| begins), at_ms) {
                batch.session_begins(before, at_ms);
            }
            for one in said {
                let carrier = session.as_deref().and_then(|all| messages.carrier(&all.session, one));
                batch.interaction_for(one, carrier);
            }
            batch.into_rows()
        })
    }

    async fn give_back(&self, job: &AskedText) {
        let now_ms = self.messages.clock.now_ms();
        let ready_ms = now_ms + (now_ms - job.received_ms).clamp(WAITS_MS.0, WAITS_MS.1);
        if let Err(error) = job.give_back(&self.messages.store, ready_ms, now_ms).await {
            // its lease ends by itself
            tracing::debug!(%error, "could not give a text back that is asked about");
        }
    }
}
