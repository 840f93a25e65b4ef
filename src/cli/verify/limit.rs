//! `switchboard verify limits`: limits of a client's own, which its verifications name with what is counted.

use std::str::FromStr;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::output::{self, field};
use crate::cli::remote::RemoteCommandContext;
use crate::cli::{CommandResult, api};
use crate::model::{DurationSetting, VerificationLimitId, VerificationServiceId};

const LIMITS: &str = "/v1/verification-rate-limits";

#[derive(Subcommand)]
pub(super) enum LimitAction {
    /// List all limits, the newest first
    List {
        /// Those of this service
        #[arg(long, value_name = "ID")]
        service: Option<VerificationServiceId>,
    },
    /// Show a limit
    Show { limit: VerificationLimitId },
    /// Make a limit
    Add {
        /// By which verifications name it, such as end_user_ip
        name: String,
        /// The only service whose verifications may [default: all of the client's]
        #[arg(long, value_name = "ID")]
        service: Option<VerificationServiceId>,
        #[command(flatten)]
        terms: LimitTerms,
    },
    /// Change what is given
    Change {
        limit: VerificationLimitId,
        /// By which verifications name it from then on
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        terms: LimitTerms,
    },
    /// Delete a limit: who still names it is refused
    Delete { limit: VerificationLimitId },
}

#[derive(Args)]
pub(super) struct LimitTerms {
    /// What it is for
    #[arg(long)]
    description: Option<String>,
    /// So many sends of one value within so long, such as 4/10m; given again for each
    #[arg(long = "bucket", value_name = "MAX/INTERVAL")]
    buckets: Vec<BucketArgument>,
}

/// `4/10m`.
#[derive(Clone, Copy)]
struct BucketArgument {
    most: u32,
    interval: DurationSetting,
}

#[derive(Debug, thiserror::Error)]
#[error("must be a number and a duration, such as 4/10m")]
struct BadBucketArgument;

impl FromStr for BucketArgument {
    type Err = BadBucketArgument;

    fn from_str(text: &str) -> Result<Self, BadBucketArgument> {
        let (most, interval) = text.split_once('/').ok_or(BadBucketArgument)?;
        let most = most.parse().map_err(|_| BadBucketArgument)?;
        Ok(Self { most, interval: interval.parse().map_err(|_| BadBucketArgument)? })
    }
}

impl LimitTerms {
    fn body(&self, name: Option<&str>, service: Option<VerificationServiceId>) -> Value {
        let bucket = |one: &BucketArgument| json!({"max": one.most, "interval": one.interval.to_string()});
        let buckets: Vec<Value> = self.buckets.iter().map(bucket).collect();
        api::fields([
            ("name", name.map(Value::from)),
            ("service", service.map(|id| id.to_string().into())),
            ("description", self.description.as_deref().map(Value::from)),
            ("buckets", Some(buckets).filter(|all| !all.is_empty()).map(Value::from)),
        ])
    }
}

impl LimitAction {
    pub(super) async fn run(self, remote: &RemoteCommandContext) -> CommandResult {
        match self {
            Self::List { service } => {
                let filters = [("service", service.map(|id| id.to_string()))];
                remote.list_first(usize::MAX, LIMITS, &filters, "no limits", line).await
            }
            Self::Show { limit } => remote.read(&format!("{LIMITS}/{limit}"), line).await,
            Self::Add { name, service, terms } => {
                remote.post("added", LIMITS, Some(&terms.body(Some(&name), service)), line).await
            }
            Self::Change { limit, name, terms } => {
                let change = terms.body(name.as_deref(), None);
                remote.patch("changed", &format!("{LIMITS}/{limit}"), &change, line).await
            }
            Self::Delete { limit } => remote.delete("deleted", LIMITS, limit).await,
        }
    }
}

fn line(limit: &Value) -> String {
    let bucket = |one: &Value| format!("{}/{}", one["max"], field(one, "interval"));
    let buckets: Vec<String> = limit["buckets"].as_array().into_iter().flatten().map(bucket).collect();
    let buckets = if buckets.is_empty() { "no buckets".to_owned() } else { buckets.join(" ") };
    let service = limit["service"].as_str().map(|service| format!("  {service}")).unwrap_or_default();
    format!("{}  {}  {buckets}{service}", field(limit, "id"), output::strong(field(limit, "name")))
}
