//! The folded form of a number, by which its person is found.
//!
//! Mexico's carriers write mobiles with and without a 1 behind +52, Argentina's with and without a 9 behind +54;
//! Brazil's with and without the ninth digit, a 9 before numbers that began with 6 to 9 when they had eight. A 9 that
//! is followed by 1 to 5 has always been there: without it the number is somebody's telephone at home.

use std::borrow::Cow;

/// How many digits Mexico's and Argentina's numbers have, and Brazil's without the ninth.
const TEN: usize = 10;

/// Which token a country's mobiles may have before their ten digits.
const TOKENS: [(&str, char); 2] = [("+52", '1'), ("+54", '9')];
const BRAZIL: &str = "+55";

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

/// The area code and the rest of a Brazilian mobile as it was before the ninth digit came.
fn brazilian(text: &str) -> Option<(&str, &str)> {
    let national = text.strip_prefix(BRAZIL)?;
    let (area, number) = national.split_at_checked(2)?;
    let number = if number.len() == 9 { number.strip_prefix('9')? } else { number };
    let was_mobile = is_digits(number, 8) && is_digits(area, 2) && matches!(number.as_bytes()[0], b'6'..=b'9');
    was_mobile.then_some((area, number))
}

/// The country and the ten digits of a number that may have a token before them.
fn tokened(text: &str) -> Option<(&'static str, char, &str)> {
    TOKENS.into_iter().find_map(|(country, token)| {
        let national = text.strip_prefix(country)?;
        let number = if national.len() > TEN { national.strip_prefix(token)? } else { national };
        is_digits(number, TEN).then_some((country, token, number))
    })
}

/// The shorter form, where there are two.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    let folded = tokened(text)
        .map(|(country, _, number)| format!("{country}{number}"))
        .or_else(|| brazilian(text).map(|(area, number)| format!("{BRAZIL}{area}{number}")));
    match folded {
        Some(folded) if folded != text => Cow::Owned(folded),
        Some(_) | None => Cow::Borrowed(text),
    }
}

pub(super) fn has_forms(text: &str) -> bool {
    tokened(text).is_some() || brazilian(text).is_some()
}

/// The folded form first; one where there is but one.
pub(super) fn forms(text: &str) -> Vec<String> {
    if let Some((country, token, number)) = tokened(text) {
        return vec![format!("{country}{number}"), format!("{country}{token}{number}")];
    }
    match brazilian(text) {
        Some((area, number)) => vec![format!("{BRAZIL}{area}{number}"), format!("{BRAZIL}{area}9{number}")],
        None => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_forms_are_one_person() {
        for (one, other, folded) in [
            ("+5215512345678", "+525512345678", "+525512345678"),
            ("+5491123456789", "+541123456789", "+541123456789"),
            ("+5493431234567", "+543431234567", "+543431234567"),
            ("+5585987654321", "+558587654321", "+558587654321"),
            ("+5511961234567", "+551161234567", "+551161234567"),
        ] {
            assert_eq!((fold(one).as_ref(), fold(other).as_ref()), (folded, folded));
            assert_eq!(forms(one), [other, one]);
            assert_eq!(forms(one), forms(other));
        }
    }

    #[test]
    fn all_others_are_themselves() {
        for text in [
            "+12025550150",
            // the ninth digit of new mobiles in Sao Paulo, whose eight others are a landline's
            "+5511941234567",
            "+551141234567",
            // too long, too short, no digits
            "+52155123456789",
            "+52551234567",
            "+5515512345678",
            "+549112345678é",
            "+55",
            "+55é1961234567",
            "40404",
            "Acme",
            "",
        ] {
            assert_eq!(fold(text), text);
            assert_eq!(forms(text), [text]);
        }
    }

    proptest! {
        #[test]
        fn folding_is_done_once(text in "\\+5[245][0-9]{8,12}|\\PC{0,16}") {
            let folded = fold(&text).into_owned();
            prop_assert_eq!(fold(&folded), folded.as_str());
            let forms = forms(&text);
            prop_assert!(forms.contains(&text) && forms[0] == folded);
            prop_assert!(forms.iter().all(|form| fold(form) == folded.as_str()));
            prop_assert_eq!(has_forms(&text), forms.len() > 1);
        }
    }
}
