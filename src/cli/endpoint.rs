//! `switchboard endpoint`: where a running server posts its events.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Outcome;
use super::api::Remote;
use super::output::{self, field};
use crate::config::Config;
use crate::model::{ClientId, EndpointId};

/// Manage endpoints: URLs that events are posted to, signed (Standard Webhooks)
#[derive(Args)]
pub(super) struct EndpointCommand {
    /// Whose endpoints [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: Remote<Action>,
}

#[derive(Subcommand)]
enum Action {
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
    pub(super) async fn run(self, config: Config) -> Outcome {
        let (action, api, output) = self.remote.open(&config)?;
        let api = api.acting_for(self.client);
        match action {
            Action::Add { target, types, description, ordered } => {
                let mut body = json!({"url": target, "description": description, "ordered": ordered});
                if !types.is_empty() {
                    body["event_types"] = types.into();
                }
                let made = api.post("/v1/endpoints", Some(&body)).await?;
                output.show_done("added", &made, with_secret);
            }
            Action::List => {
                let endpoints = api.list("/v1/endpoints", &[], usize::MAX).await?;
                output.list(&endpoints, "no endpoints; `switchboard endpoint add` adds one", line);
            }
            Action::Rotate { endpoint } => {
                let rotated = api.post(&format!("/v1/endpoints/{endpoint}/rotate"), None).await?;
                output.show_done("rotated", &rotated, with_secret);
            }
            Action::Test { endpoint } => {
                let told = api.post(&format!("/v1/endpoints/{endpoint}/test"), None).await?;
                output.show_done("posting", &told, |told| {
                    format!("{}; `switchboard event show` tells what became of it", field(told, "event_id"))
                });
            }
            Action::Delete { endpoint } => {
                api.delete(&format!("/v1/endpoints/{endpoint}")).await?;
                output.tell_done("deleted", endpoint);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn with_secret(endpoint: &Value) -> String {
    format!("{}\nsecret, not shown again: {}", line(endpoint), output::strong(field(endpoint, "secret")))
}

fn line(endpoint: &Value) -> String {
    let (id, state, url) = (field(endpoint, "id"), output::state(field(endpoint, "state")), field(endpoint, "url"));
    let reason = match endpoint["disabled_reason"].as_str() {
        Some(reason) => format!(" ({reason})"),
        None => String::new(),
    };
    let types = output::joined(endpoint, "event_types");
    let ordered = if endpoint["ordered"] == true { "  ordered" } else { "" };
    format!("{id}  {state}{reason}  {}  {types}{ordered}  {}", output::strong(url), field(endpoint, "description"))
}
