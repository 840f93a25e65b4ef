//! What a described carrier's answer comes to. What cannot be read in it is in doubt, never accepted.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::echo::SecretEchoes;
use super::profile::code_of;
use super::reading::{CarrierBodyFormat, ReadDocument, ValuePath};
use crate::model::charset;
use crate::provider::client::{ProviderAnswer, shown};
use crate::provider::message::is_id;
use crate::provider::{OPTED_OUT, SendOutcome};

/// How a description says that answers are read.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerDescription {
    format: CarrierBodyFormat,
    /// Where the carrier's name for the message is.
    id: String,
    /// Where it says whether it takes it, where its status alone does not say that.
    #[serde(default)]
    state: Option<String>,
    /// What its words for that mean, to the letter.
    #[serde(default)]
    states: BTreeMap<String, CarrierAnswerStatus>,
    #[serde(default)]
    error_code: Option<String>,
    /// What its codes mean, whatever the state or the status is.
    #[serde(default)]
    codes: BTreeMap<String, CarrierAnswerStatus>,
    /// What statuses of HTTP mean where nothing in the answer says it.
    #[serde(default)]
    statuses: BTreeMap<String, CarrierAnswerStatus>,
    /// Where it says in words what is wrong: the first place that says anything.
    #[serde(default, deserialize_with = "one_or_more")]
    error: Vec<String>,
}

/// A text, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(text) => vec![text],
        OneOrMore::More(texts) => texts,
    })
}

/// What a carrier says of a message that it was sent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum CarrierAnswerStatus {
    Accepted,
    Refused,
    /// By the recipient, who wants nothing from this number.
    OptedOut,
    /// The account is at fault, whatever it sends.
    Denied,
    /// Nothing was taken: later.
    Throttled,
    /// It may have been taken.
    Uncertain,
}

/// How answers are read.
#[derive(Clone, Debug)]
pub(super) struct AnswerReader {
    format: CarrierBodyFormat,
    id: ValuePath,
    state: Option<ValuePath>,
    states: BTreeMap<String, CarrierAnswerStatus>,
    error_code: Option<ValuePath>,
    codes: BTreeMap<String, CarrierAnswerStatus>,
    statuses: BTreeMap<u16, CarrierAnswerStatus>,
    errors: Vec<ValuePath>,
}

/// What one answer says.
#[derive(Default)]
struct ParsedProviderAnswer {
    id: Option<String>,
    state: Option<CarrierAnswerStatus>,
    code: Option<i64>,
    /// Whether it has a code of an error that is none of those described.
    has_unknown_code: bool,
    words: String,
}

/// A path whose reason, where it is none, says where it stands.
pub(super) fn path(field: &str, format: CarrierBodyFormat, text: &str) -> Result<ValuePath, String> {
    ValuePath::parse(format, text).map_err(|reason| format!("{field} {reason}"))
}

/// The same of what may be left out.
pub(super) fn optional_path(
    field: &str,
    format: CarrierBodyFormat,
    text: Option<&str>,
) -> Result<Option<ValuePath>, String> {
    text.map(|text| path(field, format, text)).transpose()
}

