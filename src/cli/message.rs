//! `switchboard message`: sends texts by a running server, and tells what became of them.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{ClientId, DurationSetting, MessageId};

const MESSAGES: &str = "/v1/messages";

/// Send messages, and see what became of them
#[derive(Args)]
pub(super) struct MessageCommand {
    /// Whose messages [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<MessageAction>,
}

#[derive(Subcommand)]
enum MessageAction {
    Send(SendMessageArguments),
    List(ListMessagesArguments),
    /// Show a message with its attempts and receipts
    Show {
        message: MessageId,
    },
    /// Cancel a message that is not yet sent
    Cancel {
        message: MessageId,
    },
}

/// Send a text; it is accepted once it is stored, and will be sent or accounted for
#[derive(Args)]
struct SendMessageArguments {
    /// Whom to: a number such as +14155550100
    to: String,
    /// What to say
    body: String,
    /// One of our numbers [default: one of them is chosen]
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Over what it goes [default: sms]
    #[arg(long, value_enum)]
    channel: Option<TextChannel>,
    /// When, such as 2030-01-31T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Give up if it has not been sent after so long, such as 10m
    #[arg(long, value_name = "SPAN")]
    valid_for: Option<DurationSetting>,
    /// A picture's URL; may be repeated
    #[arg(long = "media", value_name = "URL")]
    media: Vec<String>,
    /// Replace typographic quotes, dashes, dots and blanks where that saves segments
    #[arg(long)]
    smart_encoded: bool,
    /// Where to post this message's events, besides the endpoints
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// Something of your own to keep with it; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// A name for this request: repeated under it, it is sent once
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
}

/// What people write over.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum TextChannel {
    Sms,
    Whatsapp,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value, such as order=17")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// List messages, newest first
#[derive(Args)]
struct ListMessagesArguments {
    /// From or to this number
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// From this number
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// To this number
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// Only of this channel
    #[arg(long, value_enum)]
    channel: Option<TextChannel>,
    /// In this state: accepted, scheduled, queued, sending, sent, delivered, undelivered, failed, canceled, expired, received
    #[arg(long)]
    state: Option<String>,
    /// inbound or outbound
    #[arg(long)]
    direction: Option<String>,
    /// Made at this time or later, such as 2030-01-31 or 2030-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Made before this time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

impl MessageCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        match action {
            MessageAction::Send(send) => {
                let name = send.idempotency_key.as_deref();
                remote.done("accepted", &remote.api.post_as(name, MESSAGES, &send.body()).await?, line)
            }
            MessageAction::List(list) => {
                remote.list_first(list.limit, MESSAGES, &list.filters(), "no such messages", line).await
            }
            MessageAction::Show { message } => remote.read(&format!("{MESSAGES}/{message}"), page).await,
            MessageAction::Cancel { message } => {
                let path = format!("{MESSAGES}/{message}");
                remote.api.delete(&path).await?;
                remote.read(&path, line).await
            }
        }
    }
}

impl SendMessageArguments {
    fn body(&self) -> Value {
        let metadata = self.metadata.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
        api::fields([
            ("to", Some(self.to.as_str().into())),
            ("body", Some(self.body.as_str().into())),
            ("from", self.from.as_ref().map(|from| from.as_str().into())),
            ("channel", self.channel.as_ref().and_then(api::name)),
            ("send_at", self.at.clone().map(Value::from)),
            ("smart_encoded", self.smart_encoded.then_some(true.into())),
            ("valid_for", self.valid_for.map(|span| span.to_string().into())),
            ("media_urls", (!self.media.is_empty()).then(|| self.media.clone().into())),
            ("callback_url", self.callback.clone().map(Value::from)),
            ("metadata", (!self.metadata.is_empty()).then(|| Value::Object(metadata.collect()))),
        ])
    }
}

impl ListMessagesArguments {
    fn filters(&self) -> [(&'static str, Option<String>); 8] {
        [
            ("number", self.number.clone()),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("channel", self.channel.as_ref().and_then(api::word)),
            ("state", self.state.clone()),
            ("direction", self.direction.clone()),
            ("created_from", self.since.clone()),
            ("created_before", self.before.clone()),
        ]
    }
}

fn line(message: &Value) -> String {
    let (id, at, state) = (field(message, "id"), field(message, "created_at"), output::state(field(message, "state")));
    let (from, to, body) = (field(message, "from"), field(message, "to"), field(message, "body"));
    format!("{id}  {at}  {from} -> {to}  {state}  {body}")
}

fn page(message: &Value) -> String {
    let mut lines = vec![line(message)];
    let (encoding, segments) = (field(message, "encoding"), &message["segments"]);
    lines.push(format!("  {segments} segment(s), {encoding}"));
    if let Some(reason) = message["error"]["reason"].as_str() {
        lines.push(format!("  {} {reason}", output::bad("error")));
    }
    for attempt in message["attempts"].as_array().into_iter().flatten() {
        let (outcome, at) = (field(attempt, "outcome"), field(attempt, "started_at"));
        let (number, reason) = (&attempt["number"], field(attempt, "reason"));
        lines.push(format!("  attempt {number}  {at}  {}  {reason}", output::strong(outcome)));
    }
    for receipt in message["receipts"].as_array().into_iter().flatten() {
        let (at, state, word) = (field(receipt, "at"), field(receipt, "state"), field(receipt, "word"));
        let word = if word == state { String::new() } else { format!("  {word}") };
        lines.push(format!("  receipt    {at}  {}{word}", output::state(state)));
    }
    lines.join("\n")
}
