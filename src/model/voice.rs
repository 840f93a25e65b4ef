//! TwiML: what a carrier is told to do with a call, made verb by verb, and written out with all that must be escaped
//! (<https://www.twilio.com/docs/voice/twiml>).

use std::fmt;

/// A document of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoiceResponse(Vec<TwimlElement>);

/// How something is said: as the carrier chooses, where nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeechVoice<'a> {
    pub voice: Option<&'a str>,
    pub language: Option<&'a str>,
}

/// What is asked of whoever answers: one key, and what is said meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyQuestion<'a> {
    pub said: &'a str,
    pub voice: SpeechVoice<'a>,
    /// How long a key is waited for behind that.
    pub timeout_secs: u16,
    /// Where the key is told, and what comes next is asked.
    pub action: &'a str,
}

/// `<Dial>`, and whom it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceDial(TwimlElement);

#[derive(Clone, Debug, PartialEq, Eq)]
struct TwimlElement {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: String,
    inner: Vec<TwimlElement>,
}

impl TwimlElement {
    fn new(name: &'static str, text: &str) -> Self {
        Self { name, attributes: Vec::new(), text: text.to_owned(), inner: Vec::new() }
    }

    /// With an attribute, where it has a value.
    fn with(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.attributes.extend(value.map(|value| (name, value.to_owned())));
        self
    }
}

impl VoiceResponse {
    fn and(mut self, verb: TwimlElement) -> Self {
        self.0.push(verb);
        self
    }

    #[must_use]
    pub fn say(self, text: &str, SpeechVoice { voice, language }: SpeechVoice<'_>) -> Self {
        self.and(TwimlElement::new("Say", text).with("voice", voice).with("language", language))
    }

    #[must_use]
    pub fn dial(self, VoiceDial(dial): VoiceDial) -> Self {
        self.and(dial)
    }

    /// Waits for one key, whichever: `#` is one like the others.
    #[must_use]
    pub fn ask_key(self, question: KeyQuestion<'_>) -> Self {
        let KeyQuestion { said, voice: SpeechVoice { voice, language }, timeout_secs, action } = question;
        let say = TwimlElement::new("Say", said).with("voice", voice).with("language", language);
        let gather = TwimlElement { inner: vec![say], ..TwimlElement::new("Gather", "") };
        let gather = gather.with("input", Some("dtmf")).with("numDigits", Some("1")).with("finishOnKey", Some(""));
        let gather = gather.with("timeout", Some(&timeout_secs.to_string())).with("method", Some("POST"));
        self.and(gather.with("action", Some(action)))
    }

    /// Goes on with what is told there.
    #[must_use]
    pub fn redirect(self, url: &str) -> Self {
        self.and(TwimlElement::new("Redirect", url).with("method", Some("POST")))
    }

    #[must_use]
    pub fn pause(self, secs: u16) -> Self {
        self.and(TwimlElement::new("Pause", "").with("length", Some(&secs.to_string())))
    }

    #[must_use]
    pub fn hang_up(self) -> Self {
        self.and(TwimlElement::new("Hangup", ""))
    }

    #[must_use]
    pub fn reject(self) -> Self {
        self.and(TwimlElement::new("Reject", ""))
    }
}

impl VoiceDial {
    fn to(inner: TwimlElement) -> Self {
        Self(TwimlElement { inner: vec![inner], ..TwimlElement::new("Dial", "") })
    }

    /// A phone; `status_callback` hears of each step of its call.
    pub fn number(phone: &str, status_callback: Option<&str>) -> Self {
        let steps = status_callback.map(|_| "initiated ringing answered completed");
        let number = TwimlElement::new("Number", phone).with("statusCallbackEvent", steps);
        Self::to(number.with("statusCallback", status_callback))
    }

    /// A room, which others may be in.
    pub fn conference(name: &str) -> Self {
        Self::to(TwimlElement::new("Conference", name))
    }

    /// A room, which is closed when this call leaves it.
    pub fn own_conference(name: &str) -> Self {
        Self::to(TwimlElement::new("Conference", name).with("endConferenceOnExit", Some("true")))
    }

    /// What whoever is dialled sees.
    #[must_use]
    pub fn caller_id(self, number: &str) -> Self {
        Self(self.0.with("callerId", Some(number)))
    }