impl AnswerDescription {
    pub(super) fn compile(&self, field: &str) -> Result<AnswerReader, String> {
        let format = self.format;
        match (&self.state, self.states.is_empty()) {
            (None, false) => return Err(format!("{field}.state must say where the words of {field}.states are")),
            (Some(_), true) => {
                return Err(format!("{field}.states must say which words of {field}.state mean accepted"));
            }
            (None, true) | (Some(_), false) => {}
        }
        if self.error_code.is_none() && !self.codes.is_empty() {
            return Err(format!("{field}.error_code must say where the codes of {field}.codes are"));
        }
        if self.codes.values().any(|state| *state == CarrierAnswerStatus::Accepted) {
            return Err(format!("{field}.codes must not mean accepted: they are of errors"));
        }
        let mut statuses = BTreeMap::new();
        for (text, state) in &self.statuses {
            let status = text.parse::<u16>().ok().filter(|status| text.len() == 3 && (300..=599).contains(status));
            let status = status.filter(|_| *state != CarrierAnswerStatus::Accepted);
            let wrong = || format!("{field}.statuses must be from 300 to 599, and none mean accepted");
            statuses.insert(status.ok_or_else(wrong)?, *state);
        }
        Ok(AnswerReader {
            format,
            id: path(&format!("{field}.id"), format, &self.id)?,
            state: optional_path(&format!("{field}.state"), format, self.state.as_deref())?,
            states: self.states.clone(),
            error_code: optional_path(&format!("{field}.error_code"), format, self.error_code.as_deref())?,
            codes: self.codes.clone(),
            statuses,
            errors: self
                .error
                .iter()
                .map(|text| path(&format!("{field}.error"), format, text))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl AnswerReader {
    /// What became of a send that was answered: by what the answer says, else by its status.
    pub(super) fn outcome(&self, answer: &ProviderAnswer, echoes: &SecretEchoes) -> SendOutcome {
        let said = self.read(&answer.body, echoes).unwrap_or_default();
        let (status, is_success) = (answer.status.as_u16(), answer.status.is_success());
        let by_status = match (is_success && self.state.is_none(), said.has_unknown_code) {
            (true, true) => Some(CarrierAnswerStatus::Uncertain),
            (true, false) => Some(CarrierAnswerStatus::Accepted),
            (false, _) => self.statuses.get(&status).copied(),
        };
        let (code, reason, after) = (said.code, answer.reason(&said.words), answer.retry_after);
        match said.state.or(by_status) {
            Some(CarrierAnswerStatus::Accepted) if is_success && said.id.is_some() => {
                SendOutcome::Accepted { provider_id: said.id.unwrap_or_default(), segments: None }
            }
            Some(CarrierAnswerStatus::Refused) => SendOutcome::Refused { code, reason },
            Some(CarrierAnswerStatus::OptedOut) => SendOutcome::Refused { code: Some(OPTED_OUT), reason },
            Some(CarrierAnswerStatus::Denied) => SendOutcome::Denied { code, reason },
            Some(CarrierAnswerStatus::Throttled) => SendOutcome::Throttled { after, reason },
            Some(CarrierAnswerStatus::Accepted | CarrierAnswerStatus::Uncertain) => unlike(&reason),
            None => match status {
                429 => SendOutcome::Throttled { after, reason },
                401 | 402 => SendOutcome::Denied { code, reason },
                403 => SendOutcome::Forbidden { code, reason },
                400..=499 if !matches!(status, 408 | 425) => SendOutcome::Refused { code, reason },
                // other carriers have taken nothing then: of this one nobody has said so
                _ => unlike(&reason),
            },
        }
    }

    /// The code and the words of an error.
    pub(super) fn explain(&self, body: &[u8], echoes: &SecretEchoes) -> Option<(Option<i64>, String)> {
        let said = self.read(body, echoes)?;
        Some((said.code, said.words))
    }

    /// `None`: it is not of the format.
    fn read(&self, body: &[u8], echoes: &SecretEchoes) -> Option<ParsedProviderAnswer> {
        let text = charset::decode(body, None);
        let document = ReadDocument::parse(self.format, &text)?;
        let value = |path: Option<&ValuePath>| document.value(path?);
        let (word, code) = (value(self.state.as_ref()), value(self.error_code.as_ref()));
        let by_word = word.as_ref().and_then(|word| self.states.get(word).copied());
        let by_code = code.as_ref().and_then(|code| self.codes.get(code).copied());
        let state = match (by_word, by_code) {
            // one of them is wrong
            (Some(CarrierAnswerStatus::Accepted), Some(_)) => Some(CarrierAnswerStatus::Uncertain),
            (by_word, by_code) => by_code.or(by_word),
        };
        let words = self.errors.iter().filter_map(|path| document.value(path)).find(|words| !words.is_empty());
        let words = words.or(word).unwrap_or_default();
        let is_error = |code: &String| code.trim().bytes().any(|byte| byte != b'0');
        Some(ParsedProviderAnswer {
            id: document.id(&self.id).filter(|id| is_id(id)),
            state,
            has_unknown_code: by_code.is_none() && code.as_ref().is_some_and(is_error),
            code: code.and_then(|code| code_of(&code)),
            words: echoes.hide(&words),
        })
    }
}

fn unlike(reason: &str) -> SendOutcome {
    SendOutcome::Uncertain { reason: shown(&format!("the answer is none that is described: {reason}")) }
}

#[cfg(test)]
#[path = "answer_test.rs"]
mod tests;
