//! Codes: sent, sent again, looked at, given up, listed.

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{CodeChannel, VerificationId, VerificationServiceId, VerificationStatus, VerificationTemplateId};

const VERIFICATIONS: &str = "/v1/verifications";

#[derive(Subcommand)]
pub(super) enum CodeAction {
    Send(SendCode),
    /// Look at a code that somebody has typed
    Check {
        /// A verification, or the number that one is pending for
        whom: String,
        code: String,
        /// The service that it is of, where a number is given
        #[arg(long, value_name = "ID")]
        service: Option<VerificationServiceId>,
    },
    /// Send a code again
    Resend {
        verification: VerificationId,
        /// On which channel [default: that on which it went last]
        #[arg(long, value_parser = CodeChannel::ALL.map(CodeChannel::name))]
        channel: Option<String>,
    },
    /// Give a verification up: its code opens nothing any more
    Cancel {
        verification: VerificationId,
    },
    /// Say that somebody was proved whose code was your own
    Approve {
        verification: VerificationId,
    },
    /// List verifications, the newest first
    List {
        /// Only those of this number
        #[arg(long, value_name = "PHONE")]
        to: Option<String>,
        /// Only those that have come so far
        #[arg(long, value_parser = VerificationStatus::ALL.map(VerificationStatus::name))]
        status: Option<String>,
        /// Only those of this service
        #[arg(long, value_name = "ID")]
        service: Option<VerificationServiceId>,
        /// So many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show one verification
    Show {
        verification: VerificationId,
    },
}

/// Send a code to a phone
#[derive(Args)]
pub(super) struct SendCode {
    #[arg(value_name = "PHONE")]
    to: String,
    /// On which channel [default: sms]
    #[arg(long, value_parser = CodeChannel::ALL.map(CodeChannel::name))]
    channel: Option<String>,
    /// The service that it is of
    #[arg(long, value_name = "ID")]
    service: Option<VerificationServiceId>,
    /// Whose code it is, as the text says
    #[arg(long)]
    name: Option<String>,
    /// The language, such as pt-BR [default: that of most people where the number is]
    #[arg(long)]
    locale: Option<String>,
    /// How it is told
    #[arg(long, value_name = "ID")]
    template: Option<VerificationTemplateId>,
    /// How long the code opens it, such as 10m
    #[arg(long, value_name = "SPAN")]
    ttl: Option<String>,
    /// Digits of the code
    #[arg(long, value_name = "N")]
    code_length: Option<u8>,
    /// A channel on which it goes where it fails; may be repeated
    #[arg(long = "fallback", value_name = "CHANNEL", value_parser = CodeChannel::ALL.map(CodeChannel::name))]
    fallback: Vec<String>,
}

impl CodeAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        let to = |id: VerificationId| format!("{VERIFICATIONS}/{id}");
        match self {
            Self::Send(send) => remote.post("sent", VERIFICATIONS, Some(&send.body()), line).await,
            Self::Check { whom, code, service } => {
                let (path, to) = match whom.parse::<VerificationId>() {
                    Ok(id) => (format!("{VERIFICATIONS}/{id}/check"), None),
                    Err(_) => (format!("{VERIFICATIONS}/check"), Some(whom)),
                };
                let service = service.filter(|_| to.is_some()).map(|id| id.to_string());
                let body = api::fields([
                    ("to", to.map(Value::from)),
                    ("service", service.map(Value::from)),
                    ("code", Some(code.into())),
                ]);
                remote.post("looked at", &path, Some(&body), checked).await
            }
            Self::Resend { verification, channel } => {
                let body = api::fields([("channel", channel.map(Value::from))]);
                remote.post("sent", &format!("{}/resend", to(verification)), Some(&body), line).await
            }
            Self::Cancel { verification } => {
                let path = to(verification);
                remote.api.delete(&path).await?;
                remote.read(&path, line).await
            }
            Self::Approve { verification } => {
                remote.post("approved", &format!("{}/approve", to(verification)), None, line).await
            }
            Self::List { to, status, service, limit } => {
                let filters = [("to", to), ("status", status), ("service", service.map(|id| id.to_string()))];
                let none = "no verifications; `switchboard verify send` makes one";
                remote.list_first(limit, VERIFICATIONS, &filters, none, line).await
            }
            Self::Show { verification } => remote.read(&to(verification), line).await,
        }
    }
}

impl SendCode {
    fn body(&self) -> Value {
        let text = |given: &Option<String>| given.as_deref().map(Value::from);
        api::fields([
            ("to", Some(self.to.as_str().into())),
            ("channel", text(&self.channel)),
            ("service", self.service.map(|id| id.to_string().into())),
            ("name", text(&self.name)),
            ("locale", text(&self.locale)),
            ("template", self.template.map(|id| id.to_string().into())),
            ("ttl", text(&self.ttl)),
            ("code_length", self.code_length.map(Value::from)),
            ("fallback", (!self.fallback.is_empty()).then(|| self.fallback.clone().into())),
        ])
    }
}

fn line(one: &Value) -> String {
    let (id, to, status) = (field(one, "id"), field(one, "to"), field(one, "status"));
    let until = output::dim(field(one, "expires_at"));
    format!("{id}  {to}  {}  {}  {until}", output::strong(status), field(one, "channel"))
}

fn checked(one: &Value) -> String {
    let left = &one["attempts_left"];
    let word = match (one["valid"] == true, field(one, "status")) {
        (true, _) => output::good("right"),
        (false, "pending") => format!("{}  {left} left", output::bad("wrong")),
        (false, status) => output::careful(status),
    };
    format!("{}  {}  {word}", field(one, "id"), field(one, "to"))
}
