//! Builds what sends and receives: accounts, numbers, the outbox.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, Receiver};

use super::StartError;
use super::base::StartContext;
use super::rules::{SendRules, counter};
use super::sending::{SendingParts, SessionTextWriters};
use crate::model::{AccountId, Address, ClientId, Money, WhatsappTemplates};
use crate::provider::{self, Loopback, LoopbackEvent};
use crate::service::account::{Accounts, CarrierConnectorFactory, Credentials, NewAccount};
use crate::service::admin::Administrators;
use crate::service::audit::AuditContext;
use crate::service::client::{Clients, DemoClient};
use crate::service::directory::Directory;
use crate::service::ledger::Ledger;
use crate::service::media::{self, MediaProxy};
use crate::service::number::import::NumberImports;
use crate::service::number::{InboundTextPolicy, NewNumber, NumberCapability, Numbers};
use crate::service::relay::Relay;
use crate::service::session::hook::SessionHooks;
use crate::service::session::{self, AskedTexts, LoopGuard, SessionCalls, SessionMessages, Sessions};
use crate::service::tariff::{NewRoute, Tariff};
use crate::service::{Error, ErrorKind, account};
use crate::store::session::intake::SessionAcceptor;

/// Numbers that a development server sends from.
const DEV_NUMBERS: [&str; 2] = ["+15005550006", "+15005550010"];

/// The route of a development server: all that no other route takes.
const DEV_PATTERN: &str = ".*";
const DEV_PRIORITY: i64 = 1000;

/// Events of the loopback provider that wait to be taken in.
const LOOPBACK_EVENTS: usize = 10_000;

/// What messaging consists of.
pub(super) struct MessagingParts {
    pub(super) directory: Arc<Directory>,
    pub(super) sending: SendingParts,
    pub(super) tariff: Arc<Tariff>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) relay: Arc<Relay>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) session_messages: Arc<SessionMessages>,
    pub(super) asked_texts: Arc<AskedTexts>,
    pub(super) media: Arc<MediaProxy>,
    pub(super) session_calls: Arc<SessionCalls>,
    pub(super) accounts: Accounts,
    pub(super) numbers: Numbers,
    /// Where numbers are that the number proxy's door brings.
    pub(super) number_proxy_account: Option<AccountId>,
    pub(super) number_imports: Arc<NumberImports>,
    pub(super) admins: Administrators,
    pub(super) clients: Arc<Clients>,
    pub(super) rules: SendRules,
    pub(super) loopback: Loopback,
    /// Whose the masked door's conversations are, where anybody uses it.
    pub(super) masked_client: Option<ClientId>,
}