    /// What else it says.
    #[must_use]
    pub fn set(self, name: &'static str, value: &str) -> Self {
        Self(self.0.with(name, Some(value)))
    }

    /// Who is asked what comes next, when it is over.
    #[must_use]
    pub fn action(self, url: &str) -> Self {
        Self(self.0.with("action", Some(url)))
    }
}

impl fmt::Display for VoiceResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>")?;
        self.0.iter().try_for_each(|verb| verb.fmt(f))?;
        f.write_str("</Response>")
    }
}

/// By itself, as it stands in a document.
impl fmt::Display for VoiceDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TwimlElement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{}\"", escaped(value))?;
        }
        if self.text.is_empty() && self.inner.is_empty() {
            return f.write_str(" />");
        }
        write!(f, ">{}", escaped(&self.text))?;
        self.inner.iter().try_for_each(|inner| inner.fmt(f))?;
        write!(f, "</{}>", self.name)
    }
}

/// As XML 1.0 has text and the values of attributes; what it cannot hold at all is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // a reader takes them for blanks where they stand as they are
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(response: &VoiceResponse) -> String {
        let text = response.to_string();
        let inner = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>");
        inner.and_then(|inner| inner.strip_suffix("</Response>")).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_call_is_put_through_to_one_other() {
        let alice = SpeechVoice { voice: Some("alice"), language: Some("en-GB") };
        let dial = VoiceDial::number("+14155550101", None).caller_id("+15005550006");
        assert_eq!(
            inner(&VoiceResponse::default().say("Connecting", alice).dial(dial)),
            "<Say voice=\"alice\" language=\"en-GB\">Connecting</Say>\
             <Dial callerId=\"+15005550006\"><Number>+14155550101</Number></Dial>"
        );
        let url = "https://sms.example/x?a=1&b=2";
        let dial = VoiceDial::number("+14155550101", Some(url)).action(url);
        assert_eq!(
            inner(&VoiceResponse::default().dial(dial)),
            "<Dial action=\"https://sms.example/x?a=1&amp;b=2\"><Number \
             statusCallbackEvent=\"initiated ringing answered completed\" \
             statusCallback=\"https://sms.example/x?a=1&amp;b=2\">+14155550101</Number></Dial>"
        );
    }

    #[test]
    fn a_room_is_closed_by_whoever_opened_it() {
        let [leg, caller] = [VoiceDial::conference("room"), VoiceDial::own_conference("room")];
        let dialled = |dial| inner(&VoiceResponse::default().dial(dial));
        assert_eq!(dialled(leg), "<Dial><Conference>room</Conference></Dial>");
        assert_eq!(dialled(caller), "<Dial><Conference endConferenceOnExit=\"true\">room</Conference></Dial>");
    }

    #[test]
    fn a_key_is_waited_for() {
        let voice = SpeechVoice { voice: None, language: Some("fr-FR") };
        let question = KeyQuestion {
            said: "Appuyez.",
            voice,
            timeout_secs: 8,
            action: "https://sms.example/verify-call/0f?a=1&b=2",
        };
        assert_eq!(
            inner(&VoiceResponse::default().ask_key(question).hang_up()),
            "<Gather input=\"dtmf\" numDigits=\"1\" finishOnKey=\"\" timeout=\"8\" method=\"POST\" \
             action=\"https://sms.example/verify-call/0f?a=1&amp;b=2\"><Say language=\"fr-FR\">Appuyez.</Say></Gather>\
             <Hangup />"
        );
        assert_eq!(
            inner(&VoiceResponse::default().pause(1).redirect("https://sms.example/?a=1&b=2")),
            "<Pause length=\"1\" /><Redirect method=\"POST\">https://sms.example/?a=1&amp;b=2</Redirect>"
        );
    }

    #[test]
    fn what_is_said_breaks_out_of_nothing() {
        let voice = SpeechVoice { voice: Some("\"><Dial>"), language: None };
        assert_eq!(
            inner(&VoiceResponse::default().say("</Say> & \u{0}\u{7}\"so\"\n\u{1f600}", voice)),
            "<Say voice=\"&quot;&gt;&lt;Dial&gt;\">&lt;/Say&gt; &amp; &quot;so&quot;&#10;\u{1f600}</Say>"
        );
        assert_eq!(inner(&VoiceResponse::default().reject()), "<Reject />");
        assert_eq!(inner(&VoiceResponse::default()), "");
    }
}
