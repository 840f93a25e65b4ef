//! Forms as carriers post them.

use percent_encoding::percent_decode_str;

/// `application/x-www-form-urlencoded` (the URL standard, 5.1). `None` where it is not UTF-8.
pub fn fields(form: &str) -> Option<Vec<(String, String)>> {
    let decode = |part: &str| Some(percent_decode_str(&part.replace('+', " ")).decode_utf8().ok()?.into_owned());
    let pairs = form.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| Some((decode(name)?, decode(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_s_fields_keep_their_order_and_their_plus_signs() {
        let read = fields("From=%2B237123456789&Body=a+b%20c&&Empty=&Bare&Body=%E2%9C%93").unwrap();
        let pairs: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("From", "+237123456789"), ("Body", "a b c"), ("Empty", ""), ("Bare", ""), ("Body", "✓")]);
        assert_eq!(fields("Body=%ff"), None);
    }

    proptest! {
        #[test]
        fn no_form_panics(form in "\\PC{0,80}") {
            let _ = fields(&form);
        }
    }
}
