//! What is said in sessions.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::SESSIONS;
use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{ParticipantId, SessionId};

#[derive(Subcommand)]
pub(super) enum InteractionAction {
    /// List what was said in a session, newest first
    Interactions {
        session: SessionId,
    },
    Say(SayText),
}

/// Say something to those in a session, each from the number that they know
#[derive(Args)]
pub(super) struct SayText {
    session: SessionId,
    /// What to say
    body: String,
    /// For whom of them: that one gets no copy [default: you say it yourself]
    #[arg(long, value_name = "ID")]
    from: Option<ParticipantId>,
    /// To whom [default: to all others]
    #[arg(long, value_name = "ID")]
    to: Option<ParticipantId>,
    /// A picture's URL; may be repeated
    #[arg(long = "media", value_name = "URL")]
    media: Vec<String>,
}

impl InteractionAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        match self {
            Self::Interactions { session } => {
                let none = "nothing was said in this session";
                remote.list(&format!("{SESSIONS}/{session}/interactions"), none, line).await
            }
            Self::Say(say) => {
                let path = format!("{SESSIONS}/{}/messages", say.session);
                remote.post("said", &path, Some(&say.body()), lines).await
            }
        }
    }
}

impl SayText {
    fn body(&self) -> Value {
        api::fields([
            ("from_participant", self.from.map(|from| from.to_string().into())),
            ("to", self.to.map(|to| to.to_string().into())),
            ("body", Some(self.body.as_str().into())),
            ("media_urls", (!self.media.is_empty()).then(|| self.media.clone().into())),
        ])
    }
}

fn lines(said: &Value) -> String {
    said["data"].as_array().into_iter().flatten().map(line).collect::<Vec<_>>().join("\n")
}

fn line(said: &Value) -> String {
    let (id, at, status) = (field(said, "id"), field(said, "created_at"), output::state(field(said, "status")));
    let (from, to) = (field(said, "from_participant_id"), field(said, "to_participant_id"));
    let (reason, body) = (field(said, "reason"), field(said, "body"));
    let from = if from.is_empty() { "client" } else { from };
    format!("{id}  {at}  {from} -> {to}  {status}  {reason}  {body}")
}
