//! How a carrier's HTTP API is spoken, as JSON says it. Three descriptions come with this program, others with their
//! account.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::answer::{AnswerDescription, AnswerReader};
use super::post::{InboundTextDescription, InboundTextReader, ReceiptDescription, ReceiptReader};
use super::proof::{ProofDescription, ProofTemplate};
use super::request::{RequestDescription, RequestTemplate};
use super::template::{Placeholder, Template};
use crate::model::json::twice;

/// Descriptions that are known by their names.
const SHIPPED: [(&str, &str); 3] = [
    ("africas-talking", include_str!("africas-talking.json")),
    ("esendex", include_str!("esendex.json")),
    ("termii", include_str!("termii.json")),
];

/// Bytes of a description at most: sealed with its secrets, it must fit into its column.
const LONGEST: usize = 16 * 1024;

/// A description as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDescription {
    /// The carrier, and where its API is documented: for who reads it.
    #[serde(default, rename = "title")]
    _title: String,
    #[serde(default, rename = "documentation")]
    _documentation: Vec<String>,
    /// The request that sends a message.
    send: RequestDescription,
    answer: AnswerDescription,
    /// A request that is answered with success where the credentials are good, and that sends nothing.
    #[serde(default)]
    check: Option<RequestDescription>,
    /// None: nothing that comes in is believed, and its paths are not found.
    #[serde(default)]
    proof: Option<ProofDescription>,
    #[serde(default)]
    receipts: Option<ReceiptDescription>,
    #[serde(default)]
    inbound: Option<InboundTextDescription>,
}

/// A description that was read, and can be spoken.
#[derive(Clone)]
pub(super) struct ApiDescription {
    pub send: RequestTemplate,
    pub answer: AnswerReader,
    pub check: Option<RequestTemplate>,
    pub proof: Option<ProofTemplate>,
    pub receipts: Option<ReceiptReader>,
    pub inbound: Option<InboundTextReader>,
}

/// The text of a description: what is given, or what has this name now. An account keeps the text, so that it goes on
/// as it was opened.
pub(super) fn text_of(given: String) -> String {
    let known = SHIPPED.iter().find(|(name, _)| *name == given.trim());
    known.map_or(given, |(_, text)| (*text).to_owned())
}

/// The field that serde did not like, and why. What its words quote, they quote before they say what is expected; it
/// may be a secret.
fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (path, inner) = (error.path().to_string(), error.inner());
    let said = inner.to_string();
    let is_plain = !inner.is_data() || said.starts_with("missing field ");
    let unquoted = || {
        let expected = said.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
        format!("expected {expected}")
    };
    let said = if is_plain { said } else { unquoted() };
    // of what is no JSON no field is known
    if path == "." || !inner.is_data() { said } else { format!("{path}: {said}") }
}

