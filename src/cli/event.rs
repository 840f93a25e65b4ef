//! `switchboard event`: what a running server told, and telling it again.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api, escape};
use crate::config::Config;
use crate::model::event::EventType;
use crate::model::{ClientId, EndpointId, EventId};

/// See what was told to endpoints, and tell it again
#[derive(Args)]
pub(super) struct EventCommand {
    /// Whose events [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<EventAction>,
}

#[derive(Subcommand)]
enum EventAction {
    /// List events, newest first
    List {
        /// Only of this type, such as message.sent; `event types` lists them
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<EventType>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show an event, and what became of it at each place
    Show { event: EventId },
    /// List all types of events, and when each happens
    Types,
    /// Tell an event again, under the same id
    Replay {
        event: EventId,
        /// Only to this endpoint [default: everywhere]
        #[arg(long, value_name = "ID")]
        endpoint: Option<EndpointId>,
    },
}

impl EventCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            EventAction::List { kind, limit } => {
                let filters = [("type", kind.map(|kind| kind.name().to_owned()))];
                remote.list_first(limit, "/v1/events", &filters, "no events yet", line).await
            }
            EventAction::Show { event } => {
                let told = remote.api.read(&format!("/v1/events/{event}")).await?;
                remote.show(&told, page(&told))
            }
            EventAction::Types => remote.list("/v1/event-types", "no types", kind_line).await,
            EventAction::Replay { event, endpoint } => {
                let body = api::fields([("endpoint_id", endpoint.map(|id| id.to_string().into()))]);
                let told = remote.api.post(&format!("/v1/events/{event}/replay"), Some(&body)).await?;
                remote.done("telling again", &told, page(&told))
            }
        }
    }
}

fn line(event: &Value) -> String {
    let (id, at, kind) = (field(event, "id"), field(event, "timestamp"), output::strong(field(event, "type")));
    format!("{id}  {at}  {kind}")
}

fn kind_line(kind: &Value) -> String {
    let (name, when) = (field(kind, "name"), field(kind, "when"));
    format!("{}  {when}", output::strong(format!("{name:<19}")))
}

/// What was told is shown as JSON, which is made harmless as such.
fn page(told: &Value) -> impl FnOnce(&Value) -> String {
    let data = escape::json(&format!("{:#}", told["data"]));
    |told| {
        let mut lines = vec![line(told), data];
        for delivery in told["deliveries"].as_array().into_iter().flatten() {
            let place = delivery["endpoint_id"].as_str().or(delivery["message_id"].as_str()).unwrap_or_default();
            let (state, tries) = (output::strong(field(delivery, "state")), &delivery["tries"]);
            let status = delivery["last_status"].as_i64().map(|status| status.to_string()).unwrap_or_default();
            lines.push(format!("  {place}  {state} after {tries}  {status} {}", field(delivery, "last_reason")));
        }
        lines.join("\n")
    }
}
