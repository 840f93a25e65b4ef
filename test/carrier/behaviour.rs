//! Faults on command: which requests they meet, and what they do.

use serde::{Deserialize, Serialize};

/// Where a rule holds. The newest that fits decides.
#[derive(Clone, Serialize, Deserialize)]
pub struct Rule {
    /// This number only; without it and `prefix`, all.
    to: Option<String>,
    prefix: Option<String>,
    /// For so many requests; without it, until cleared.
    times: Option<u64>,
    #[serde(default)]
    on: On,
    #[serde(flatten)]
    pub plan: Plan,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    #[default]
    Send,
    List,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Waits before the message is recorded.
    #[serde(default)]
    pub hold_ms: u64,
    /// Waits between record and answer.
    #[serde(default)]
    pub delay_ms: u64,
    #[serde(flatten)]
    pub act: Act,
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Act {
    #[default]
    Accept,
    /// Answers with this status; `recorded` tells whether the message leaves all the same.
    Status {
        status: u16,
        retry_after: Option<u32>,
        #[serde(default)]
        recorded: bool,
    },
    /// Records, and answers what cannot be read.
    Garbage {
        #[serde(default = "created")]
        status: u16,
    },
    /// Records, and ends the connection in the middle of the answer.
    Cut,
    /// Ends the connection, nothing recorded.
    CutBefore,
    /// Records, and never answers.
    Silent,
    /// Refuses with one of Twilio's error codes, and a status: 400 unless it says so; in words that may be its own.
    Refuse {
        code: u32,
        #[serde(default = "bad")]
        status: u16,
        says: Option<String>,
    },
    /// Records, and answers 201 with something that has come to nothing.
    Fail { status: String, code: Option<u32> },
    /// Answers 201 and records nothing.
    Forget,
    /// Records and answers, but lists nothing; the message can be fetched by its SID.
    Unlisted,
}

fn created() -> u16 {
    201
}

fn bad() -> u16 {
    400
}

impl Act {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Status { .. } => "status",
            Self::Garbage { .. } => "garbage",
            Self::Cut => "cut",
            Self::CutBefore => "cut_before",
            Self::Silent => "silent",
            Self::Refuse { .. } => "refuse",
            Self::Fail { .. } => "fail",
            Self::Forget => "forget",
            Self::Unlisted => "unlisted",
        }
    }

    pub fn is_recorded(&self) -> bool {
        match self {
            Self::Accept | Self::Fail { .. } | Self::Garbage { .. } | Self::Cut | Self::Silent | Self::Unlisted => true,
            Self::Status { recorded, .. } => *recorded,
            Self::CutBefore | Self::Refuse { .. } | Self::Forget => false,
        }
    }
}

#[derive(Default)]
pub struct Rules(Vec<Rule>);

impl Rules {
    pub fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn all(&self) -> &[Rule] {
        &self.0
    }

    /// What is to be done with this request, which counts against the rule.
    pub fn take(&mut self, on: On, to: &str) -> Plan {
        let fits = |rule: &Rule| {
            rule.on == on
                && rule.to.as_deref().is_none_or(|own| own == to)
                && rule.prefix.as_deref().is_none_or(|prefix| to.starts_with(prefix))
        };
        let Some(at) = self.0.iter().rposition(fits) else { return Plan::default() };
        let plan = self.0[at].plan.clone();
        if let Some(times) = &mut self.0[at].times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.0.remove(at);
            }
        }
        plan
    }
}
