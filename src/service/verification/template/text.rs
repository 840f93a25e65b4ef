//! The text of one code: whose words, in which language, what stands in them, and the line that machines read.

use std::collections::BTreeMap;

use super::{Templates, check_body, no_locale, shipped_locale};
use crate::model::template::{
    Autofill, Locale, OWN_PLACES, RETRIEVER_BYTES, ShippedText, TextValues, clean_name, fill, is_place_name, language,
    language_tag, whole_minutes,
};
use crate::model::verification::CODE_MARK;
use crate::model::{ClientId, Millis, Segments, VerificationTemplateId, text};
use crate::service::{Error, ErrorKind, Result};
use crate::store::verification::template::{self, VerificationTemplate};

/// UTF-16 units of what is put into a place at most, and how many places a client may fill.
const LONGEST_VALUE: usize = 100;
const VALUES: usize = 20;

/// What is to be told to whom.
#[derive(Clone, Copy, Debug)]
pub struct TextWanted<'a> {
    pub client: ClientId,
    /// Who asks for the code; perhaps empty.
    pub name: &'a str,
    /// Where the phone is, if that is known.
    pub country: Option<&'a str>,
    /// `None`: that of most people there.
    pub locale: Option<&'a str>,
    pub template: Option<VerificationTemplateId>,
    /// The client's own words, before any template's.
    pub message: Option<&'a str>,
    /// What stands in the places that are the client's.
    pub substitutions: &'a BTreeMap<String, String>,
    /// Whether the text ends by saying that the code is for nobody else.
    pub warning: bool,
    pub app_hash: Option<&'a str>,
    pub web_otp_host: Option<&'a str>,
    /// How long the code still opens: of one that is sent again, what is left.
    pub ttl_ms: Millis,
    pub code_length: usize,
}

/// A text as it will be sent, but for the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeText {
    /// [`CODE_MARK`] stands where the code will.
    pub body: String,
    /// Of the words; English where it is a language in which we have none.
    pub locale: Locale,
    /// What may be otherwise than whoever asks for the code thinks.
    pub warnings: Vec<String>,
}

/// Whose words they are.
enum ChosenWords<'a> {
    Given(&'a str),
    Template(VerificationTemplate),
    Shipped,
}

impl Templates {
    /// The text of a new code. [`ErrorKind::Invalid`]: something that is wanted cannot be.
    pub async fn text(&self, wanted: &TextWanted<'_>) -> Result<CodeText> {
        let checked = CheckedText::read(wanted)?;
        let words = self.words(&checked).await?;
        checked.told(&words)
    }

    /// The text of a code that is sent again. Where its template is gone, or wants more than it did, it is told in the
    /// words that come with the server: it is the code that somebody waits for.
    pub async fn text_again(&self, wanted: &TextWanted<'_>) -> Result<CodeText> {
        match self.text(wanted).await {
            Err(error) if error.kind == ErrorKind::Invalid && wanted.template.is_some() => {
                self.text(&TextWanted { template: None, ..*wanted }).await
            }
            told => told,
        }
    }

    async fn words<'a>(&self, checked: &CheckedText<'a>) -> Result<ChosenWords<'a>> {
        let wanted = checked.wanted;
        if let Some(message) = wanted.message {
            check_body("message", message)?;
            return Ok(ChosenWords::Given(message));
        }
        let Some(id) = wanted.template else { return Ok(ChosenWords::Shipped) };
        if shipped_locale(id).is_some() {
            return Ok(ChosenWords::Shipped);
        }
        let family = template::family(&self.store, wanted.client, id).await?;
        let chosen = in_language(family, id, &checked.tag);
        chosen.map(ChosenWords::Template).ok_or_else(|| Error::invalid("template", "no such template"))
    }
}

/// Of one text in several languages that which comes nearest to this one; else that which was named.
fn in_language(
    family: Vec<VerificationTemplate>,
    named: VerificationTemplateId,
    tag: &str,
) -> Option<VerificationTemplate> {
    let distance = |one: &VerificationTemplate| match one.locale.as_str() {
        own if own == tag => 0,
        own if own == language(tag) => 1,
        own if language(own) == language(tag) => 2,
        _ if one.id == named => 3,
        _ => 4,
    };
    family.into_iter().min_by_key(distance)
}

