//! All that a request may come to.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{BodyMemory, CodesDoorSettings, GuessLimit, MaskedDoor, RequestParts, Settings, SocketPulse};
use crate::model::{AccountId, ClientId, Country, PublicOrigin, Secret};
use crate::service::account::Accounts;
use crate::service::admin::Administrators;
use crate::service::audit::AuditLog;
use crate::service::client::Clients;
use crate::service::device::Devices;
use crate::service::event::Events;
use crate::service::guard::Guard;
use crate::service::health::ReadinessChecker;
use crate::service::inbound::{LoopbackDoor, WebhookInbox};
use crate::service::ledger::Ledger;
use crate::service::media::MediaProxy;
use crate::service::message::Messages;
use crate::service::number::Numbers;
use crate::service::number::import::NumberImports;
use crate::service::opt_out::OptOuts;
use crate::service::permission::Permissions;
use crate::service::publish::PhoneTextPublisher;
use crate::service::relay::Relay;
use crate::service::session::{NumberProxySettings, SessionCalls, SessionMessages, Sessions};
use crate::service::sync::{
    PairingLinkBuilder, PairingService, Settings as SyncSettings, SyncSessionIdIssuer, SyncSockets,
};
use crate::service::tariff::Tariff;
use crate::service::verification::limit::NamedLimits;
use crate::service::verification::service_settings::VerificationServices;
use crate::service::verification::template::Templates;
use crate::service::verification::{CodeCalls, Verifications};

/// What the handlers need.
pub struct App {
    pub settings: Settings,
    /// Requests' bodies that are not answered yet.
    pub bodies: BodyMemory,
    /// The same of cards of rates, and of files of numbers.
    pub imports: BodyMemory,
    pub admin_token: Secret,
    pub origin: PublicOrigin,
    /// `--dev`: links follow the Host header.
    pub is_dev: bool,
    /// Where numbers are that are written without a country code.
    pub country: Option<Country>,
    /// `[sync]`.
    pub sync: SyncSettings,
    pub session_ids: Arc<SyncSessionIdIssuer>,
    pub sockets: Arc<SyncSockets>,
    pub handshakes: Arc<PairingService>,
    /// Pings all sync sockets.
    pub pulse: Arc<SocketPulse>,
    pub devices: Devices,
    pub publish: Arc<PhoneTextPublisher>,
    /// Wrong keys and forged webhooks, on top of the limit of all requests.
    pub guesses: GuessLimit,
    pub events: Arc<Events>,
    pub inbox: Arc<WebhookInbox>,
    pub loopback: Arc<LoopbackDoor>,
    pub health: Arc<ReadinessChecker>,
    pub messages: Arc<Messages>,
    pub opt_outs: Arc<OptOuts>,
    pub relay: Arc<Relay>,
    pub sessions: Arc<Sessions>,
    pub session_messages: Arc<SessionMessages>,
    pub media: Arc<MediaProxy>,
    pub session_calls: Arc<SessionCalls>,
    pub verifications: Arc<Verifications>,
    pub verification_services: VerificationServices,
    /// How codes are told.
    pub templates: Arc<Templates>,
    pub tariff: Arc<Tariff>,
    pub ledger: Arc<Ledger>,
    pub accounts: Accounts,
    pub numbers: Numbers,
    /// `[compat.number_proxy]`, and the account that its new numbers are on.
    pub number_proxy: NumberProxySettings,
    pub number_proxy_account: Option<AccountId>,
    pub number_imports: Arc<NumberImports>,
    pub admins: Administrators,
    pub clients: Arc<Clients>,
    pub permissions: Arc<Permissions>,
    pub verification_limits: Arc<NamedLimits>,
    pub audit: AuditLog,
    pub guard: Arc<Guard>,
    pub masked: MaskedDoor,
    /// Says what calls say that speak codes.
    pub code_calls: Arc<CodeCalls>,
    /// `[compat.codes]`.
    pub codes: CodesDoorSettings,
    /// Writes the metrics of all layers in the Prometheus text format.
    pub metrics_text: Box<dyn Fn() -> String + Send + Sync>,
    pub tasks: TaskTracker,
    pub stop: CancellationToken,
}

impl App {
    /// Where numbers are that a client writes without a country code: where it says, else where the server does.
    pub(super) fn country(&self, client: ClientId) -> Option<Country> {
        self.clients.current().client(client).and_then(|client| client.country).or(self.country)
    }

    /// Under which address links are handed out.
    pub(super) fn links(&self, request: &RequestParts) -> PairingLinkBuilder {
        let host = request.headers.get(::http::header::HOST).and_then(|host| host.to_str().ok());
        let from_host =
            host.filter(|_| self.is_dev).and_then(|host| PublicOrigin::from_host(request.caller.is_secure, host).ok());
        PairingLinkBuilder { origin: from_host.unwrap_or_else(|| self.origin.clone()) }
    }
}
