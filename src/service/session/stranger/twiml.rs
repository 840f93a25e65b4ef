//! Texts that a client's server answers with in TwiML (<https://www.twilio.com/docs/messaging/twiml>).

use roxmltree::{Document, Node};

/// A text with which somebody is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TwimlMessage {
    /// Without, whoever texted.
    pub(super) to: Option<String>,
    pub(super) body: String,
    pub(super) media_urls: Vec<String>,
}

/// The texts of a document, in their order; verbs that are for calls say nothing here. `None`: it cannot be read.
pub(super) fn texts(document: &str) -> Option<Vec<TwimlMessage>> {
    let document = Document::parse(document).ok()?;
    let root = document.root_element();
    if !root.has_tag_name("Response") {
        return None;
    }
    let texts = root.children().filter(|node| node.has_tag_name("Message") || node.has_tag_name("Sms")).map(text);
    Some(texts.filter(|text| !text.body.is_empty() || !text.media_urls.is_empty()).collect())
}

fn text(verb: Node<'_, '_>) -> TwimlMessage {
    let inside = |name: &str| -> Vec<String> {
        verb.children().filter(|node| node.has_tag_name(name)).map(words).filter(|words| !words.is_empty()).collect()
    };
    let bodies = inside("Body");
    TwimlMessage {
        to: verb.attribute("to").filter(|to| !to.is_empty()).map(str::to_owned),
        body: if bodies.is_empty() { words(verb) } else { bodies.concat() },
        media_urls: inside("Media"),
    }
}

/// What stands in an element itself.
fn words(of: Node<'_, '_>) -> String {
    let texts = of.children().filter(Node::is_text).filter_map(|node| node.text());
    texts.collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(body: &str) -> TwimlMessage {
        TwimlMessage { to: None, body: body.to_owned(), media_urls: Vec::new() }
    }

    #[test]
    fn each_message_is_a_text() {
        let of =
            |inside: &str| texts(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{inside}</Response>"));
        assert_eq!(of(""), Some(Vec::new()));
        assert_eq!(of("<Message>a &amp; b</Message><Sms> c\n</Sms>"), Some(vec![plain("a & b"), plain("c")]));
        assert_eq!(of("<Say>hello</Say><Message/><Message><Body>d</Body></Message>"), Some(vec![plain("d")]));
        let picture = TwimlMessage {
            to: Some("+14155550101".to_owned()),
            body: "look".to_owned(),
            media_urls: vec!["https://pictures.example/1?a=b&c=d".to_owned()],
        };
        let body = "<Message to=\"+14155550101\"><Body>look</Body>\
                    <Media>https://pictures.example/1?a=b&amp;c=d</Media></Message>";
        assert_eq!(of(body), Some(vec![picture]));
    }

    #[test]
    fn what_is_no_such_document_is_none() {
        for bad in ["<Response>", "<html></html>", "hello", "<!DOCTYPE a [<!ENTITY b \"c\">]><Response/>"] {
            assert_eq!(texts(bad), None, "{bad}");
        }
    }
}