fn check_substitutions(given: &BTreeMap<String, String>) -> Result<()> {
    let wrong = |reason: String| Err(Error::invalid("substitutions", reason));
    if given.len() > VALUES {
        return wrong(format!("must be {VALUES} at most"));
    }
    for (place, value) in given {
        if OWN_PLACES.contains(&place.as_str()) {
            return wrong(format!("must leave {} to us", OWN_PLACES.join(", ")));
        }
        if !is_place_name(place) {
            return wrong("must be named by letters, digits and _, the first no digit".to_owned());
        }
        let is_line = !value.contains(|c: char| c.is_control() || c == CODE_MARK);
        if !is_line || text::units(value) > LONGEST_VALUE {
            return wrong(format!("must each be one line of at most {LONGEST_VALUE} UTF-16 units: {place} is not"));
        }
    }
    Ok(())
}

/// What is wanted, where it can be.
struct CheckedText<'a> {
    wanted: TextWanted<'a>,
    autofill: Autofill,
    name: String,
    /// The language in which it is to be told.
    tag: String,
}

impl<'a> CheckedText<'a> {
    fn read(wanted: &TextWanted<'a>) -> Result<Self> {
        let autofill = Autofill::read(wanted.web_otp_host, wanted.app_hash)
            .map_err(|wrong| Error::invalid(wrong.field(), wrong.to_string()))?;
        let given = wanted.locale.map(|locale| language_tag(locale).ok_or_else(no_locale)).transpose()?;
        let tag = given.unwrap_or_else(|| Locale::of_country(wanted.country).name().to_owned());
        check_substitutions(wanted.substitutions)?;
        Ok(Self { wanted: *wanted, autofill, name: clean_name(wanted.name), tag })
    }

    fn told(&self, words: &ChosenWords<'_>) -> Result<CodeText> {
        let known = Locale::of_tag(&self.tag);
        let mut warnings = Vec::new();
        let (body, locale) = match words {
            ChosenWords::Given(given) => (self.whole(given, known.unwrap_or(Locale::En))?, known),
            ChosenWords::Template(template) => {
                let own = Locale::of_tag(&template.locale);
                (self.whole(&template.body, own.unwrap_or(Locale::En))?, own)
            }
            ChosenWords::Shipped => {
                if known.is_none() {
                    warnings.push(format!("there are no words in {}: the text is in English", self.tag));
                }
                (self.shipped(known.unwrap_or(Locale::En), &mut warnings)?, known)
            }
        };
        let bytes = if self.autofill.has_app() { self.shown(&body).len() } else { 0 };
        if bytes > RETRIEVER_BYTES {
            warnings.push(format!("the text is {bytes} bytes long, and Android apps read {RETRIEVER_BYTES} at most"));
        }
        Ok(CodeText { body, locale: locale.unwrap_or(Locale::En), warnings })
    }

    /// The words that come with the server: without the name where it is the name, beside a line for browsers, that
    /// makes a second segment of it. The line says who asks.
    fn shipped(&self, locale: Locale, warnings: &mut Vec<String>) -> Result<String> {
        let shipped = ShippedText::of(locale);
        if self.name.is_empty() {
            return self.whole(shipped.short, locale);
        }
        let full = self.whole(shipped.body, locale)?;
        if !self.autofill.has_host() {
            return Ok(full);
        }
        let short = self.whole(shipped.short, locale)?;
        if self.segments(&short) < self.segments(&full) {
            warnings.push("the name is left out: with it the text takes more segments".to_owned());
            return Ok(short);
        }
        Ok(full)
    }

    /// Words with all that stands in them and behind them.
    fn whole(&self, words: &str, locale: Locale) -> Result<String> {
        let values = TextValues { name: &self.name, minutes: whole_minutes(self.wanted.ttl_ms) };
        let own = |place: &str| self.wanted.substitutions.get(place).map(String::as_str);
        let filled = fill(words, values, own).map_err(|empty| Error::invalid("substitutions", empty.to_string()))?;
        let mut whole = filled.trim_end().to_owned();
        if self.wanted.warning {
            whole.push_str(if whole.ends_with(['.', '!', '?', '।']) { " " } else { ". " });
            whole.push_str(ShippedText::of(locale).warning);
        }
        if let Some(line) = self.autofill.line() {
            whole.push('\n');
            whole.push_str(&line);
        }
        Ok(whole)
    }

    /// As long as it will be.
    fn shown(&self, body: &str) -> String {
        body.replace(CODE_MARK, &"0".repeat(self.wanted.code_length))
    }

    fn segments(&self, body: &str) -> u32 {
        Segments::of(&self.shown(body)).count
    }
}

#[cfg(test)]
#[path = "text_test.rs"]
mod tests;
