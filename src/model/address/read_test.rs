//! The rules, one by one.

use super::*;

pub(super) fn read(text: &str, role: AddressRole, country: &str) -> Result<String, NotAnAddress> {
    let country = (!country.is_empty()).then(|| country.parse().ok()).flatten();
    Address::read(text, role, country).map(|(_, address)| address.as_str().to_owned())
}

/// Texts, the country where they are read, and what they mean.
fn check(rows: &[(&str, &str, Result<&str, NotAnAddress>)], role: AddressRole) {
    for (text, country, wanted) in rows {
        let wanted = wanted.clone().map(str::to_owned);
        assert_eq!(read(text, role, country), wanted, "{text:?} under {country:?}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_plus_needs_no_plan() {
    let good = |text| (text, "", Ok("+12025550150"));
    check(
        &[
            good("+12025550150"),
            good("+1 (202) 555-0150"),
            good("+1.202.555.0150"),
            good("+1/202/555/0150"),
            good("+1\u{2013}202\u{2212}555\u{2011}0150"),
            good("(+1) [202] 555 0150."),
            good("+ 1 202 555 0150"),
            good("tel:+12025550150"),
            good("TEL: +1-202-555-0150"),
            good("WhatsApp: +1 202 555 0150"),
            good("sms:+12025550150"),
            good("\u{202A}+1 202 555 0150\u{202C}"),
            good("+1 202\u{200B}555\u{AD}0150"),
            good("\u{FEFF}+12025550150\r\n"),
            good("＋１２０２５５５０１５０"),
            good("+\u{0661}\u{0662}\u{0660}\u{0662}\u{0665}\u{0665}\u{0665}\u{0660}\u{0661}\u{0665}\u{0660}"),
            good("+\u{06F1}\u{06F2}\u{06F0}\u{06F2}\u{06F5}\u{06F5}\u{06F5}\u{06F0}\u{06F1}\u{06F5}\u{06F0}"),
            ("+44 (0)7700 900123", "", Ok("+447700900123")),
            ("+44 ( 0 ) 20 7183 8750", "", Ok("+442071838750")),
            ("+1 (0) 202 555 0150", "", Ok("+12025550150")),
            ("+39 (0)6 1234 5678", "", Ok("+390612345678")),
            ("+225 (0)7 12 34 56 78", "", Ok("+2250712345678")),
            // only behind a country code
            ("+44 7700 (0)90012", "", Ok("+447700090012")),
            ("+999 (0)1234567", "", Ok("+99901234567")),
            ("+1234567", "", Ok("+1234567")),
            ("+123456789012345", "", Ok("+123456789012345")),
        ],
        AddressRole::Recipient,
    );
    check(
        &[
            ("+0012025550150", "US", Err(NotAnAddress::Zero)),
            ("+02025550150", "", Err(NotAnAddress::Zero)),
            ("+(0)2025550150", "", Err(NotAnAddress::Zero)),
            ("+1202555O150", "", Err(NotAnAddress::Letters)),
            ("+1234567890123456", "", Err(NotAnAddress::Length)),
            ("+123456", "", Err(NotAnAddress::Length)),
            ("+44 (0)12345", "", Ok("+4412345")),
            ("++12025550150", "", Err(NotAnAddress::Plus)),
            ("+1+2025550150", "", Err(NotAnAddress::Plus)),
            ("1+2025550150", "", Err(NotAnAddress::Plus)),
            ("+12025550150 +12025550151", "", Err(NotAnAddress::Plus)),
            ("+12025550150x12", "", Err(NotAnAddress::Extension)),
            ("+1 202 555 0150 ext. 12", "", Err(NotAnAddress::Extension)),
            ("tel:+12025550150;ext=12", "", Err(NotAnAddress::Extension)),
            ("+1 800 FLOWERS", "", Err(NotAnAddress::Letters)),
            ("+12025550150,12", "", Err(NotAnAddress::Character)),
            ("+12025550150#", "", Err(NotAnAddress::Character)),
            ("*12025550150", "", Err(NotAnAddress::Character)),
            ("+1202555015\u{0966}", "", Err(NotAnAddress::Character)),
            ("+12025550150\0", "", Err(NotAnAddress::Character)),
            ("+", "", Err(NotAnAddress::Character)),
            ("()", "", Err(NotAnAddress::Character)),
            ("", "", Err(NotAnAddress::Empty)),
            (" \u{200E} ", "", Err(NotAnAddress::Empty)),
            ("whatsapp:", "", Err(NotAnAddress::Empty)),
        ],
        AddressRole::Recipient,
    );
}

fn two(one: &str, other: &str) -> NotAnAddress {
    NotAnAddress::TwoReadings(one.into(), other.into())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_country_reads_its_own_numbers() {
    let not = |country: &str| Err(NotAnAddress::NotNational(country.into()));
    check(
        &[
            // behind the trunk prefix; drama ranges and test numbers too
            ("07700 900123", "GB", Ok("+447700900123")),
            ("(0)7700 900123", "GB", Ok("+447700900123")),
            ("020 7183 8750", "GB", Ok("+442071838750")),
            ("07781 123456", "GB", Ok("+447781123456")),
            ("01712345678", "DE", Ok("+491712345678")),
            ("0171/2345678", "DE", Ok("+491712345678")),
            ("030 123456", "DE", Ok("+4930123456")),
            ("1 500 555 0006", "US", Ok("+15005550006")),
            ("8 (916) 123-45-67", "RU", Ok("+79161234567")),
            ("06 20 123 4567", "HU", Ok("+36201234567")),
            ("8 612 34567", "LT", Ok("+37061234567")),
            ("0 11 2345-6789", "AR", Ok("+541123456789")),
            ("090-1234-5678", "JP", Ok("+819012345678")),
            // without it
            ("1712345678", "DE", Ok("+491712345678")),
            ("2071838750", "GB", Ok("+442071838750")),
            ("40612345", "NO", Ok("+4740612345")),
            ("9123 4567", "SG", Ok("+6591234567")),
            ("06 1234 5678", "IT", Ok("+390612345678")),
            ("347 123 4567", "IT", Ok("+393471234567")),
            ("(202) 555-0150", "US", Ok("+12025550150")),
            ("6465550123", "US", Ok("+16465550123")),
            ("416-555-0150", "US", Ok("+14165550150")),
            ("8765550150", "CA", Ok("+18765550150")),
            // dialled abroad
            ("00447700900123", "DE", Ok("+447700900123")),
            ("0049 30 123456", "DE", Ok("+4930123456")),
            ("0044 (0)20 7183 8750", "DE", Ok("+442071838750")),
            ("011 44 20 7183 8750", "US", Ok("+442071838750")),
            ("010 1 202 555 0150", "JP", Ok("+12025550150")),
            ("8~10", "RU", Err(NotAnAddress::Character)),
            ("810 1 202 555 0150", "RU", Ok("+12025550150")),
            ("0011 44 20 7183 8750", "AU", Ok("+442071838750")),
            ("0012025550150", "US", Ok("+12025550150")),
            ("0012025550150", "GB", Ok("+12025550150")),
            // by itself
            ("12025550150", "US", Ok("+12025550150")),
            ("12025550150", "GB", Ok("+12025550150")),
            ("447911123456", "US", Ok("+447911123456")),
            ("4740612345", "NO", Ok("+4740612345")),
            ("44 (0)20 7183 8750", "GB", Ok("+442071838750")),
            // two readings
            ("13012345678", "CN", Err(two("+8613012345678", "+13012345678"))),
            ("13012345678", "US", Ok("+13012345678")),
            // none
            ("447700900123", "US", not("US")),
            ("4740612345", "GB", not("GB")),
            ("1123456789", "US", not("US")),
            ("0202 555 0150", "US", not("US")),
            ("12345678901", "DE", Ok("+12345678901")),
            ("11345678901", "DE", not("DE")),
            ("66066", "DE", Ok("66066")),
            ("022222", "DE", Ok("+4922222")),
            ("9123 4567", "US", not("US")),
            ("1", "US", not("US")),
            // short codes
            ("40404", "US", Ok("40404")),
            ("40404", "GB", Ok("40404")),
            ("911", "US", Ok("911")),
            ("sms:40404", "US", Ok("40404")),
            ("404 04", "US", not("US")),
            ("(40404)", "US", not("US")),
        ],
        AddressRole::Recipient,
    );
}

#[test]
fn without_a_country_ten_digits_are_never_guessed() {
    let none = Err(NotAnAddress::NoCountry);
    check(
        &[
            ("12025550150", "", Ok("+12025550150")),
            ("1 (202) 555-0150", "", Ok("+12025550150")),
            ("0012025550150", "", Ok("+12025550150")),
            ("01112025550150", "", Ok("+12025550150")),
            ("13012345678", "", Ok("+13012345678")),
            ("447911123456", "", Ok("+447911123456")),
            ("00 44 (0)20 7183 8750", "", Ok("+442071838750")),
            ("00 47 406 12 345", "", Ok("+4740612345")),
            ("0039 06 1234 5678", "", Ok("+390612345678")),
            ("6465550123", "", none.clone()),
            ("2025550150", "", none.clone()),
            ("07700 900123", "", none.clone()),
            ("01712345678", "", none.clone()),
            ("4740612345", "", none.clone()),
            ("00447700900123", "", none.clone()),
            ("123456789012", "", none.clone()),
            ("1234567890123456", "", none.clone()),
            ("9123 4567", "", none.clone()),
            ("123456789", "", none.clone()),
            ("12", "", none.clone()),
            ("40612345", "", Ok("40612345")),
            ("40404", "", Ok("40404")),
            (" 123 ", "", Ok("123")),
            ("٤٠٤٠٤", "", Ok("40404")),
        ],
        AddressRole::Recipient,
    );
}

#[test]
fn senders_may_be_names() {
    check(
        &[
            ("Acme", "US", Ok("Acme")),
            (" Acme ", "", Ok("Acme")),
            ("Acme+", "", Ok("Acme+")),
            ("A.B. & C-d_e", "", Err(NotAnAddress::Name)),
            ("A.B.&C-d_e+", "", Ok("A.B.&C-d_e+")),
            ("Acme\u{A0}Co", "", Ok("Acme Co")),
            ("1a", "", Ok("1a")),
            ("sms:Acme", "", Ok("Acme")),
            ("+Acme", "", Err(NotAnAddress::Name)),
            ("ABCDEFGHIJKL", "", Err(NotAnAddress::Name)),
            ("Acmé", "", Err(NotAnAddress::Name)),
            ("A\u{200B}B", "", Err(NotAnAddress::Name)),
            ("Acme!", "", Err(NotAnAddress::Name)),
            ("+1202555O150", "", Err(NotAnAddress::Name)),
            ("+12025550150x12", "", Err(NotAnAddress::Extension)),
            ("& -", "", Err(NotAnAddress::Character)),
            ("+1 (202) 555-0150", "", Ok("+12025550150")),
            ("40404", "", Ok("40404")),
            ("07700 900123", "GB", Ok("+447700900123")),
        ],
        AddressRole::Sender,
    );
    assert_eq!(read("Acme", AddressRole::Recipient, ""), Err(NotAnAddress::Letters));
}

#[test]
fn a_scheme_names_the_channel() {
    for (text, channel) in [
        ("whatsapp:+12025550150", Some(Channel::Whatsapp)),
        ("WHATSAPP:12025550150", Some(Channel::Whatsapp)),
        ("sms:+12025550150", Some(Channel::Sms)),
        ("tel:+12025550150", None),
        ("+12025550150", None),
    ] {
        let read = Address::read(text, AddressRole::Recipient, None).ok();
        assert_eq!(read, Some((channel, Address::stored("+12025550150"))), "{text}");
    }
}

#[test]
fn what_a_carrier_says_is_read_or_kept() {
    for (text, channel, kept) in [
        ("+12025550150", None, "+12025550150"),
        ("whatsapp:+12025550150", Some(Channel::Whatsapp), "+12025550150"),
        ("12025550150", None, "+12025550150"),
        ("+1 202 555 0150", None, "+12025550150"),
        ("447911123456", None, "+447911123456"),
        ("40404", None, "40404"),
        // kept
        ("2025559003", None, "2025559003"),
        ("AcmeBankAlerts", None, "AcmeBankAlerts"),
        (" Acme ", None, " Acme "),
        ("messenger:1029384756", None, "messenger:1029384756"),
        ("rcs:brand_agent", None, "rcs:brand_agent"),
        ("whatsapp:US.1029384756", Some(Channel::Whatsapp), "US.1029384756"),
        ("tel:anonymous", None, "tel:anonymous"),
        ("+0012025550150", None, "+0012025550150"),
        ("07700900123", None, "07700900123"),
        ("", None, ""),
    ] {
        assert_eq!(Address::from_carrier(text), (channel, Address::stored(kept)), "{text:?}");
    }
    let american = |text: &str| Address::from_american_carrier(text).1.as_str().to_owned();
    assert_eq!(american("2025559003"), "+12025559003");
    assert_eq!(american("12025559003"), "+12025559003");
    assert_eq!(american("(202) 555-9003"), "+12025559003");
    assert_eq!(american(" 1-202-555-9003\u{200b}"), "+12025559003");
    assert_eq!(american("202555900"), "202555900", "nobody's number in Egypt");
    assert_eq!(american("01112025550150"), "+12025550150", "dialled out");
    assert_eq!(american("+12025559003"), "+12025559003");
    assert_eq!(american("447700900123"), "+447700900123", "of no plan, and whole");
    assert_eq!(american("01144770090012"), "01144770090012");
    assert_eq!(american("40404"), "40404");
}
