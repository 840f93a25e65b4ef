//! What clients post as forms: whatever case, parameters and charset its content type has, in one piece or in parts.

mod parts;

use std::collections::BTreeMap;

use crate::model::charset::parameter;
use crate::model::{FormCharset, form};

/// How a body is written, as far as its content type says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BodyContentType {
    Form(FormCharset),
    /// `multipart/form-data` (RFC 7578).
    Parts {
        boundary: String,
    },
    Other,
}

/// What is wrong with a form, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadForm(pub(super) String);

impl BodyContentType {
    /// `None`: it does not say.
    pub(super) fn of(content_type: Option<&str>) -> Result<Option<Self>, BadForm> {
        let Some(content_type) = content_type.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Some(Self::Form(charset(content_type)?)));
        }
        if kind.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = parameter(content_type, "boundary").filter(|text| (1..=70).contains(&text.len()));
            let boundary = boundary.ok_or_else(|| BadForm("Content-Type must name its boundary".to_owned()))?;
            return Ok(Some(Self::Parts { boundary }));
        }
        Ok(Some(Self::Other))
    }
}

/// The fields of a form, in their order, repeated ones too. `None`: it is none.
pub(super) fn fields(media: &BodyContentType, bytes: &[u8]) -> Result<Option<Vec<(String, String)>>, BadForm> {
    match media {
        BodyContentType::Form(charset) => {
            form::texts(bytes, *charset).map(Some).map_err(|bad| BadForm(format!("{}: {}", bad.name, bad.reason)))
        }
        BodyContentType::Parts { boundary } => parts::fields(boundary, bytes).map(Some),
        BodyContentType::Other => Ok(None),
    }
}

/// A name that may come once and has two different values: which of them is meant?
pub(super) fn twice(fields: &[(String, String)], is_single: impl Fn(&str) -> bool) -> Option<&str> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in fields {
        let (name, value) = (name.as_str(), value.as_str());
        // most come once: only of those that do not it matters whether they must
        if *first.entry(name).or_insert(value) != value && is_single(name) {
            return Some(name);
        }
    }
    None
}

fn charset(header: &str) -> Result<FormCharset, BadForm> {
    let Some(name) = parameter(header, "charset") else { return Ok(FormCharset::default()) };
    FormCharset::named(&name).ok_or_else(|| BadForm("charset must be utf-8, iso-8859-1 or windows-1252".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_in_any_case_with_whatever_parameters() {
        let form = |charset| -> Result<Option<BodyContentType>, BadForm> { Ok(Some(BodyContentType::Form(charset))) };
        let parts = |boundary: &str| -> Result<Option<BodyContentType>, BadForm> {
            Ok(Some(BodyContentType::Parts { boundary: boundary.to_owned() }))
        };
        for (content_type, media) in [
            (" Application/X-WWW-Form-Urlencoded ", form(FormCharset::Utf8)),
            ("application/x-www-form-urlencoded; charset=\"ISO-8859-1\"", form(FormCharset::Latin)),
            ("application/x-www-form-urlencoded;x=\"a;charset=utf-16\" ; CharSet = utf-8", form(FormCharset::Utf8)),
            ("application/x-www-form-urlencoded;", form(FormCharset::Utf8)),
            ("application/x-www-form-urlencoded; ; charset=iso-8859-1", form(FormCharset::Latin)),
            ("multipart/form-data; x; boundary=abc", parts("abc")),
            ("Multipart/Form-Data; boundary=abc", parts("abc")),
            ("multipart/form-data; charset=utf-8; boundary=\"a \\\"b;c\"", parts("a \"b;c")),
            ("application/json", Ok(Some(BodyContentType::Other))),
            ("application/x-www-form-urlencodedly", Ok(Some(BodyContentType::Other))),
            ("  ", Ok(None)),
        ] {
            assert_eq!(BodyContentType::of(Some(content_type)), media, "{content_type}");
        }
        assert_eq!(BodyContentType::of(None), Ok(None));
        for bad in [
            "application/x-www-form-urlencoded; charset=utf-16",
            "multipart/form-data",
            "multipart/form-data; boundary=",
        ] {
            assert!(BodyContentType::of(Some(bad)).is_err(), "{bad}");
        }
    }
}
