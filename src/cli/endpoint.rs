//! `switchboard endpoint`: where a running server posts its events.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::CommandResult;
use super::output::{self, field};
use super::remote::RemoteCommand;
use crate::config::Config;
use crate::model::{ClientId, EndpointId};

const ENDPOINTS: &str = "/v1/endpoints";

/// Manage endpoints: URLs that events are posted to, signed (Standard Webhooks)
#[derive(Args)]
pub(super) struct EndpointCommand {
    /// Whose endpoints [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<EndpointAction>,
}

#[derive(Subcommand)]
enum EndpointAction {
    /// Add an endpoint; the secret that signs what it gets is shown this once
    Add {
        /// Where to post: http(s)://…
        // not `url`: that is where the server is
        #[arg(value_name = "URL")]
        target: String,
        /// An event type, such as message.received, or message.* for all of them; may be repeated; `switchboard event
        /// types` lists them [default: all]
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
        /// Post the events of one object one after the other
        #[arg(long)]
        ordered: bool,
    },
    /// List all endpoints, newest first
    List,
    /// Make a new secret, shown this once; the old one signs too for 24 hours
    Rotate { endpoint: EndpointId },
    /// Post an endpoint.test event
    Test { endpoint: EndpointId },
    /// Delete an endpoint; what is on its way to it is dropped
    Delete { endpoint: EndpointId },
}

impl EndpointCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            EndpointAction::Add { target, types, description, ordered } => {
                let mut body = json!({"url": target, "description": description, "ordered": ordered});
                if !types.is_empty() {
                    body["event_types"] = types.into();
                }
                remote.post("added", ENDPOINTS, Some(&body), with_secret).await
            }
            EndpointAction::List => {
                remote.list(ENDPOINTS, "no endpoints; `switchboard endpoint add` adds one", line).await
            }
            EndpointAction::Rotate { endpoint } => {
                remote.post("rotated", &format!("{ENDPOINTS}/{endpoint}/rotate"), None, with_secret).await
            }
            EndpointAction::Test { endpoint } => {
                remote.post("posting", &format!("{ENDPOINTS}/{endpoint}/test"), None, posting).await
            }
            EndpointAction::Delete { endpoint } => remote.delete("deleted", ENDPOINTS, endpoint).await,
        }
    }
}

fn posting(told: &Value) -> String {
    format!("{}; `switchboard event show` tells what became of it", field(told, "event_id"))
}

fn with_secret(endpoint: &Value) -> String {
    format!("{}\nsecret, not shown again: {}", line(endpoint), output::strong(field(endpoint, "secret")))
}

fn line(endpoint: &Value) -> String {
    let (id, state, url) = (field(endpoint, "id"), output::state(field(endpoint, "state")), field(endpoint, "url"));
    let reason = endpoint["disabled_reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let types = output::joined(endpoint, "event_types");
    let ordered = if endpoint["ordered"] == true { "  ordered" } else { "" };
    format!("{id}  {state}{reason}  {}  {types}{ordered}  {}", output::strong(url), field(endpoint, "description"))
}
