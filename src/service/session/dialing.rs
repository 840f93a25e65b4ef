//! TwiML of a client's server that puts a stranger through: one phone is dialled, and nothing else is done that costs.

use roxmltree::{Document, Node};

use crate::model::VoiceDial;
use crate::service::relay::only_says;

/// What `<Dial>` may say besides (<https://www.twilio.com/docs/voice/twiml/dial>): nothing that names a URL, or is billed.
const ATTRIBUTES: [&str; 5] = ["answerOnBridge", "hangupOnStar", "ringTone", "timeLimit", "timeout"];

/// A document in which somebody is dialled, and otherwise only spoken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DialingTwiml<'a> {
    /// What stands around the one verb.
    around: (&'a str, &'a str),
    /// Whom it dials, as it is written.
    pub(super) to: String,
    pub(super) caller_id: Option<String>,
    attributes: Vec<(&'static str, String)>,
}

impl<'a> DialingTwiml<'a> {
    /// `None`: it dials nobody. `Err`: why it may not be let through.
    pub(super) fn read(twiml: &'a str) -> Result<Option<Self>, String> {
        let document = Document::parse(twiml).map_err(|error| format!("must be well-formed XML: {error}"))?;
        let Some(dial) = document.root_element().children().find(is_dial) else {
            return only_says(twiml).map(|()| None);
        };
        let range = dial.range();
        let around = (twiml.get(..range.start), twiml.get(range.end..));
        let (Some(before), Some(after)) = around else { return Err("must be UTF-8".to_owned()) };
        // a second Dial is refused there as all else is
        only_says(&format!("{before}{after}"))?;
        let mut read = Self { around: (before, after), to: dialled(dial)?, caller_id: None, attributes: Vec::new() };
        for attribute in dial.attributes() {
            let known = ATTRIBUTES.into_iter().find(|name| *name == attribute.name());
            match (attribute.namespace(), known) {
                (None, Some(name)) => read.attributes.push((name, attribute.value().to_owned())),
                (None, None) if attribute.name() == "callerId" => read.caller_id = Some(attribute.value().to_owned()),
                _ => return Err(format!("must have no {} at Dial", attribute.name())),
            }
        }
        Ok(Some(read))
    }

    /// The same document with this in the place of its own `<Dial>`, whose other attributes stay.
    pub(super) fn written(&self, dial: VoiceDial) -> String {
        let dial = self.attributes.iter().fold(dial, |dial, (name, value)| dial.set(name, value));
        let (before, after) = self.around;
        format!("{before}{dial}{after}")
    }
}

fn is_dial(node: &Node<'_, '_>) -> bool {
    node.is_element() && node.tag_name().name() == "Dial" && node.tag_name().namespace().is_none()
}

/// The one phone that stands in it, or in the `<Number>` in it.
fn dialled(dial: Node<'_, '_>) -> Result<String, String> {
    let inside = |node: Node<'_, '_>| -> String {
        node.children().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>().trim().to_owned()
    };
    let mut elements = dial.children().filter(Node::is_element);
    let to = match (elements.next(), elements.next()) {
        (None, _) => inside(dial),
        (Some(number), None) if is_bare_number(number) && inside(dial).is_empty() => inside(number),
        _ => return Err("must dial one phone, by Number without attributes".to_owned()),
    };
    if to.is_empty() { Err("must say whom to dial".to_owned()) } else { Ok(to) }
}

fn is_bare_number(node: Node<'_, '_>) -> bool {
    let tag = node.tag_name();
    let is_bare = node.attributes().next().is_none() && !node.children().any(|inner| inner.is_element());
    tag.name() == "Number" && tag.namespace().is_none() && is_bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_phone_is_dialled_and_we_hear_of_it() -> Result<(), String> {
        let dial = VoiceDial::number("+14155550101", Some("https://sms.example/?leg=1")).caller_id("+15005550006");
        for (twiml, caller_id, attributes) in [
            ("<Response><Say>Hi</Say><Dial>+14155550101</Dial><Hangup/></Response>", None, ""),
            ("<Response><Say>Hi</Say><Dial> <Number>+14155550101</Number> </Dial><Hangup/></Response>", None, ""),
            (
                "<Response><Say>Hi</Say><Dial timeout='5' callerId='+15005550006'>+14155550101</Dial><Hangup/></Response>",
                Some("+15005550006"),
                " timeout=\"5\"",
            ),
        ] {
            let read = DialingTwiml::read(twiml)?.ok_or("nobody is dialled")?;
            assert_eq!((read.to.as_str(), read.caller_id.as_deref()), ("+14155550101", caller_id), "{twiml}");
            let expected = format!(
                "<Response><Say>Hi</Say><Dial callerId=\"+15005550006\"{attributes}><Number \
                 statusCallbackEvent=\"initiated ringing answered completed\" \
                 statusCallback=\"https://sms.example/?leg=1\">+14155550101</Number></Dial><Hangup/></Response>"
            );
            assert_eq!(read.written(dial.clone()), expected);
        }
        assert_eq!(DialingTwiml::read("<Response><Say>Hi</Say></Response>")?, None);
        Ok(())
    }

    #[test]
    fn what_costs_more_or_reaches_further_is_refused() {
        for twiml in [
            "<Response><Dial>+14155550101</Dial><Dial>+14155550102</Dial></Response>",
            "<Response><Dial><Number>+14155550101</Number><Number>+14155550102</Number></Dial></Response>",
            "<Response><Dial>+14155550101<Number>+14155550102</Number></Dial></Response>",
            "<Response><Dial><Number url='https://x'>+14155550101</Number></Dial></Response>",
            "<Response><Dial><Number><Number>+14155550101</Number></Number></Dial></Response>",
            "<Response><Dial><Conference>room</Conference></Dial></Response>",
            "<Response><Dial><Sip>sip:a@b</Sip></Dial></Response>",
            "<Response><Dial record='true'>+14155550101</Dial></Response>",
            "<Response><Dial action='/next'>+14155550101</Dial></Response>",
            "<Response xmlns:x='urn:x'><Dial x:timeout='1'>+14155550101</Dial></Response>",
            "<Response><Dial xmlns='urn:x'>+14155550101</Dial></Response>",
            "<Response><Gather><Dial>+14155550101</Dial></Gather></Response>",
            "<Response><Dial>+14155550101</Dial><Redirect>https://x</Redirect></Response>",
            "<Other><Dial>+14155550101</Dial></Other>",
            "<Response><Dial></Dial></Response>",
            "<Response><Dial>+14155550101</Response>",
            "<!DOCTYPE r [<!ENTITY d '+882130000'>]><Response><Dial>&d;</Dial></Response>",
            "hello",
        ] {
            assert!(DialingTwiml::read(twiml).is_err(), "{twiml}");
        }
    }
}
