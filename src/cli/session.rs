//! `switchboard session`: conversations in which nobody learns a number, on a running server.

mod interaction;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::interaction::InteractionAction;
use super::output::{self, field};
use super::remote::RemoteCommand;
use super::{CommandResult, api};
use crate::config::Config;
use crate::model::{ClientId, ParticipantId, PoolId, SessionId, SessionMode, SessionState};

const SESSIONS: &str = "/v1/sessions";

/// Manage sessions: people who text and call each other, and see only numbers of a pool
#[derive(Args)]
pub(super) struct SessionCommand {
    /// Whose sessions [default: the operator's]
    #[arg(long, global = true, value_name = "ID")]
    client: Option<ClientId>,
    #[command(flatten)]
    remote: RemoteCommand<SessionAction>,
}

#[derive(Subcommand)]
enum SessionAction {
    /// Make a session of these people; each gets a number of the pool
    Create {
        #[arg(required = true, value_name = "PHONE")]
        participants: Vec<String>,
        /// Of whose numbers
        #[arg(long, value_name = "ID")]
        pool: PoolId,
        /// What they may do [default: both]
        #[arg(long, value_parser = SessionMode::ALL.map(SessionMode::name))]
        mode: Option<String>,
        /// What you call it
        #[arg(long)]
        name: Option<String>,
        /// A name that no other open session has
        #[arg(long, value_name = "NAME")]
        unique_name: Option<String>,
        /// End it so long after what was said last, such as 1d
        #[arg(long, value_name = "SPAN")]
        ttl: Option<String>,
        /// What each is told as it begins
        #[arg(long, value_name = "TEXT")]
        start_text: Option<String>,
        /// What each is told when it has ended
        #[arg(long, value_name = "TEXT")]
        end_text: Option<String>,
        /// Who is asked before a text is passed on [default: whom its pool names]
        #[arg(long, value_name = "URL")]
        intercept_url: Option<String>,
    },
    /// List sessions with their people, newest first
    List {
        /// Only those that have come so far
        #[arg(long, value_parser = SessionState::ALL.map(SessionState::name))]
        state: Option<String>,
        /// Only those of this person
        #[arg(long, value_name = "PHONE")]
        participant: Option<String>,
        /// So many at most
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Show one session
    Show { session: SessionId },
    /// Let it rest: it keeps its numbers until a text takes it up again
    Pause { session: SessionId },
    /// Let it go on; one that was over is opened again
    Resume { session: SessionId },
    /// End a session: its numbers are free again
    Close { session: SessionId },
    /// Let somebody into a session
    Add {
        session: SessionId,
        #[arg(value_name = "PHONE")]
        participant: String,
        /// What the others know them as, where labels are names
        #[arg(long)]
        name: Option<String>,
    },
    /// Let somebody out of a session
    Remove { session: SessionId, participant: ParticipantId },
    #[command(flatten)]
    Interaction(InteractionAction),
}

impl SessionCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        let (action, remote) = self.remote.open(&config)?;
        let remote = remote.acting_for(self.client);
        let to = |session: SessionId| format!("{SESSIONS}/{session}");
        let state = |name: &str| json!({ "state": name });
        match action {
            SessionAction::Create {
                participants,
                pool,
                mode,
                name,
                unique_name,
                ttl,
                start_text,
                end_text,
                intercept_url,
            } => {
                let people: Vec<Value> = participants.iter().map(|one| json!({ "address": one })).collect();
                let body = api::fields([
                    ("participants", Some(people.into())),
                    ("pool_id", Some(pool.to_string().into())),
                    ("mode", mode.map(Value::from)),
                    ("name", name.map(Value::from)),
                    ("unique_name", unique_name.map(Value::from)),
                    ("ttl", ttl.map(Value::from)),
                    ("start_text", start_text.map(Value::from)),
                    ("end_text", end_text.map(Value::from)),
                    ("intercept_url", intercept_url.map(Value::from)),
                ]);
                remote.post("created", SESSIONS, Some(&body), line).await
            }
            SessionAction::List { state, participant, limit } => {
                let filters = [("state", state), ("participant", participant)];
                let none = "no sessions; `switchboard session create` makes one";
                remote.list_first(limit, SESSIONS, &filters, none, line).await
            }
            SessionAction::Show { session } => remote.read(&to(session), line).await,
            SessionAction::Pause { session } => remote.patch("paused", &to(session), &state("inactive"), line).await,
            SessionAction::Resume { session } => {
                remote.patch("resumed", &to(session), &state("in_progress"), line).await
            }
            SessionAction::Close { session } => remote.delete("closed", SESSIONS, session).await,
            SessionAction::Add { session, participant, name } => {
                let body = api::fields([("address", Some(participant.into())), ("name", name.map(Value::from))]);
                remote.post("added", &format!("{}/participants", to(session)), Some(&body), person).await
            }
            SessionAction::Remove { session, participant } => {
                remote.delete("removed", &format!("{}/participants", to(session)), participant).await
            }
            SessionAction::Interaction(action) => action.run(&remote).await,
        }
    }
}

fn line(session: &Value) -> String {
    let people: Vec<_> = session["participants"].as_array().into_iter().flatten().map(person).collect();
    let (id, state, name) = (field(session, "id"), field(session, "state"), field(session, "name"));
    format!("{id}  {}  {name}  {}", output::strong(state), people.join("  "))
}

fn person(one: &Value) -> String {
    format!("{} {}", field(one, "address"), output::dim(field(one, "number")))
}