impl ApiDescription {
    /// Reads a description; or says which of its fields is wrong, and no value.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.starts_with('{') {
            let names = SHIPPED.map(|(name, _)| name).join(", ");
            return Err(format!("must be a JSON object, or the name of one that comes with this program: {names}"));
        }
        if text.len() > LONGEST {
            return Err(format!("must be at most {LONGEST} bytes long"));
        }
        if let Some(name) = twice(text.as_bytes()) {
            return Err(format!("{name}: must come once"));
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let read: WrittenDescription =
            serde_path_to_error::deserialize(&mut json).map_err(|error| unreadable(&error))?;
        json.end().map_err(|_| "something follows the JSON object".to_owned())?;
        let described = Self {
            send: read.send.compile("send")?,
            answer: read.answer.compile("answer")?,
            check: read.check.map(|check| check.compile("check")).transpose()?,
            proof: read.proof.map(|proof| proof.compile("proof")).transpose()?,
            receipts: read.receipts.map(|receipts| receipts.compile("receipts")).transpose()?,
            inbound: read.inbound.map(|inbound| inbound.compile("inbound")).transpose()?,
        };
        described.check_placeholders()?;
        Ok(described)
    }

    fn check_placeholders(&self) -> Result<(), String> {
        let says = |wanted: &[Placeholder]| {
            self.send.templates().into_iter().flat_map(Template::placeholders).any(|one| wanted.contains(one))
        };
        if !says(&[Placeholder::To, Placeholder::ToDigits]) {
            return Err("send must say whom a message is for: {to} or {to_digits}".to_owned());
        }
        if !says(&[Placeholder::Body]) {
            return Err("send must say what a message is: {body}".to_owned());
        }
        let check = self.check.iter().flat_map(RequestTemplate::templates).map(|template| ("check", template));
        let proof = self.proof.iter().flat_map(ProofTemplate::templates).map(|template| ("proof", template));
        for (field, template) in check.chain(proof) {
            if let Some(one) = template.placeholders().find(|one| one.is_of_message()) {
                return Err(format!("{field} is about no message: {{{}}} says nothing there", one.name()));
            }
        }
        if self.proof.is_some() && !self.hears() {
            return Err("proof must stand beside receipts or inbound: without them nothing is read".to_owned());
        }
        Ok(())
    }

    /// Whether a message may have media.
    pub(super) fn carries_media(&self) -> bool {
        let mut placeholders = self.send.templates().into_iter().flat_map(Template::placeholders);
        placeholders.any(|one| *one == Placeholder::MediaUrls)
    }

    /// Whether anything that comes in can be believed and read.
    pub(super) fn hears(&self) -> bool {
        self.proof.is_some() && (self.receipts.is_some() || self.inbound.is_some())
    }

    pub(super) fn hears_receipts(&self) -> bool {
        self.proof.is_some() && self.receipts.is_some()
    }

    /// The names of the secrets that an account is opened with.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.send.add_secrets(&mut names);
        self.check.iter().for_each(|check| check.add_secrets(&mut names));
        self.proof.iter().for_each(|proof| proof.add_secrets(&mut names));
        names
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn least() -> Value {
        json!({"send": {"method": "POST", "url": "https://h/", "body": {"form": {"to": "{to}", "text": "{body}"}}},
            "answer": {"format": "json", "id": "id"}})
    }

    #[test]
    fn those_that_come_with_this_program_are_good() {
        let secrets: [&[&str]; 3] = [
            &["api_key", "username"],
            &["account_reference", "password", "username"],
            &["api_key", "channel", "secret_key"],
        ];
        for ((name, text), secrets) in SHIPPED.into_iter().zip(secrets) {
            assert_eq!(text_of(format!("{name}\n")), text);
            let described = ApiDescription::read(text).unwrap();
            assert!(described.hears() && described.check.is_some(), "{name}");
            assert!(described.secrets().iter().eq(secrets), "{name}: {:?}", described.secrets());
        }
    }

    #[test]
    fn the_one_in_the_guide_is_good() {
        let guide = include_str!("../../http/openapi/guide.md");
        let (_, section) = guide.split_once("## A carrier of your own").unwrap();
        let (_, behind) = section.split_once("```json\n").unwrap();
        let (json, _) = behind.split_once("```").unwrap();
        let described = ApiDescription::read(json).unwrap();
        assert!(described.hears_receipts() && described.check.is_some());
        assert!(described.secrets().iter().eq(["account", "api_key", "signing_key"]));
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        let mut cases = vec![
            (json!("nobody"), "must be a JSON object"),
            (json!("termii"), "must be a JSON object"),
            (json!("{\"send\": 1, \"send\": 1}"), "send: must come once"),
            (json!("{"), "EOF while parsing"),
            (json!({}), "missing field `send`"),
        ];
        for (pointer, value, said) in [
            ("send", json!("hush"), "send: expected "),
            ("send", json!({"method": ["hush"], "url": "hush"}), "send.method: expected a string"),
            ("send", json!({"method": "hush", "url": "hush"}), "send.method must be"),
            ("send", json!({"method": "POST", "url": "hush"}), "send.url must be"),
            (
                "send",
                json!({"method": "POST", "url": "https://h/{hush}"}),
                "send.url has a placeholder that is none of ",
            ),
            ("send", json!({"method": "POST", "url": "https://h/{secret.HUSH}"}), "send.url has a placeholder "),
            (
                "send",
                json!({"method": "POST", "url": "https://h/", "body": {"xml": "<hush>"}}),
                "send.body.xml must be",
            ),
            ("more", json!("hush"), "more: expected one of `title`"),
            ("answer", json!({"format": "hush", "id": "id"}), "answer.format: expected one of `form`"),
            ("answer", json!({"format": "text", "id": "hush("}), "answer.id must be"),
            (
                "answer",
                json!({"format": "json", "id": "id", "states": {"ok": "hush"}}),
                "answer.states.ok: expected one",
            ),
            ("answer", json!({"format": "json", "id": "a//b"}), "answer.id "),
            ("answer", json!({"format": "json"}), "answer: missing field `id`"),
            ("proof", json!("hush"), "proof: expected one of `secret_path`"),
            ("proof", json!("secret_path"), "proof must stand beside"),
            ("proof", json!({"bearer": {"token": "{secret.a}{to}"}}), "proof is about no message: {to} "),
            ("check", json!({"method": "GET", "url": "https://h/?q={body}"}), "check is about no message: {body} "),
            ("receipts", json!({"format": "form", "id": "id", "state": ""}), "receipts.state "),
            (
                "receipts",
                json!({"format": "form", "id": "id", "state": "s", "states": {"ok": "good"}}),
                "receipts.states.ok ",
            ),
            ("inbound", json!({"format": "json", "id": "a", "from": "b", "to": "c", "body": "/"}), "inbound.body "),
            ("send", json!({"method": "POST", "url": "https://h/{body}"}), "send must say whom "),
            ("send", json!({"method": "POST", "url": "https://h/{to}"}), "send must say what "),
        ] {
            let mut case = least();
            case[pointer] = value;
            cases.push((case, said));
        }
        for (case, wanted) in cases {
            let text = case.as_str().map_or_else(|| case.to_string(), str::to_owned);
            let said = ApiDescription::read(&text).err().unwrap_or_default();
            assert!(said.starts_with(wanted) && !said.to_lowercase().contains("hush"), "{case}: {said}");
        }
    }

    #[test]
    fn what_is_described_is_bounded_and_no_more() {
        let mut long = least();
        long["title"] = json!("x".repeat(LONGEST));
        assert!(ApiDescription::read(&long.to_string()).is_err_and(|said| said.starts_with("must be at most")));
        let described = ApiDescription::read(&least().to_string()).unwrap();
        assert!(!described.hears() && !described.hears_receipts() && !described.carries_media());
    }
}
