//! `multipart/form-data` (RFC 7578), whose fields are texts: files are sent by their URLs.

use super::{BadForm, charset, parameter};
use crate::model::text;

fn bad(reason: impl Into<String>) -> BadForm {
    BadForm(reason.into())
}

/// Where `part` begins in `whole`.
fn find(whole: &[u8], part: &[u8]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}

/// What stands before and behind the first `mark`.
fn split<'a>(whole: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(whole, mark)?;
    Some((&whole[..at], &whole[at + mark.len()..]))
}

/// The fields in their order.
pub(super) fn fields(boundary: &str, bytes: &[u8]) -> Result<Vec<(String, String)>, BadForm> {
    let broken = || bad("the body is no multipart/form-data: a part does not end in its boundary");
    let delimiter = format!("--{boundary}");
    let mut rest = match bytes.strip_prefix(delimiter.as_bytes()) {
        Some(rest) => rest,
        // a preamble says nothing
        None => split(bytes, format!("\r\n{delimiter}").as_bytes()).ok_or_else(broken)?.1,
    };
    let end = format!("\r\n{delimiter}");
    let mut fields = Vec::new();
    while !rest.starts_with(b"--") {
        let (padding, part) = split(rest, b"\r\n").ok_or_else(broken)?;
        if !padding.trim_ascii().is_empty() {
            return Err(broken());
        }
        // a part without a header begins with the empty line
        let (head, after) = match part.strip_prefix(b"\r\n") {
            Some(after) => (&b""[..], after),
            None => split(part, b"\r\n\r\n").ok_or_else(broken)?,
        };
        let (content, behind) = split(after, end.as_bytes()).ok_or_else(broken)?;
        fields.extend(field(head, content)?);
        rest = behind;
    }
    Ok(fields)
}

/// One part. `None`: a file that was not chosen.
fn field(head: &[u8], content: &[u8]) -> Result<Option<(String, String)>, BadForm> {
    let head = std::str::from_utf8(head).map_err(|_| bad("the head of a part is no UTF-8"))?;
    let header = |wanted: &str| {
        let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let name = parameter(disposition, "name").ok_or_else(|| bad("a part has no name"))?;
    // browsers escape so what would end the name
    let name = name.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
    let file = parameter(disposition, "filename").or_else(|| parameter(disposition, "filename*"));
    if file.as_deref() == Some("") && content.is_empty() {
        return Ok(None);
    }
    if file.is_some() {
        return Err(bad(format!("{name}: must be a text, not a file; media are sent by their URLs")));
    }
    let encoding = header("content-transfer-encoding").unwrap_or("8bit");
    if !["7bit", "8bit", "binary"].iter().any(|plain| plain.eq_ignore_ascii_case(encoding)) {
        return Err(bad(format!("{name}: must come as it is, without a Content-Transfer-Encoding")));
    }
    let charset = charset(header("content-type").unwrap_or_default())?;
    let value = text::read(charset.to_utf8(content.to_vec())).map_err(|reason| bad(format!("{name}: {reason}")))?;
    Ok(Some((name, value)))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Vec<(String, String)>, BadForm> {
        fields("x", body.replace('\n', "\r\n").as_bytes())
    }

    fn disposition(rest: &str) -> String {
        format!("Content-Disposition: form-data; {rest}")
    }

    #[test]
    fn parts_are_texts_in_their_order() {
        let (one, two) = (disposition("name=\"To\""), disposition("name=MediaUrl").to_lowercase());
        let file = disposition("name=\"F\"; filename=\"\"");
        let body = format!(
            "preamble\n--x \n{one}\n\n+1415\n--x\n{two}\nContent-Type: text/plain\n\na\n--y\n\n\n--x\n{file}\n\n\n--x\n{two}\n\n\n--x--\nepilogue"
        );
        let wanted = [("To", "+1415"), ("mediaurl", "a\r\n--y\r\n\r\n"), ("mediaurl", "")];
        let read = read(&body).unwrap();
        assert_eq!(read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), wanted);
        assert_eq!(self::read("--x--"), Ok(Vec::new()));
        let latin = b"--x\r\nContent-Disposition: form-data; name=B\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n\r\n\xfc\r\n--x--";
        assert_eq!(fields("x", latin), Ok(vec![("B".to_owned(), "ü".to_owned())]));
    }

    #[test]
    fn what_is_none_is_told() {
        let file = disposition("name=\"F\"; filename=\"a.png\"");
        let name = disposition("name=\"B\"");
        for (body, told) in [
            (String::new(), "boundary"),
            ("--x\n".to_owned(), "boundary"),
            (format!("--x\n{name}\n\na"), "boundary"),
            (format!("--x\n{name}\n\na\n--xy"), "boundary"),
            (format!("--x\n{}\n\na\n--x--", disposition("other=1")), "no name"),
            ("--x\n\na\n--x--".to_owned(), "no name"),
            (format!("--x\n{file}\n\na\n--x--"), "F: must be a text, not a file"),
            (format!("--x\n{name}\nContent-Transfer-Encoding: base64\n\nYQ==\n--x--"), "B: must come as it is"),
            (format!("--x\n{name}\nContent-Type: text/plain; charset=utf-16\n\na\n--x--"), "charset"),
            (format!("--x\n{name}\n\na\0\n--x--"), "B: "),
        ] {
            let BadForm(reason) = read(&body).unwrap_err();
            assert!(reason.contains(told), "{body:?}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = fields("x", &bytes);
        }

        #[test]
        fn what_is_written_is_read(values in prop::collection::vec("[^\0]{0,20}", 0..4)) {
            let mut body = String::new();
            for value in &values {
                let _ = write!(body, "--=_b=\r\n{}\r\n\r\n{value}\r\n", disposition("name=\"a\""));
            }
            body.push_str("--=_b=--\r\n");
            let read = fields("=_b=", body.as_bytes()).unwrap();
            prop_assert_eq!(read.into_iter().map(|(_, value)| value).collect::<Vec<_>>(), values);
        }
    }
}