impl StartContext<'_> {
    /// Accounts, numbers, clients, and all that they send by; and what the loopback provider reports.
    pub(super) async fn messaging(
        &self,
        registry: &mut Registry,
    ) -> Result<(MessagingParts, Receiver<LoopbackEvent>), StartError> {
        let (config, store, clock, events) = (self.config, &self.databases.store, self.clock, self.events);
        let (sender, loopback_events) = mpsc::channel(LOOPBACK_EVENTS);
        let loopback = Loopback::new(&config.provider, clock.clone(), sender);
        let directory = self.directory(loopback.clone()).await?;
        let (sending, way_in, said) = self.sending(&directory, registry).await?;
        let accounts = Accounts { directory: directory.clone(), events: events.clone(), clock: clock.clone() };
        let platforms: Vec<String> = config.platforms.iter().map(|platform| platform.name.clone()).collect();
        let number_imports = self.number_imports(&directory, platforms.clone());
        let numbers = self.numbers(&directory, platforms);
        let admin_key = self.key("admin_key").await?;
        let admins = Administrators { directory: directory.clone(), key: admin_key, clock: clock.clone() };
        let tariff = Arc::new(Tariff::new(store.clone(), config.tariff.clone(), clock.clone()));
        tariff.refresh().await.map_err(StartError::storing(config))?;
        let clients = self.clients(directory.clone()).await?;
        let ledger = Arc::new(Ledger { store: store.clone(), events: events.clone(), clock: clock.clone() });
        let rules = self.send_rules().await?;
        let relay = Arc::new(self.relay((&directory, &tariff, &ledger), &sending, &rules));
        let media = self.media(&directory).await?;
        let (parts, offered) = ((&directory, &sending, &tariff), media.clone());
        let session_messages = Arc::new(self.session_messages(parts, offered, said));
        let sessions = Arc::new(self.sessions(&directory, &sending, &relay, way_in).await?);
        let asking = (sessions.clone(), session_messages.clone(), clients.clone());
        let asked_texts = Arc::new(self.asked_texts(asking));
        let mut built = MessagingParts {
            directory,
            sending,
            tariff,
            ledger,
            relay,
            sessions,
            session_messages,
            session_calls: Arc::new(SessionCalls { asked: asked_texts.clone(), clients: clients.clone() }),
            asked_texts,
            media,
            accounts,
            numbers,
            number_proxy_account: None,
            number_imports,
            admins,
            clients,
            rules,
            loopback,
            masked_client: None,
        };
        built.masked_client = built.open_doors(config).await?;
        if config.is_dev {
            built.seed().await.map_err(|error| StartError::Development(error.to_string()))?;
        }
        built.number_proxy_account = built.number_proxy_account(config).await?;
        built.add_code_number(config).await?;
        Ok((built, loopback_events))
    }

    fn numbers(&self, directory: &Arc<Directory>, platforms: Vec<String>) -> Numbers {
        Numbers {
            directory: directory.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
            platforms,
            longest_text: self.config.outbox.sms_length,
        }
    }

    fn number_imports(&self, directory: &Arc<Directory>, platforms: Vec<String>) -> Arc<NumberImports> {
        let (clock, owner) = (self.clock.clone(), self.owner.clone());
        let (tasks, stop) = (self.tasks.clone(), self.stop.clone());
        Arc::new(NumberImports { directory: directory.clone(), clock, owner, platforms, tasks, stop })
    }

    async fn sessions(
        &self,
        directory: &Arc<Directory>,
        sending: &SendingParts,
        relay: &Arc<Relay>,
        intake: SessionAcceptor,
    ) -> Result<Sessions, StartError> {
        Ok(Sessions::new(session::Parts {
            store: self.databases.store.clone(),
            directory: directory.clone(),
            events: self.events.clone(),
            relay: relay.clone(),
            messages: sending.messages.clone(),
            clock: self.clock.clone(),
            intake,
            memory_key: self.key("sticky").await?,
        }))
    }

    fn session_messages(
        &self,
        (directory, sending, tariff): (&Arc<Directory>, &SendingParts, &Arc<Tariff>),
        media: Arc<MediaProxy>,
        SessionTextWriters { speech, handled }: SessionTextWriters,
    ) -> SessionMessages {
        SessionMessages {
            settings: self.config.session.clone(),
            number_proxy: self.config.compat.number_proxy.clone(),
            store: self.databases.store.clone(),
            directory: directory.clone(),
            messages: sending.messages.clone(),
            media,
            tariff: tariff.clone(),
            events: self.events.clone(),
            clock: self.clock.clone(),
            lanes: sending.lanes.clone(),
            loops: LoopGuard::default(),
            speech,
            handled,
            public_url: Some(self.origin.clone()).filter(|_| !self.config.http.public_url.is_empty()),
            asked: Notify::new(),
        }
    }

    async fn media(&self, directory: &Arc<Directory>) -> Result<Arc<MediaProxy>, StartError> {
        Ok(Arc::new(MediaProxy::new(media::Parts {
            store: self.databases.store.clone(),
            directory: directory.clone(),
            events: self.events.clone(),
            key: self.key("media").await?,
            origin: self.origin.clone(),
            is_public: !self.config.http.public_url.is_empty(),
            clock: self.clock.clone(),
        })))
    }

    fn asked_texts(&self, parts: (Arc<Sessions>, Arc<SessionMessages>, Arc<Clients>)) -> AskedTexts {
        let (sessions, messages, clients) = parts;
        let hooks = Arc::new(SessionHooks { events: self.events.clone(), origin: self.origin.clone() });
        AskedTexts { sessions, messages, hooks, clients, owner: self.owner.clone() }
    }

    async fn directory(&self, loopback: Loopback) -> Result<Arc<Directory>, StartError> {
        let (settings, outbox) = (self.config.provider.clone(), &self.config.outbox);
        let http = provider::HttpClient::new(&settings)?;
        let connectors = CarrierConnectorFactory { settings, http, loopback };
        let (store, master) = (self.databases.store.clone(), self.keys.master.clone());
        let directory = Directory::new(store, master, connectors, outbox.calls_per_account, outbox.resting());
        directory.refresh().await.map_err(StartError::storing(self.config))?;
        Ok(Arc::new(directory))
    }

    async fn clients(&self, directory: Arc<Directory>) -> Result<Arc<Clients>, StartError> {
        let clients = Clients::new(directory, self.key("client_key").await?, self.clock.clone());
        let clients = clients.counting(counter(self.config, self.tasks, self.stop).await?);
        let clients = if self.config.is_dev { clients.with_demo(DEMO) } else { clients.without(DEMO.id) };
        clients.refresh().await.map_err(StartError::storing(self.config))?;
        Ok(Arc::new(clients))
    }
}

