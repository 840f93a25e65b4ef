//! `switchboard endpoint`: where a running server posts its events.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, field};
use super::{Outcome, api};
use crate::config::Config;
use crate::model::EndpointId;

/// Manage endpoints: URLs that events are posted to, signed (Standard Webhooks)
#[derive(Args)]
pub(super) struct EndpointCommand {
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
    /// Add an endpoint; the secret that signs what it gets is shown this once
    Add {
        /// Where to post: http(s)://…
        url: String,
        /// An event type, such as message.received, or message.* for all of them; may be repeated [default: all]
        #[arg(long = "type", value_name = "TYPE")]
        types: Vec<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
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
        let api = self.server.api(&config)?;
        match self.action {
            Action::Add { url, types, description } => {
                let mut body = json!({"url": url, "description": description});
                if !types.is_empty() {
                    body["event_types"] = types.into();
                }
                let made = api.post("/v1/endpoints", Some(&body)).await?;
                show_secret(&made, self.json, "added");
            }
            Action::List => {
                let endpoints = api.list("/v1/endpoints", &[], usize::MAX).await?;
                output::show_list(&endpoints, self.json, "no endpoints; `switchboard endpoint add` adds one", line);
            }
            Action::Rotate { endpoint } => {
                let rotated = api.post(&format!("/v1/endpoints/{endpoint}/rotate"), None).await?;
                show_secret(&rotated, self.json, "rotated");
            }
            Action::Test { endpoint } => {
                let told = api.post(&format!("/v1/endpoints/{endpoint}/test"), None).await?;
                output::show(&told, self.json, |told| {
                    format!(
                        "{} {}; `switchboard event show` tells what became of it",
                        output::good("posting"),
                        field(told, "event_id")
                    )
                });
            }
            Action::Delete { endpoint } => {
                api.delete(&format!("/v1/endpoints/{endpoint}")).await?;
                output::show(&json!({"id": endpoint.to_string(), "is_deleted": true}), self.json, |_| {
                    format!("{} {endpoint}", output::good("deleted"))
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show_secret(endpoint: &Value, as_json: bool, done: &str) {
    output::show(endpoint, as_json, |endpoint| {
        let secret = output::strong(field(endpoint, "secret"));
        format!("{} {}\nsecret, not shown again: {secret}", output::good(done), line(endpoint))
    });
}

fn line(endpoint: &Value) -> String {
    let types: Vec<&str> = endpoint["event_types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (id, state, url) = (field(endpoint, "id"), output::state(field(endpoint, "state")), field(endpoint, "url"));
    let reason = match endpoint["disabled_reason"].as_str() {
        Some(reason) => format!(" ({reason})"),
        None => String::new(),
    };
    format!("{id}  {state}{reason}  {}  {}  {}", output::strong(url), types.join(","), field(endpoint, "description"))
}
