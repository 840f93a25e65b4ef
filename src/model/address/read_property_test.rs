//! What holds of all texts.

use proptest::prelude::*;

use super::tests::read;
use super::*;
use crate::model::AddressKind;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_was_read_is_read_as_itself(
        text in "\\+[0-9]{0,17}|[0-9]{0,16}|[0-9+ ().x/-]{0,18}|\\PC{0,14}|(tel|SMS|whatsapp):\\PC{0,14}",
        role in prop_oneof![Just(AddressRole::Sender), Just(AddressRole::Recipient)],
        country in prop_oneof![Just(""), Just("US"), Just("GB"), Just("DE"), Just("NO"), Just("JP"), Just("RU")],
    ) {
        if let Ok(once) = read(&text, role, country) {
            let address = Address::stored(once.as_str());
            prop_assert!(address.kind() != AddressKind::Other, "{}", once);
            prop_assert!(role == AddressRole::Sender || address.can_be_texted());
            if address.kind() != AddressKind::ShortCode {
                prop_assert_eq!(read(&once, role, country), Ok(once.clone()));
            }
        }
        let (_, kept) = Address::from_carrier(&text);
        let _ = (format!("{kept}"), kept.forms());
        prop_assert_eq!(Address::from_carrier(kept.as_str()).1, kept);
    }

    #[test]
    fn a_plus_and_digits_are_never_changed(text in "\\+[1-9][0-9]{6,14}", country in prop_oneof![Just(""), Just("US"), Just("IT")]) {
        prop_assert_eq!(read(&text, AddressRole::Recipient, country), Ok(text.clone()));
        prop_assert_eq!(Address::from_carrier(&text), (None, Address::stored(text.as_str())));
        prop_assert_eq!(read(&format!(" tel:{text}\u{200F}"), AddressRole::Sender, country), Ok(text));
    }

    #[test]
    fn what_stands_between_digits_changes_nothing(parts in prop::collection::vec(("[0-9]{1,4}", "[ ./\u{2013}\u{A0}-]{0,2}"), 2..5)) {
        let written = parts.iter().fold("+1".to_owned(), |text, (digits, between)| text + digits + between);
        let digits = parts.iter().fold("+1".to_owned(), |text, (digits, _)| text + digits);
        let wanted = if clean::is_plain(&digits) { Ok(digits) } else { Err(NotAnAddress::Length) };
        prop_assert_eq!(read(&written, AddressRole::Recipient, ""), wanted);
    }
}
