//! Puts together what accepts messages and what sends them: they meet in the outbox, and do not know each other.

use std::sync::{Arc, OnceLock, Weak};

use prometheus_client::registry::Registry;

use super::StartError;
use super::base::StartContext;
use crate::service::directory::Directory;
use crate::service::dispatch::{self, Dispatch, SendPermit, SendPermits};
use crate::service::message::{self, Messages};
use crate::service::opt_out::{self, OptOuts};
use crate::service::vault::CodeVault;
use crate::store::inbound::handled::{HandledTextIntake, HandledTextWriter};
use crate::store::outbox::intake::{LeasedMessage, OutboxBatchWriter, OutboxEnqueuer};
use crate::store::outbox::{LaneKeyHasher, LaneRoom};
use crate::store::session::intake::{SessionAcceptor, SessionIntake};
use crate::store::session::speech::{SpeechAcceptor, SpeechIntake};
use crate::store::verification::intake::{CodeAcceptor, CodeIntake};

/// What it consists of.
pub(super) struct SendingParts {
    pub(super) messages: Arc<Messages>,
    pub(super) opt_outs: Arc<OptOuts>,
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) lanes: LaneKeyHasher,
    /// The way in of codes, whose texts go the way of messages.
    pub(super) code_intake: Arc<CodeAcceptor>,
    /// The codes that messages tell.
    pub(super) codes: Arc<CodeVault>,
}

/// The ways in of what is said in sessions: by clients, and by people.
pub(super) struct SessionTextWriters {
    pub(super) speech: SpeechAcceptor,
    pub(super) handled: HandledTextWriter,
}

/// Who sends what is accepted. It is built from what accepts, so it is put in here once it is there.
type DispatchOnceCell = Arc<OnceLock<Weak<Dispatch>>>;

impl StartContext<'_> {
    /// All of it, and the ways in of sessions, and of what is said in them, whose texts go the way of messages.
    pub(super) async fn sending(
        &self,
        directory: &Arc<Directory>,
        registry: &mut Registry,
    ) -> Result<(SendingParts, SessionAcceptor, SessionTextWriters), StartError> {
        let lanes = LaneKeyHasher::new(self.key("lane").await?);
        let room = LaneRoom::new(self.config.outbox.held);
        let sender = DispatchOnceCell::default();
        let permits = || SendPermits { directory: directory.clone(), stop: self.stop.clone() };
        let (of_messages, of_sessions, of_speech) = (permits(), permits(), permits());
        let (of_handled, of_codes) = (permits(), permits());
        let outbox = self.intake(&room, &sender).open(move |message| of_messages.take(message));
        let sessions = SessionIntake { messages: self.intake(&room, &sender) };
        let sessions = sessions.open(move |message| of_sessions.take(message));
        let speech = SpeechIntake { messages: self.intake(&room, &sender) };
        let speech = speech.open(move |message| of_speech.take(message));
        let new_codes = CodeIntake { messages: self.intake(&room, &sender) };
        let code_intake = Arc::new(new_codes.open(move |message| of_codes.take(message)));
        let handled = HandledTextIntake { messages: self.intake(&room, &sender) };
        let handled = handled.open(move |message| of_handled.take(message));
        let messages = Arc::new(self.messages(directory, outbox, &lanes, registry).await?);
        let opt_outs = Arc::new(self.opt_outs(directory, &messages, &lanes));
        let (store, master) = (self.databases.store.clone(), self.keys.master.clone());
        let codes = Arc::new(CodeVault::new(store, master, self.clock.clone()));
        let dispatch = Arc::new(self.dispatch(directory, (&opt_outs, &codes), &lanes, room, registry));
        let _ = sender.set(Arc::downgrade(&dispatch));
        dispatch.inherit().await.map_err(StartError::storing(self.config))?;
        let parts = SendingParts { messages, opt_outs, dispatch, lanes, code_intake, codes };
        Ok((parts, sessions, SessionTextWriters { speech, handled }))
    }

    /// What writes messages into the outbox: what comes out of it leased goes to the sender at once.
    fn intake(&self, room: &LaneRoom, sender: &DispatchOnceCell) -> OutboxBatchWriter<SendPermit> {
        let sender = sender.clone();
        OutboxBatchWriter {
            store: self.databases.store.clone(),
            clock: self.clock.clone(),
            owner: self.owner.clone(),
            lease_ms: self.config.outbox.lease.as_ms(),
            room: room.clone(),
            // where there is no sender any more, the lease just ends
            start: Box::new(move |leased: LeasedMessage<SendPermit>| {
                if let Some(dispatch) = sender.get().and_then(Weak::upgrade) {
                    dispatch.send(leased);
                }
            }),
        }
    }

    async fn messages(
        &self,
        directory: &Arc<Directory>,
        outbox: OutboxEnqueuer,
        lanes: &LaneKeyHasher,
        registry: &mut Registry,
    ) -> Result<Messages, StartError> {
        let metrics = message::Metrics::default();
        metrics.register(registry);
        Ok(Messages::new(message::Parts {
            settings: self.config.outbox.clone(),
            store: self.databases.store.clone(),
            directory: directory.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
            outbox,
            lanes: lanes.clone(),
            request_key: self.key("request").await?,
            cursor_key: self.key("cursor").await?,
            metrics,
        }))
    }

    fn opt_outs(&self, directory: &Arc<Directory>, messages: &Arc<Messages>, lanes: &LaneKeyHasher) -> OptOuts {
        OptOuts::new(opt_out::Parts {
            settings: self.config.opt_out.clone(),
            store: self.databases.store.clone(),
            directory: directory.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
            lanes: lanes.clone(),
            messages: messages.clone(),
        })
    }

    fn dispatch(
        &self,
        directory: &Arc<Directory>,
        (opt_outs, codes): (&Arc<OptOuts>, &Arc<CodeVault>),
        lanes: &LaneKeyHasher,
        room: LaneRoom,
        registry: &mut Registry,
    ) -> Dispatch {
        let metrics = dispatch::Metrics::default();
        metrics.register(registry);
        Dispatch::new(dispatch::Parts {
            settings: self.config.outbox.clone(),
            store: self.databases.store.clone(),
            directory: directory.clone(),
            events: self.events.clone(),
            opt_outs: opt_outs.clone(),
            clock: self.clock.clone(),
            owner: self.owner.clone(),
            // carriers refuse a callback to an address that is not the world's
            public_url: Some(self.origin.clone()).filter(|_| !self.config.http.public_url.is_empty()),
            lanes: lanes.clone(),
            room,
            codes: codes.clone(),
            metrics,
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        })
    }
}
