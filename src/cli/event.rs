//! `switchboard event`: what a running server told, and telling it again.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::output::{self, field};
use super::{Outcome, api};
use crate::config::Config;
use crate::model::event::EventType;
use crate::model::{EndpointId, EventId};

/// See what was told to endpoints, and tell it again
#[derive(Args)]
pub(super) struct EventCommand {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: api::Server,
    /// For a script
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// List events, newest first
    List {
        /// Only of this type, such as message.sent
        #[arg(long = "type", value_name = "TYPE")]
        kind: Option<EventType>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show an event, and what became of it at each place
    Show { event: EventId },
    /// Tell an event again, under the same id
    Replay {
        event: EventId,
        /// Only to this endpoint [default: everywhere]
        #[arg(long, value_name = "ID")]
        endpoint: Option<EndpointId>,
    },
}

impl EventCommand {
    pub(super) async fn run(self, config: Config) -> Outcome {
        let api = self.server.api(&config)?;
        match self.action {
            Action::List { kind, limit } => {
                let kind = kind.map(|kind| ("type", kind.name().to_owned()));
                let events = api.list("/v1/events", kind.as_slice(), limit).await?;
                output::show_list(&events, self.json, "no events yet", line);
            }
            Action::Show { event } => {
                let told = api.read(&format!("/v1/events/{event}")).await?;
                output::show(&told, self.json, page);
            }
            Action::Replay { event, endpoint } => {
                let mut body = Map::new();
                if let Some(endpoint) = endpoint {
                    body.insert("endpoint_id".to_owned(), endpoint.to_string().into());
                }
                let told = api.post(&format!("/v1/events/{event}/replay"), Some(&body.into())).await?;
                output::show(&told, self.json, |told| format!("{} {}", output::good("telling again"), page(told)));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(event: &Value) -> String {
    let (id, at, kind) = (field(event, "id"), field(event, "timestamp"), output::strong(field(event, "type")));
    format!("{id}  {at}  {kind}")
}

fn page(told: &Value) -> String {
    let mut lines = vec![line(told), format!("{:#}", told["data"])];
    for delivery in told["deliveries"].as_array().into_iter().flatten() {
        let place = delivery["endpoint_id"].as_str().or(delivery["message_id"].as_str()).unwrap_or_default();
        let (state, tries) = (output::strong(field(delivery, "state")), &delivery["tries"]);
        let status = delivery["last_status"].as_i64().map(|status| status.to_string()).unwrap_or_default();
        lines.push(format!("  {place}  {state} after {tries}  {status} {}", field(delivery, "last_reason")));
    }
    lines.join("\n")
}
