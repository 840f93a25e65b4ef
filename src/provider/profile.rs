//! What is known of a kind of carrier before an account is opened at it.

use super::SendOutcome;
use crate::model::Channel;

/// What our clients know the code of Twilio's for, whichever carrier it is: the recipient has opted out
/// (<https://www.twilio.com/docs/api/errors/21610>).
pub const OPTED_OUT: i64 = 21_610;

/// What a carrier is and can do: constants, from which the API, the command line and the services take what they need
/// to know of it.
pub struct CarrierProfile {
    /// Under which accounts keep it, and with which the paths of its webhooks begin.
    pub name: &'static str,
    /// As it writes its own name.
    pub title: &'static str,
    /// Where it answers, unless `provider.base_urls` says otherwise. `None`: it is not called, or has a setting of its
    /// own for that.
    pub base_url: Option<&'static str>,
    /// What an account is opened with, in the order in which a person is asked for it.
    pub credentials: &'static [CredentialField],
    /// The same as a sentence says it, behind "credentials are".
    pub credentials_words: &'static str,
    /// The field that names the account at the carrier, where one does: it stays for as long as the account is here.
    pub account_field: Option<&'static str>,
    /// The field by which its posts are believed.
    pub proof_field: Option<&'static str>,
    /// What it posts, below `/webhooks/<name>/`. Nothing: it posts nothing.
    pub webhooks: &'static [CarrierWebhookPath],
    /// Whether a secret segment of the path, between the name and what is posted, is all the proof there is.
    pub has_secret_path: bool,
    pub features: &'static [CarrierFeature],
    /// Whether a send without an answer is done again where the carrier cannot be asked about it, unless the account
    /// says otherwise; else it has failed.
    pub resends: bool,
    /// UTF-16 units of a text that it takes at most on any channel, where it names a limit of its own.
    pub longest_text: Option<usize>,
    /// Segments a second of a new account; 0: no limit.
    pub rate: i64,
    /// The codes of its refusals that say that the recipient has opted out.
    pub opt_out_codes: &'static [i64],
    /// The codes that say that the account is at fault, whatever it sends.
    pub account_codes: &'static [i64],
    /// The codes of its refusals that say that the account has no such sender, or none that can do this.
    pub sender_codes: &'static [i64],
    /// Whether it is inside this process: it plays every carrier, and reaches nobody.
    pub is_inside: bool,
}

/// One field of the credentials; all are texts.
pub struct CredentialField {
    pub name: &'static str,
    /// As a person is asked for it.
    pub title: &'static str,
    /// Whether it must never be shown.
    pub is_secret: bool,
    pub is_required: bool,
}

/// What a carrier can do besides sending texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CarrierFeature {
    /// It lists what it was sent, so that an uncertain send can be settled.
    List,
    /// It says what it knows of anybody's number.
    LookUp,
    Calls,
    Whatsapp,
}

/// What a carrier posts to one path.
pub struct CarrierWebhookPath {
    /// The last segment of the path.
    pub path: &'static str,
    pub what: PostKind,
    /// What it is answered where all is well.
    pub reply: WebhookReply,
}

/// What a post is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostKind {
    /// A message that came in.
    Text,
    /// What became of one that went out.
    Receipt,
    /// A call that came in: the answer says what to do with it.
    Call,
    /// What became of putting a call through to somebody.
    Dial,
}

/// What a carrier reads as "taken".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookReply {
    /// 200, empty.
    Ok,
    /// 204.
    NoContent,
    /// 200 with a body.
    Content { content_type: &'static str, body: &'static str },
}

impl CarrierProfile {
    /// One that sends texts and can do nothing else: what a carrier's own profile begins with, and does not repeat.
    pub(super) const PLAIN: Self = Self {
        name: "",
        title: "",
        base_url: None,
        credentials: &[],
        credentials_words: "",
        account_field: None,
        proof_field: None,
        webhooks: &[],
        has_secret_path: false,
        features: &[],
        // whether it tells a second request from a first, nobody has said
        resends: false,
        longest_text: None,
        rate: 0,
        opt_out_codes: &[],
        account_codes: &[],
        sender_codes: &[],
        is_inside: false,
    };

    /// The field by which its posts are believed.
    pub fn proof_field(&self) -> Option<&'static CredentialField> {
        self.credentials.iter().find(|field| Some(field.name) == self.proof_field)
    }

    pub fn can(&self, feature: CarrierFeature) -> bool {
        self.features.contains(&feature)
    }

    /// What is posted to a path that ends so.
    pub fn webhook(&self, path: &str) -> Option<&'static CarrierWebhookPath> {
        self.webhooks.iter().find(|webhook| webhook.path == path)
    }

    /// The refusal of what it does not carry.
    pub(super) fn uncarried(&self, channel: Channel) -> Option<SendOutcome> {
        let title = self.title;
        let reason = match channel {
            Channel::Whatsapp if !self.can(CarrierFeature::Whatsapp) => format!("{title} carries no WhatsApp messages"),
            Channel::Voice if !self.can(CarrierFeature::Calls) => format!("{title} places no calls for us"),
            Channel::Sms | Channel::Whatsapp | Channel::Voice => return None,
        };
        Some(SendOutcome::Refused { code: None, reason })
    }
}
