//! What calls may say whose key is bound: TwiML that speaks to who answers, and makes no other call. An allow list: what
//! a carrier adds to its TwiML later is refused until it stands here.

use roxmltree::{Document, Node};

use crate::model::CallPlan;
use crate::provider::web;

/// The verbs, and of each the attributes that name no URL (<https://www.twilio.com/docs/voice/twiml>).
const VERBS: [(&str, &[&str]); 7] = [
    ("Response", &[]),
    ("Say", &["voice", "language", "loop"]),
    ("Play", &["loop", "digits"]),
    ("Pause", &["length"]),
    ("Gather", &GATHER),
    ("Hangup", &[]),
    ("Reject", &["reason"]),
];
const GATHER: [&str; 12] = [
    "actionOnEmptyResult",
    "bargeIn",
    "enhanced",
    "finishOnKey",
    "hints",
    "input",
    "language",
    "numDigits",
    "profanityFilter",
    "speechModel",
    "speechTimeout",
    "timeout",
];

/// Which field of a call is wrong, and how.
pub(super) fn check(plan: &CallPlan) -> Result<(), (&'static str, String)> {
    for (field, url) in [("url", &plan.url), ("fallback_url", &plan.dialing.fallback_url)] {
        if url.is_some() {
            return Err((field, "must be left out: calls with this key say what stands in their TwiML".to_owned()));
        }
    }
    // what the carrier bills besides the call
    let dialing = &plan.dialing;
    let billed = [("record", dialing.record == Some(true)), ("machine_detection", dialing.machine_detection.is_some())];
    if let Some((field, _)) = billed.into_iter().find(|(_, is_there)| *is_there) {
        return Err((field, "must be left out with this key".to_owned()));
    }
    plan.twiml.as_deref().map_or(Ok(()), only_says).map_err(|reason| ("twiml", reason))
}

/// Refuses what does more than speak.
pub(in crate::service) fn only_says(twiml: &str) -> Result<(), String> {
    let document = Document::parse(twiml)
        .map_err(|error| format!("must be well-formed XML without a DTD and entities of its own: {error}"))?;
    if !is_utf8(twiml) {
        return Err("must be declared as UTF-8, or not at all".to_owned());
    }
    if !document.root_element().has_tag_name("Response") {
        return Err("must begin with Response".to_owned());
    }
    document.descendants().try_for_each(|node| {
        if let Some(instruction) = node.pi() {
            return Err(format!("must hold no processing instruction, such as {}", instruction.target));
        }
        if node.is_element() { verb(node) } else { Ok(()) }
    })
}

/// A parser that believes another encoding reads other verbs.
fn is_utf8(twiml: &str) -> bool {
    let text = twiml.strip_prefix('\u{feff}').unwrap_or(twiml);
    let declaration = text.strip_prefix("<?xml ").and_then(|rest| rest.split_once("?>")).map_or("", |(said, _)| said);
    let Some((_, encoding)) = declaration.split_once("encoding") else { return true };
    encoding.split(['"', '\'']).nth(1).is_some_and(|name| name.eq_ignore_ascii_case("utf-8"))
}