/// The client of the examples: its key and its auth token are the same.
const DEMO: DemoClient = DemoClient {
    id: ClientId::DEMO,
    name: "demo",
    secret: "de000000000000000000000000000111",
    older: "dev-key-111",
    balance: Money::from_micros(100_000_000),
};

/// What could not be made as it is there already is no failure.
pub(super) fn or_there<T>(made: Result<T, Error>) -> Result<(), Error> {
    match made {
        Err(error) if error.kind != ErrorKind::Conflict => Err(error),
        _ => Ok(()),
    }
}

impl MessagingParts {
    /// The demo client, and a loopback account and numbers on it, so that a development server can send at once.
    async fn seed(&self) -> anyhow::Result<()> {
        self.clients.seed(DEMO).await?;
        let new = NewAccount {
            name: "loopback".to_owned(),
            credentials: Credentials::from_json(account::CarrierKind::Loopback, b"{}")?,
            rate: None,
            uncertain: None,
            replies_to_keywords: false,
            // whatever the examples of our users send from works here
            any_sender: true,
            whatsapp_templates: WhatsappTemplates::default(),
            is_checked: false,
        };
        or_there(self.accounts.add(new, &AuditContext::unwritten()).await)?;
        let accounts = self.accounts.list().await?;
        let is_loopback = |account: &&account::Account| account.provider == account::CarrierKind::Loopback.name();
        let Some(loopback) = accounts.iter().find(is_loopback) else { return Ok(()) };
        for address in DEV_NUMBERS {
            let number = NewNumber {
                address: Address::stored(address),
                account: loopback.id,
                capabilities: NumberCapability::ALL.to_vec(),
                meaning: InboundTextPolicy::Forward,
                platform: None,
                rate: 0,
                is_reserved: false,
            };
            or_there(self.numbers.add(ClientId::OPERATOR, number, &AuditContext::unwritten()).await)?;
        }
        self.seed_route(loopback.id).await
    }

    /// A route that catches what no other does, behind all others.
    async fn seed_route(&self, account: AccountId) -> anyhow::Result<()> {
        let known = self.tariff.current();
        if known.all_routes().iter().any(|route| route.pattern == DEV_PATTERN && route.account == account) {
            return Ok(());
        }
        let (pattern, name) = (DEV_PATTERN.to_owned(), "loopback".to_owned());
        let new = NewRoute { priority: DEV_PRIORITY, pattern, channel: None, account, name };
        self.tariff.add_route(new, &AuditContext::unwritten()).await?;
        Ok(())
    }
}