fn verb(node: Node<'_, '_>) -> Result<(), String> {
    let tag = node.tag_name();
    let known = VERBS.iter().find(|(name, _)| *name == tag.name() && tag.namespace().is_none());
    let Some((name, attributes)) = known else {
        let names: Vec<_> = VERBS.iter().map(|(name, _)| *name).collect();
        return Err(format!("must hold only {}, not {}", names.join(", "), tag.name()));
    };
    let is_known = |attribute: &roxmltree::Attribute<'_, '_>| {
        attribute.namespace().is_none() && attributes.contains(&attribute.name())
    };
    if let Some(other) = node.attributes().find(|attribute| !is_known(attribute)) {
        return Err(format!("must have no {} at {name}", other.name()));
    }
    if *name != "Play" {
        return Ok(());
    }
    let url: String = node.children().filter(Node::is_text).filter_map(|text| text.text()).collect();
    if url.trim().is_empty() && node.has_attribute("digits") {
        return Ok(());
    }
    web::normal(&url).map(drop).map_err(|reason| format!("must hold a URL in Play, which {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallOptions, MachineDetection};

    fn said(twiml: &str) -> Result<(), String> {
        only_says(twiml)
    }

    #[test]
    fn what_speaks_to_who_answers_is_taken() {
        for twiml in [
            "<Response/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Say>Hi &amp; bye &#33;</Say><Hangup/></Response>\n",
            "<?xml version='1.0' encoding='utf-8' standalone='yes'?><Response><Reject reason='busy'/></Response>",
            "<Response><!-- Dial --><Say voice=\"Polly.Amy\" language=\"en-GB\" loop=\"2\"><![CDATA[<Dial>]]></Say></Response>",
            "<Response><Gather input=\"dtmf speech\" numDigits=\"1\" timeout=\"5\"><Say>&lt;Dial&gt;</Say></Gather></Response>",
            "<Response><Pause length=\"2\"/><Play loop=\"1\"> https://example.org/a.mp3 </Play><Play digits=\"1w2\"/></Response>",
        ] {
            assert_eq!(said(twiml), Ok(()), "{twiml}");
        }
    }

    #[test]
    fn what_reaches_further_is_refused_by_name() {
        for (twiml, name) in [
            ("<Response><Dial>+882130000</Dial></Response>", "not Dial"),
            ("<Response><Say>x</Say><Gather><Sms to=\"+1\">x</Sms></Gather></Response>", "not Sms"),
            ("<Response><dial>+1</dial></Response>", "not dial"),
            ("<Response><Redirect>https://example.org/</Redirect></Response>", "not Redirect"),
            ("<Response><Say><audio src=\"https://example.org/\"/></Say></Response>", "not audio"),
            ("<Dial>+1</Dial>", "begin with Response"),
            ("<x:Response xmlns:x='urn:x'><x:Say/></x:Response>", "not Response"),
            ("<Response><Say xmlns='urn:x'>x</Say></Response>", "not Say"),
            ("<Response><Gather action=\"/dial\"/></Response>", "no action at Gather"),
            ("<Response><Gather partialResultCallback='//x'/></Response>", "no partialResultCallback at Gather"),
            ("<Response><Say statusCallback='https://x'>x</Say></Response>", "no statusCallback at Say"),
            ("<Response xmlns:x='urn:x'><Say x:voice='a'>x</Say></Response>", "no voice at Say"),
            (
                "<Response xmlns:xlink='http://www.w3.org/1999/xlink'><Say xlink:href='https://x'>x</Say></Response>",
                "no href at Say",
            ),
            ("<Response><Play>a.mp3</Play></Response>", "URL in Play"),
            ("<Response><Play>file:///etc/passwd</Play></Response>", "not with file:"),
            ("<Response><Play/></Response>", "URL in Play"),
            ("<!DOCTYPE Response SYSTEM 'https://x/d'><Response/>", "DTD"),
            ("<!DOCTYPE r [<!ENTITY d '<Dial>+1</Dial>'>]><Response>&d;</Response>", "DTD"),
            ("<Response><Say>&d;</Say></Response>", "'d'"),
            ("<?xml-stylesheet href='https://x'?><Response/>", "xml-stylesheet"),
            ("<Response><?xml\tversion='1.0'?></Response>", "such as xml"),
            ("<?xml version='1.0' encoding='UTF-7'?><Response>+ADw-Dial+AD4-</Response>", "UTF-8"),
            ("<?xml version='encoding=utf-8' encoding='UTF-16'?><Response/>", "UTF-8"),
            ("<Response><Say>x</Response>", "well-formed"),
            ("<Response/><Dial>+1</Dial>", "well-formed"),
            ("", "well-formed"),
            ("Hello", "well-formed"),
        ] {
            assert!(said(twiml).is_err_and(|reason| reason.contains(name)), "{twiml}: {:?}", said(twiml));
        }
    }

    /// As deep as 4,000 characters go.
    #[test]
    fn what_is_nested_deeply_is_read_like_the_rest() {
        let nested = |verb: &str, levels| {
            let (open, close) = (format!("<{verb}>").repeat(levels), format!("</{verb}>").repeat(levels));
            format!("<Response>{open}{close}</Response>")
        };
        assert_eq!(said(&nested("Say", 350)), Ok(()));
        assert!(said(&nested("a", 560)).is_err_and(|reason| reason.contains("not a")));
        for open in ["<a>", "<a x='"] {
            let open = format!("<Response>{}", open.repeat(1_300));
            assert!(said(&open).is_err_and(|reason| reason.contains("well-formed")));
        }
    }

    #[test]
    fn what_costs_more_than_the_call_is_left_out() {
        let twiml = Some("<Response/>".to_owned());
        let with = |record, machine_detection| CallPlan {
            twiml: twiml.clone(),
            dialing: CallOptions { record, machine_detection, ..CallOptions::default() },
            ..CallPlan::default()
        };
        assert_eq!(check(&with(Some(false), None)), Ok(()));
        let field = |plan: &CallPlan| check(plan).map_err(|(field, _)| field);
        assert_eq!(field(&with(Some(true), None)), Err("record"));
        assert_eq!(field(&with(None, Some(MachineDetection::Enable))), Err("machine_detection"));
    }
}
